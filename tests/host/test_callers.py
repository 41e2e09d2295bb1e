"""Who may do what, where App Service Authentication is on: it sets the header that is sent here."""

import base64
from typing import Any

import pytest

from shared.endpoints.callers import SENDERS
from tests.builders.alerts import common
from tests.builders.azure import add_table, ase_id_of, table_id
from tests.builders.callers import OBJECT_ID, principal
from tests.builders.functions import HTTP_FUNCTIONS
from tests.builders.routes import to_firewall
from tests.builders.runs import TAG

ROLE_CLAIM = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


def guarded_host(azure, make_host):
    """A host that App Service Authentication stands before, and one registered table."""
    host = make_host(WEBSITE_AUTH_ENABLED="True", ALLOWED_SERVICE_TAGS=f"{TAG},ApiManagement")
    add_table(azure.state, "one", [to_firewall()])
    assert host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).status_code == 201
    return host


@pytest.fixture
def guarded(azure, make_host):
    return guarded_host(azure, make_host)


@pytest.fixture(scope="module")
def common_guarded(common_azure, make_common_host):
    """Whoever needs the table in a certain state has to register it anew."""
    return guarded_host(common_azure, make_common_host)


def refused(answer):
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["code"] == "RoleNeeded"
    return answer.json()["error"]["message"]


def planned(host, headers):
    answer = host.request("POST", "/api/sync", json={"mode": "plan"}, headers=headers)
    assert answer.status_code == 202, answer.text
    return host.ended_run(answer.json()["runId"])


def test_a_run_names_the_object_id_of_whoever_asked_for_it(guarded):
    assert planned(guarded, principal("Operator"))["requestedBy"] == OBJECT_ID
    shorter = principal("operator", id_claim="oid", role_claim=ROLE_CLAIM)
    assert planned(guarded, shorter)["requestedBy"] == OBJECT_ID


def test_whoever_comes_with_a_key_alone_is_unverified_and_approves_nothing(guarded):
    plan = planned(guarded, {})
    assert plan["requestedBy"] == "unverified"
    approval = {"planRunId": plan["runId"]}
    assert "Approver" in refused(guarded.request("POST", "/api/sync", json=approval))
    force = {**approval, "force": ["MaxRemovedPercent"], "reason": "seen"}
    refused(guarded.request("POST", "/api/sync", json=force))
    undo = {"routeTableId": table_id("one"), "runId": plan["runId"], "reason": "seen"}
    refused(guarded.request("POST", "/api/rollback", json={**undo, "force": ["MaxRemovedPercent"]}))
    # Without force it is a 400: that run has changed nothing.
    assert guarded.request("POST", "/api/rollback", json=undo).status_code == 400


def test_an_approver_approves_and_an_operator_does_not(azure, guarded):
    plan = planned(guarded, principal("Operator"))
    body = {"planRunId": plan["runId"]}
    refused(
        guarded.request("POST", "/api/sync", json=body, headers=principal("Operator", "Reader"))
    )
    answer = guarded.request("POST", "/api/sync", json=body, headers=principal("Approver"))
    assert answer.status_code == 202, answer.text
    ended = guarded.ended_run(answer.json()["runId"])
    assert (ended["requestedBy"], ended["counts"]["changed"]) == (OBJECT_ID, 1)


def test_a_reader_reads_and_starts_nothing(guarded):
    reader = principal("Reader")
    for path in ("runs", "versions", "route-tables", "dashboard"):
        assert guarded.request("GET", f"/api/{path}", headers=reader).status_code == 200
    table = f"/api/route-tables{table_id('one')}"
    for method, path in (
        ("POST", "/api/sync"),
        ("POST", "/api/discover"),
        ("POST", "/api/check"),
        ("POST", "/api/release"),
        ("PUT", table),
        ("DELETE", table),
    ):
        assert "Operator" in refused(guarded.request(method, path, json={}, headers=reader))
    assert guarded.request("GET", table).json()["registration"]["enabled"] is True


def test_a_token_without_a_role_opens_nothing_though_the_key_is_right(common_guarded):
    refused(common_guarded.request("GET", "/api/runs", headers=principal()))
    refused(common_guarded.request("GET", "/api/runs", headers=principal("Administrator")))
    assert common_guarded.request("GET", "/api/dashboard", headers=principal()).status_code == 403


def sent_alert(host, headers):
    body = common(targets=[table_id("one")])
    return host.request("POST", "/api/alerts", json=body, headers=headers)


@pytest.mark.parametrize("role", SENDERS)
def test_a_sender_sends_alerts_and_opens_no_other_function(azure, guarded, role):
    for headers in (principal(role), principal(role.lower(), role_claim=ROLE_CLAIM)):
        answer = sent_alert(guarded, headers)
        assert answer.status_code == 202, answer.text
        assert guarded.ended_run(answer.json()["runId"])["status"] == "Succeeded"

    writes = azure.state.writes()
    for name, method, path in HTTP_FUNCTIONS:
        answer = guarded.request(method, f"/api/{path}", json={}, headers=principal(role))
        opened = name in {"alert", "health"}
        assert (answer.status_code == 403) is not opened, (name, answer.text)
        assert opened or "RoleNeeded" in answer.text, name
    assert azure.state.writes() == writes
    assert guarded.request("GET", f"/api/route-tables{table_id('one')}").status_code == 200


