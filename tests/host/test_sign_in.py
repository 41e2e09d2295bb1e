"""A browser signs in to the dashboard, with App Service Authentication before the host."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from html import unescape

import httpx
import pytest

from local.plain_http import http
from local.stack import HostProcess
from tests.authentication import SETTINGS, Authentication
from tests.builders.azure import add_table, table_id
from tests.builders.callers import principal
from tests.builders.functions import HTTP_FUNCTIONS
from tests.builders.routes import to_firewall

READER = {**principal("Reader"), "X-MS-CLIENT-PRINCIPAL-NAME": "ada@contoso.com"}
NOBODY = {**principal(), "X-MS-CLIENT-PRINCIPAL-NAME": "bob@contoso.com"}


@pytest.fixture(scope="module")
def guarded(make_common_host):
    return make_common_host(**SETTINGS)


@pytest.fixture
def browse(guarded: HostProcess) -> Iterator[Callable[..., httpx.Client]]:
    """Give a browser of somebody who can sign in as this person."""
    with ExitStack() as opened:

        def browser(person: Mapping[str, str] = READER) -> httpx.Client:
            front = opened.enter_context(Authentication(guarded, person))
            client = httpx.Client(
                base_url=front.url, follow_redirects=True, trust_env=False, timeout=60
            )
            return opened.enter_context(client)

        yield browser


def link(page, path):
    """The only link of the page to this path of App Service Authentication."""
    [found] = {*re.findall(rf'href="({re.escape(path)}[^"]*)"', page.text)}
    return unescape(found)


def test_a_person_signs_in_and_lands_on_the_page_that_was_asked_for(common_azure, guarded, browse):
    add_table(common_azure.state, "one", [to_firewall()])
    approver = principal("Approver")
    table = f"/api/route-tables{table_id('one')}"
    assert guarded.request("PUT", table, json={}, headers=approver).status_code == 201

    browser = browse()
    first = browser.get("/api/dashboard", params={"routeTable": table_id("one")})
    assert first.status_code == 401
    assert "rt-" not in first.text and table_id("one") not in first.text

    wanted = browser.get(link(first, "/.auth/login/aad"))
    assert (wanted.status_code, wanted.url) == (200, first.url)
    assert table_id("one") in wanted.text and "ada@contoso.com" in wanted.text

    # Each further page needs neither a key nor another sign-in.
    overview = browser.get("/api/dashboard")
    assert (overview.status_code, "code=" in overview.text) == (200, False)
    out = browser.get(link(overview, "/.auth/logout"))
    assert (out.status_code, out.url.path) == (401, "/api/dashboard")
    assert browser.get("/api/dashboard").status_code == 401


def test_a_person_without_a_role_is_told_which_one_to_ask_for(browse):
    browser = browse(NOBODY)
    page = browser.get(link(browser.get("/api/dashboard"), "/.auth/login/aad"))
    assert page.status_code == 403
    assert "Reader" in page.text and "bob@contoso.com" in page.text
    assert browser.get(link(page, "/.auth/logout")).status_code == 401


def test_a_forged_header_and_a_wrong_key_are_nobody(browse):
    browser = browse()
    for headers in (READER, {"x-functions-key": "wrong"}, {"Cookie": "AppServiceAuthSession=x"}):
        assert browser.get("/api/dashboard", headers=headers).status_code == 401


def test_every_other_function_needs_the_key_and_the_sign_in(guarded, browse):
    key = {"x-functions-key": guarded.key}
    signed_out, signed_in = browse(), browse()
    signed_in.get("/.auth/login/aad?post_login_redirect_uri=/api/dashboard").raise_for_status()
    for name, method, path in HTTP_FUNCTIONS:
        if name in {"dashboard", "health"}:
            continue
        without_key = signed_in.request(method, f"/api/{path}", json={})
        assert (without_key.status_code, without_key.content) == (401, b""), name
        if name not in {"alert", "lists", "versions_feed"}:
            with_key = signed_out.request(method, f"/api/{path}", json={}, headers=key)
            assert with_key.json()["error"]["code"] == "TokenNeeded", name
    assert signed_in.get("/api/runs", headers=key).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_the_dashboard_is_for_get_alone(guarded, method):
    answer = http().request(method, f"{guarded.url}/api/dashboard")
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("required", ["false", "", "perhaps"])
def test_without_required_tokens_the_dashboard_needs_a_key(make_host, required):
    host = make_host(**{**SETTINGS, "REQUIRE_TOKENS": required})
    url = f"{host.url}/api/dashboard"
    for headers in ({}, READER):
        answer = http().get(url, headers=headers)
        assert (answer.status_code, answer.content) == (401, b"")
    with_key = http().get(url, params={"code": host.key})
    assert with_key.status_code == (500 if required == "perhaps" else 200)
    assert ("REQUIRE_TOKENS" in with_key.text) is (required == "perhaps")


@pytest.mark.parametrize("required", ["True", " YES ", "1"])
def test_however_somebody_writes_true_a_browser_signs_in(make_host, required):
    host = make_host(**{**SETTINGS, "REQUIRE_TOKENS": required})
    answer = http().get(f"{host.url}/api/dashboard")
    assert (answer.status_code, "TokenNeeded" in answer.text) == (401, True)


def test_wrong_settings_are_shown_to_a_reader_and_to_nobody_else(make_host):
    wrong = {"ROUTE_OWNER": "No!", "SERVICE_TAG_LOCATIONS": "West Europe"}
    host = make_host(**SETTINGS, **wrong)
    url = f"{host.url}/api/dashboard"
    for headers, status in (({}, 401), (NOBODY, 403)):
        page = http().get(url, headers=headers)
        assert (page.status_code, [name for name in wrong if name in page.text]) == (status, [])
    page = http().get(url, headers=READER)
    assert (page.status_code, [name for name in wrong if name in page.text]) == (500, [*wrong])


def test_if_authentication_is_not_in_front_nobody_gets_in(make_host):
    host = make_host(REQUIRE_TOKENS="true")
    for headers in ({}, READER):
        page = http().get(f"{host.url}/api/dashboard", headers=headers)
        assert (page.status_code, "REQUIRE_TOKENS" in page.text) == (403, False)
        assert "AuthenticationNotInFront" in page.text
