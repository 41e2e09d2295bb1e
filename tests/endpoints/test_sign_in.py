"""The dashboard, if the host has asked its caller for no key."""

import json
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import __version__, endpoints
from shared.endpoints import shell, sign_in
from shared.endpoints.callers import SENDERS
from shared.settings import FrontSettings, InvalidSettings
from tests.builders.azure import add_table, table_id
from tests.builders.callers import principal
from tests.builders.runs import register
from tests.builders.settings import SETTINGS

GATEWAY = "https://api.contoso.com/net/routes"


@pytest.fixture
def serve(make_app, monkeypatch):
    """Serve an app whose process has these settings, as the real one does."""

    def served(**settings):
        app = make_app(REQUIRE_TOKENS="true", **settings)
        monkeypatch.setattr(shell, "app", lambda: app)
        set_environment(monkeypatch, **settings)
        return app

    return served


def set_environment(monkeypatch, **settings):
    for name in ("PUBLIC_URL", "WEBSITE_AUTH_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def ask(headers=None, **query):
    """Return the status and the page."""
    request = func.HttpRequest(
        "GET",
        "https://app.invalid/api/dashboard",
        headers=headers or {},
        params=query,
        body=b"",
    )
    answer = endpoints.dashboard(request, asks_for_no_key=True)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.get_body().decode()


def links_of(page):
    return [unescape(link) for link in page.split('href="')[1:] for link in [link.split('"')[0]]]


def sign_in_link(page):
    [link] = [link for link in links_of(page) if "/.auth/login/" in link]
    return link


def back_of(link, parameter="post_login_redirect_uri"):
    """Return where a link leads back to, as App Service reads it."""
    [back] = parse_qs(urlsplit(link).query, strict_parsing=True)[parameter]
    return back


def shows_nothing(page, app):
    """Nobody learns from the page how the app is set up, or which version it has."""
    place = [app.settings.azure_cloud, app.settings.service_tag_subscription_id]
    named = [name for name in (*SETTINGS, *place, "rt-one", __version__) if name in page]
    assert named == []


def test_whoever_has_not_signed_in_sees_only_how_to(azure, serve):
    app = serve(WEBSITE_AUTH_ENABLED="True")
    add_table(azure.state, "rt-one")
    register(app, "rt-one")
    for query in ({}, {"routeTable": table_id("rt-one")}, {"no-such": "parameter"}):
        status, page = ask(**query)
        assert (status, "TokenNeeded" in page) == (401, True)
        assert "app role Reader" in page
        assert sign_in_link(page).startswith("/.auth/login/aad?post_login_redirect_uri=")
        shows_nothing(page.replace(quote(quote(table_id("rt-one"), safe=""), safe=""), ""), app)


def test_a_reader_sees_the_page_and_can_sign_out(azure, serve):
    app = serve(WEBSITE_AUTH_ENABLED="True")
    add_table(azure.state, "rt-one")
    register(app, "rt-one")
    name = {"X-MS-CLIENT-PRINCIPAL-NAME": "<b>ada@contoso.com"}
    status, page = ask({**principal("Reader"), **name})
    assert status == 200
    assert "rt-one" in page and "Signed in as &lt;b&gt;ada@contoso.com" in page
    [link] = [link for link in links_of(page) if "/.auth/" in link]
    assert urlsplit(link).path == "/.auth/logout"
    assert back_of(link, "post_logout_redirect_uri") == "/api/dashboard"


@pytest.mark.parametrize("roles", [(), ("Administrator",), (SENDERS[0],)])
def test_a_person_without_a_role_is_told_which_one_to_ask_for(serve, roles):
    app = serve(WEBSITE_AUTH_ENABLED="True")
    name = {"X-MS-CLIENT-PRINCIPAL-NAME": "ada@contoso.com"}
    status, page = ask({**principal(*roles), **name})
    assert (status, "RoleNeeded" in page) == (403, True)
    assert "role <strong>Reader</strong>" in page
    assert "Signed in as ada@contoso.com" in page and "/.auth/logout" in page
    shows_nothing(page, app)


@pytest.mark.parametrize("in_front", ["", "False", "0", "perhaps"])
def test_if_nobody_checks_tokens_a_forged_one_opens_nothing(serve, monkeypatch, in_front):
    app = serve()
    set_environment(monkeypatch, WEBSITE_AUTH_ENABLED=in_front)
    for headers in ({}, principal("Approver")):
        status, page = ask(headers)
        assert (status, "AuthenticationNotInFront" in page) == (403, True)
        assert "/.auth/" not in page
        shows_nothing(page, app)


def test_faults_of_the_settings_are_for_readers_alone(serve, monkeypatch):
    app = serve(WEBSITE_AUTH_ENABLED="True")

    def fail():
        raise InvalidSettings(["PAUSED: perhaps", "ROUTE_OWNER: No!"])

    monkeypatch.setattr(shell, "app", fail)
    for headers, expected in (({}, 401), (principal(), 403)):
        status, page = ask(headers)
        assert status == expected
        shows_nothing(page, app)
    status, page = ask(principal("Reader"))
    assert (status, "ROUTE_OWNER: No!" in page) == (500, True)


def test_the_way_in_needs_no_other_setting_and_no_storage(monkeypatch):
    """So nobody can cost storage calls, or learn whether storage answers."""

    def fail():
        raise AssertionError("the app was built")

    monkeypatch.setattr(shell, "app", fail)
    set_environment(monkeypatch, WEBSITE_AUTH_ENABLED="True", PUBLIC_URL="not a URL")
    status, page = ask()
    assert status == 401
    assert sign_in_link(page).startswith("/.auth/login/aad?")


def test_the_link_leads_back_to_the_page_and_has_no_key(serve):
    serve(WEBSITE_AUTH_ENABLED="True")
    asked = {"routeTable": table_id("rt & one"), "from": "51", "search": "a b+c"}
    _, page = ask(**asked, code="secret-key", clientId="default")
    back = back_of(sign_in_link(page))
    assert urlsplit(back).path == "/api/dashboard"
    assert {k: v for k, [v] in parse_qs(urlsplit(back).query).items()} == asked
    assert "secret-key" not in sign_in_link(page)


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), max_size=3))
def test_the_link_never_leads_to_another_site(query):
    request = func.HttpRequest("GET", "https://evil.invalid//x", params=query, body=b"")
    link = sign_in.sign_in_url(FrontSettings.known({}), request)
    assert link.isascii() and link.startswith("/.auth/login/aad?post_login_redirect_uri=%2Fapi%2F")
    back = back_of(link)
    assert back == "/api/dashboard" or back.startswith("/api/dashboard?")
    assert "\\" not in back


