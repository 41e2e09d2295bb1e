"""A person signs in with a real browser."""

import pytest

from tests.authentication import SETTINGS, Authentication
from tests.builders.callers import principal
from tests.builders.settings import run_queues

REFUSED = "error: Failed to load resource: the server responded with a status of {}"
UNAUTHORIZED = REFUSED.format("401 (Unauthorized)")
FORBIDDEN = REFUSED.format("403 (Forbidden)")


@pytest.fixture(scope="module")
def serve(make_common_host):
    host = make_common_host(**SETTINGS, **run_queues("true"))

    def served(*roles):
        name = {"X-MS-CLIENT-PRINCIPAL-NAME": "ada.lovelace@contoso.com"}
        return Authentication(host, {**principal(*roles), **name})

    return served


def headline(page):
    return page.locator("h1").inner_text()


def test_a_click_leads_to_the_sign_in_and_back_to_the_page(serve, visit):
    with serve("Reader") as front:
        asked = f"{front.url}/api/dashboard?search=a%20%26%20b&sort=name"
        with visit(asked, expected=[UNAUTHORIZED, UNAUTHORIZED]) as page:
            assert headline(page) == "Sign in to see this page"
            page.get_by_role("link", name="Sign in").click()
            assert page.url == asked
            assert "Signed in as ada.lovelace@contoso.com" in page.locator("footer").inner_text()

            page.get_by_role("link", name="Sign out").click()
            assert headline(page) == "Sign in to see this page"


def test_a_person_without_a_role_can_leave_again(serve, visit):
    with (
        serve() as front,
        visit(
            f"{front.url}/api/dashboard", expected=[UNAUTHORIZED, FORBIDDEN, UNAUTHORIZED]
        ) as page,
    ):
        page.get_by_role("link", name="Sign in").click()
        assert headline(page) == "Your account may not see this page"
        page.get_by_role("link", name="Sign out").first.click()
        assert headline(page) == "Sign in to see this page"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_somebody_from_signing_in(serve, serious_faults, scheme):
    with serve() as front:
        signed_in = "/.auth/login/aad?post_login_redirect_uri=/api/dashboard"
        for path in ("/api/dashboard", signed_in):
            assert serious_faults(front.url + path, scheme) == []
