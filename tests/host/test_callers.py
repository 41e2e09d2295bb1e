"""Who may do what, where App Service Authentication is on: it sets the header that is sent here."""

import base64

import pytest

from tests.builders.azure import add_table, table_id
from tests.builders.callers import OBJECT_ID, principal
from tests.builders.routes import to_firewall

ROLE_CLAIM = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


@pytest.fixture
def guarded(make_host, azure):
    """A host that App Service Authentication stands before, and one registered table."""
    host = make_host(WEBSITE_AUTH_ENABLED="True")
    add_table(azure.state, "one", [to_firewall()])
    assert host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).status_code == 201
    return host


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
        ("POST", "/api/release"),
        ("POST", "/api/alerts"),
        ("PUT", table),
        ("DELETE", table),
    ):
        assert "Operator" in refused(guarded.request(method, path, json={}, headers=reader))
    assert guarded.request("GET", table).json()["registration"]["enabled"] is True


def test_a_token_without_a_role_opens_nothing_though_the_key_is_right(guarded):
    refused(guarded.request("GET", "/api/runs", headers=principal()))
    refused(guarded.request("GET", "/api/runs", headers=principal("Administrator")))
    assert guarded.request("GET", "/api/dashboard", headers=principal()).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-MS-CLIENT-PRINCIPAL": "not base64"},
        {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(b"[]").decode()},
        principal("Approver", ids=()),
        principal("Approver", ids=("one", "another")),
    ],
)
def test_a_principal_that_cannot_be_read_is_nobody(guarded, headers):
    answer = guarded.request("GET", "/api/runs", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "PrincipalUnreadable")


def test_where_authentication_is_off_the_header_is_anybodys_claim(azure, host):
    add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}, headers=principal())
    plan = planned(host, principal("Approver"))
    assert plan["requestedBy"] == "unverified"
    body = {"planRunId": plan["runId"]}
    answer = host.request("POST", "/api/sync", json=body, headers=principal())
    assert host.ended_run(answer.json()["runId"])["counts"]["changed"] == 1