@pytest.mark.parametrize(
    ("front", "origin", "folder"),
    [
        (GATEWAY, "https://api.contoso.com", "/net/routes"),
        (f"{GATEWAY}/", "https://api.contoso.com", "/net/routes"),
        ("https://routes.contoso.com", "https://routes.contoso.com", ""),
        ("https://routes.contoso.com//evil.invalid", "https://routes.contoso.com", "/evil.invalid"),
    ],
)
def test_behind_a_gateway_a_person_signs_in_there(serve, front, origin, folder):
    serve(WEBSITE_AUTH_ENABLED="True", PUBLIC_URL=front)
    _, page = ask(run="one")
    link = sign_in_link(page)
    assert link.startswith(f"{origin}/.auth/login/aad?")
    assert back_of(link) == f"{folder}/api/dashboard?run=one"

    _, page = ask(principal("Reader"))
    [link] = [link for link in links_of(page) if "/.auth/" in link]
    assert link.startswith(f"{origin}/.auth/logout?")
    assert back_of(link, "post_logout_redirect_uri") == f"{folder}/api/dashboard"


def test_other_functions_still_say_it_in_json(serve):
    serve(WEBSITE_AUTH_ENABLED="True")
    request = func.HttpRequest("GET", "https://app.invalid/api/runs", body=b"")
    answer = endpoints.list_runs(request)
    assert answer.status_code == 401
    assert json.loads(answer.get_body())["error"]["code"] == "TokenNeeded"