def test_a_sender_that_is_a_reader_may_do_both_and_no_more(guarded):
    both = principal(SENDERS[0], "Reader")
    assert sent_alert(guarded, both).status_code == 202
    assert guarded.request("GET", "/api/runs", headers=both).status_code == 200
    assert "Operator" in refused(guarded.request("POST", "/api/sync", json={}, headers=both))


def test_who_may_send_alerts_beside_the_senders(guarded):
    for headers in (principal("Operator"), principal("Approver"), {}):
        assert sent_alert(guarded, headers).status_code == 202
    for headers in (principal("Reader"), principal(), principal("SecureWebhook")):
        message = refused(sent_alert(guarded, headers))
        assert f"Operator or {SENDERS[0]} or {SENDERS[1]}" in message


@pytest.mark.parametrize(
    "headers",
    [
        {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(b"[]").decode()},
        principal("Approver", ids=()),
        principal("Approver", ids=("one", "another")),
    ],
)
def test_a_principal_that_cannot_be_read_is_nobody(common_guarded, headers):
    answer = common_guarded.request("GET", "/api/runs", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "PrincipalUnreadable")


def test_a_principal_that_is_no_base64_does_not_reach_the_app(common_guarded):
    headers = {"X-MS-CLIENT-PRINCIPAL": "not base64"}
    answer = common_guarded.request("GET", "/api/runs", headers=headers)
    assert (answer.status_code, answer.content) == (500, b"")


def test_where_authentication_is_off_the_header_is_anybodys_claim(azure, host):
    add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}, headers=principal())
    plan = planned(host, principal("Approver"))
    assert plan["requestedBy"] == "unverified"
    body = {"planRunId": plan["runId"]}
    answer = host.request("POST", "/api/sync", json=body, headers=principal())
    assert host.ended_run(answer.json()["runId"])["counts"]["changed"] == 1


STRICT: dict[str, Any] = {
    "applyPolicy": "approval",
    "exceptions": [{"prefix": "20.0.0.0/24", "reason": "why", "until": "2099-01-01"}],
    "enabled": True,
}


def strict_table(host):
    """The registered table waits for approval, and has an exception; its URL."""
    table = f"/api/route-tables{table_id('one')}"
    answer = host.request("PUT", table, json=STRICT, headers=principal("Approver"))
    assert answer.status_code == 200, answer.text
    return table


@pytest.fixture
def strict(common_guarded):
    return strict_table(common_guarded)


LOOSER: dict[str, dict[str, Any]] = {
    "applyPolicy": {"applyPolicy": "additive"},
    "exceptions": {"exceptions": [{**STRICT["exceptions"][0], "until": "2099-01-02"}]},
    "enabled": {"enabled": False},
    "serviceTags": {"serviceTags": ["ApiManagement"]},
    "acknowledge": {"acknowledge": True},
}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("key", LOOSER)
def test_what_loosens_a_guard_needs_an_approver(common_guarded, strict, method, key):
    before = common_guarded.request("GET", strict).json()["registration"]
    body = LOOSER[key] if method == "PATCH" else STRICT | LOOSER[key]
    for caller in ({}, principal("Operator")):
        message = refused(common_guarded.request(method, strict, json=body, headers=caller))
        assert f"to loosen what guards the table ({key}): " in message
        assert "Approver" in message
    assert common_guarded.request("GET", strict).json()["registration"] == before
    answer = common_guarded.request(method, strict, json=body, headers=principal("Approver"))
    assert answer.status_code == 200, answer.text


def test_a_put_that_names_nothing_takes_the_policy_away(common_guarded, strict):
    refused(common_guarded.request("PUT", strict, json={"note": "x"}))
    assert common_guarded.request("GET", strict).json()["registration"]["applyPolicy"] == "approval"


def test_what_loosens_nothing_needs_no_approver(common_guarded, strict):
    for method, body in (
        ("PATCH", {"note": "x"}),
        ("PATCH", {"exceptions": []}),
        ("PUT", {"applyPolicy": "approval", "serviceTags": [TAG, "ApiManagement"]}),
    ):
        assert common_guarded.request(method, strict, json=body).status_code == 200


def test_to_unregister_and_to_acknowledge_anywhere_needs_an_approver(guarded):
    strict = strict_table(guarded)
    refused(guarded.request("DELETE", strict))
    assert guarded.request("GET", strict).status_code == 200
    refused(guarded.request("POST", "/api/discover", json={"acknowledge": True}))
    three = {"aseId": ase_id_of("three"), "acknowledge": True}
    refused(guarded.request("POST", "/api/provision", json=three))
    gone = guarded.request("DELETE", strict, headers=principal("Approver"))
    assert gone.status_code == 204, gone.text
