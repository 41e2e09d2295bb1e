"""Who gets in if tokens are required, at every function."""

import json
from pathlib import Path

import azure.functions as func
import pytest

from shared import endpoints
from shared.endpoints import shell
from shared.endpoints.callers import SENDERS, Role
from tests.builders.callers import principal

APP_ROLES = Path(__file__).parents[2] / "infra" / "entra" / "app-roles.json"
STARTS = {"adopt", "provision", "rollback", "start_sync", "take_alert"}
READS = {
    *("dashboard", "get_run", "get_version", "list_runs", "list_versions", "lists"),
    "versions_feed",
}
NEED_NO_TOKEN = {"health", "lists", "take_alert", "versions_feed"}
OTHERS = sorted({*endpoints.__all__} - NEED_NO_TOKEN)


def ask(name, headers, sent=None):
    """Ask the function, and return the status and the code of the answer."""
    request = func.HttpRequest(
        method="GET" if name in READS or name.startswith("list_or_get") else "POST",
        url="https://app.invalid/api/x",
        headers=headers,
        route_params={"name": "none"} if name == "lists" else {},
        body=b"{}",
    )
    rest = [[].append if sent is None else sent.append] if name in STARTS else []
    answer = getattr(endpoints, name)(request, *rest)
    text = answer.get_body().decode()
    if answer.mimetype in {"text/html", "application/atom+xml"}:
        return answer.status_code, text
    return answer.status_code, json.loads(text).get("error", {}).get("code")


@pytest.fixture
def serve(make_app, monkeypatch):
    def served(**settings):
        app = make_app(**settings)
        monkeypatch.setattr(shell, "app", lambda: app)

    return served


@pytest.mark.parametrize("name", OTHERS)
def test_without_authentication_in_front_a_required_token_cannot_be_had(serve, name):
    serve(REQUIRE_TOKENS="true")
    for headers in ({}, principal("Approver")):
        status, code = ask(name, headers)
        assert status == 403
        assert "AuthenticationNotInFront" in code


@pytest.mark.parametrize("name", OTHERS)
def test_a_key_alone_opens_nothing_if_tokens_are_required(serve, name):
    serve(REQUIRE_TOKENS="true", WEBSITE_AUTH_ENABLED="True")
    status, code = ask(name, {})
    assert status == 401
    assert "TokenNeeded" in code
    status, code = ask(name, principal("Approver"))
    assert status not in {401, 403}
    assert "TokenNeeded" not in (code or "")


@pytest.mark.parametrize("in_front", ["True", ""])
def test_an_alert_needs_no_token_and_opens_nothing_else(serve, in_front):
    serve(REQUIRE_TOKENS="true", WEBSITE_AUTH_ENABLED=in_front)
    assert ask("take_alert", {}) == (202, None)


@pytest.mark.parametrize("in_front", ["True", ""])
@pytest.mark.parametrize(("name", "status"), [("lists", 404), ("versions_feed", 200)])
def test_what_needs_no_token_is_opened_by_no_role_less_than_a_reader(serve, in_front, name, status):
    serve(REQUIRE_TOKENS="true", WEBSITE_AUTH_ENABLED=in_front)
    assert ask(name, {})[0] == status
    serve(REQUIRE_TOKENS="true", WEBSITE_AUTH_ENABLED="True")
    assert ask(name, principal("Reader"))[0] == status
    for roles in ((), (SENDERS[0],)):
        assert ask(name, principal(*roles)) == (403, "RoleNeeded")


@pytest.mark.parametrize("sender", SENDERS)
def test_a_sender_of_alerts_may_do_nothing_else(serve, sender):
    serve(REQUIRE_TOKENS="true", WEBSITE_AUTH_ENABLED="True")
    assert ask("take_alert", principal(sender)) == (202, None)
    for name in OTHERS:
        status, code = ask(name, principal(sender))
        assert (status, "RoleNeeded" in code) == (403, True), name


def test_entra_declares_the_roles_that_the_app_knows():
    declared = json.loads(APP_ROLES.read_text())
    assert {role["value"] for role in declared} == {*SENDERS, *(each.name.title() for each in Role)}
    assert len({role["id"] for role in declared}) == len(declared)
    for role in declared:
        assert role["isEnabled"] and "Application" in role["allowedMemberTypes"]


@pytest.mark.parametrize("required", ["false", ""])
def test_by_default_a_key_opens_what_it_opened(serve, required):
    serve(REQUIRE_TOKENS=required)
    assert ask("list_runs", {}) == (200, None)
    serve(REQUIRE_TOKENS=required, WEBSITE_AUTH_ENABLED="True")
    assert ask("list_runs", {}) == (200, None)


def test_a_principal_that_is_no_base64_is_nobody(serve):
    serve(WEBSITE_AUTH_ENABLED="True")
    headers = {"X-MS-CLIENT-PRINCIPAL": "not base64"}
    assert ask("list_runs", headers) == (401, "PrincipalUnreadable")
