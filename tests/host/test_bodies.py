"""Bodies that get lost on their way, and bodies that are not there: neither is a request."""

import pytest

from tests.builders.azure import add_table, table_id
from tests.builders.routes import to_firewall

TABLE = f"/api/route-tables{table_id('one')}"
NEED_A_BODY = [
    ("POST", "/api/sync"),
    ("POST", "/api/adopt"),
    ("POST", "/api/rollback"),
    ("POST", "/api/release"),
    ("POST", "/api/discover"),
    ("POST", "/api/provision"),
    ("POST", "/api/check"),
    ("PUT", TABLE),
    ("PATCH", TABLE),
]


def in_chunks(text):
    """Return a body as .NET's `PostAsJsonAsync`, generators and some gateways send it."""
    yield text.encode()


def register(host, name, **body):
    path = f"/api/route-tables{table_id(name)}"
    host.request("PUT", path, json=body).raise_for_status()


def runs(host):
    return host.request("GET", "/api/runs").json()["value"]


def code_of(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]["code"]


def test_a_plan_that_got_lost_applies_nothing(common_azure, common_host):
    for name in ("one", "two"):
        add_table(common_azure.state, name, [to_firewall()])
        register(common_host, name)
    body = f'{{"mode": "plan", "routeTables": ["{table_id("one")}"]}}'
    answer = common_host.request("POST", "/api/sync", content=in_chunks(body))
    if answer.status_code == 202:
        common_host.ended_run(answer.json()["runId"])
    assert common_azure.state.writes() == []
    assert code_of(answer, 411) == "LengthRequired"
    assert "Content-Length" in answer.json()["error"]["message"]
    assert runs(common_host) == []


def test_a_registration_that_got_lost_changes_none(common_azure, common_host):
    add_table(common_azure.state, "one")
    register(common_host, "one", enabled=False, note="by hand until May")
    before = common_host.request("GET", TABLE)
    for method in ("PUT", "PATCH"):
        answer = common_host.request(method, TABLE, content=in_chunks('{"note": "until June"}'))
        assert common_host.request("GET", TABLE).json() == before.json()
        assert code_of(answer, 411) == "LengthRequired"


@pytest.mark.parametrize("body", ["", "  \n"])
def test_an_empty_body_is_no_request(common_azure, common_host, body):
    add_table(common_azure.state, "one", [to_firewall()])
    register(common_host, "one", enabled=False)
    for method, path in NEED_A_BODY:
        answer = common_host.request(method, path, content=body.encode())
        assert code_of(answer, 400) == "InvalidBody", path
        [fault] = answer.json()["error"]["details"]
        assert (fault["target"], "{}" in fault["message"]) == ("body", True)
        assert code_of(common_host.request(method, path, content=in_chunks(body)), 411), path
    assert common_host.request("GET", TABLE).json()["registration"]["enabled"] is False
    assert runs(common_host) == []


def test_an_empty_object_is_a_request(azure, host):
    add_table(azure.state, "one", [to_firewall()])
    register(host, "one", enabled=False)
    assert host.request("PATCH", TABLE, content=b"{}").json()["registration"]["enabled"] is False
    assert host.request("PUT", TABLE, content=b" {} ").json()["registration"]["enabled"] is True
    run = host.request("POST", "/api/sync", content=b"{}")
    assert host.ended_run(run.json()["runId"])["counts"]["changed"] == 1


def test_the_sender_of_an_alert_that_got_lost_hears_of_it(common_azure, common_host):
    add_table(common_azure.state, "one", [to_firewall()])
    register(common_host, "one")
    answer = common_host.request("POST", "/api/alerts", content=in_chunks('{"schemaId": "x"}'))
    assert code_of(answer, 411) == "LengthRequired"
    assert runs(common_host) == []


def test_who_may_not_call_does_not_hear_of_a_lost_body(common_host):
    anyone = {"x-functions-key": "wrong"}
    answer = common_host.request("POST", "/api/sync", content=in_chunks("{}"), headers=anyone)
    assert answer.status_code == 401


def test_a_byte_order_mark_is_no_part_of_the_body(azure, host):
    add_table(azure.state, "one", [to_firewall()])
    content = '{"note": "für später"}'.encode("utf-8-sig")
    answer = host.request("PUT", TABLE, content=content)
    assert answer.json()["registration"]["note"] == "für später"
    alone = host.request("POST", "/api/sync", content="".encode("utf-8-sig"))
    assert code_of(alone, 400) == "InvalidBody"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_a_body_in_another_encoding_is_refused_and_changes_nothing(
    common_azure, common_host, encoding
):
    add_table(common_azure.state, "one", [to_firewall()])
    register(common_host, "one", note="as it was")
    content = '{"note": "für später"}'.encode(encoding)
    for method, path in [*NEED_A_BODY, ("POST", "/api/alerts")]:
        answer = common_host.request(method, path, content=content)
        assert code_of(answer, 400) == "InvalidBody", path
        assert "UTF-8" in answer.json()["error"]["message"], path
    assert common_host.request("GET", TABLE).json()["registration"]["note"] == "as it was"
    assert runs(common_host) == []


@pytest.mark.parametrize(
    "body",
    [
        '{"mode": "plan", "mode": "apply"}',
        '{"mode": "plan", "m\\u006fde": "apply"}',
    ],
)
def test_a_field_that_stands_twice_is_refused(common_azure, common_host, body):
    add_table(common_azure.state, "one", [to_firewall()])
    register(common_host, "one")
    answer = common_host.request("POST", "/api/sync", content=body.encode())
    assert code_of(answer, 400) == "InvalidBody"
    assert answer.json()["error"]["details"][0]["target"] == "mode"
    assert (common_azure.state.writes(), runs(common_host)) == ([], [])
