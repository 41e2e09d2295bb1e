"""A person signs in to the dashboard with a browser, and needs no key.

App Service Authentication answers `/.auth/login/aad` and `/.auth/logout`, keeps the session in a
cookie, and names the person in headers of each request. Sources: "Customize sign-ins and sign-outs
in Azure App Service authentication" and "Work with user identities in Azure App Service
authentication".
"""

import os
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

import azure.functions as func

from ..domain import codes
from ..settings import FrontSettings
from .callers import PRINCIPAL, Role, signed_in

REFUSALS = frozenset(
    {
        codes.AUTHENTICATION_NOT_IN_FRONT,
        codes.PRINCIPAL_UNREADABLE,
        codes.ROLE_NEEDED,
        codes.TOKEN_NEEDED,
    }
)
"""A page about one of these says how to get in, and nothing about the app."""

_NAME = "X-MS-CLIENT-PRINCIPAL-NAME"
_OF_THE_HOST = ("code", "clientid")
_DASHBOARD = "/api/dashboard"


@dataclass(frozen=True, slots=True)
class Session:
    """Who has signed in, and the link that ends the session. The name may be empty."""

    name: str
    sign_out: str


def front_in_use() -> FrontSettings:
    return FrontSettings.known(os.environ)


def require_reader(request: func.HttpRequest) -> None:
    """Raise HttpError unless a reader has signed in. It needs no other setting, and no storage.

    The host has asked the caller for no key, so nothing may be shown before this.
    """
    signed_in(front_in_use(), request).needs(Role.READER)


def session(front: FrontSettings, request: func.HttpRequest) -> Session | None:
    """Return None for a caller who has not signed in."""
    if not front.website_auth_enabled or PRINCIPAL not in request.headers:
        return None
    origin, folder = _parts(front)
    back = urlencode({"post_logout_redirect_uri": f"{folder}{_DASHBOARD}"})
    return Session(request.headers.get(_NAME, ""), f"{origin}/.auth/logout?{back}")


def sign_in_url(front: FrontSettings, request: func.HttpRequest) -> str:
    """Return the URL of the sign-in, which leads back to this page of the dashboard, without a key.

    It never leads to another site, because it leads back to a fixed path.
    """
    origin, folder = _parts(front)
    asked = {k: text for k, text in request.params.items() if k.lower() not in _OF_THE_HOST}
    page = f"{folder}{_DASHBOARD}" + (f"?{urlencode(asked, quote_via=quote)}" if asked else "")
    back = urlencode({"post_login_redirect_uri": page}, quote_via=quote, safe="")
    return f"{origin}/.auth/login/aad?{back}"


def _parts(front: FrontSettings) -> tuple[str, str]:
    """Return the origin of the gateway and its folder for the app, or two empty texts.

    App Service leaves the folder away in what it sends to Entra, so it signs in at the origin.
    """
    url = urlsplit(front.public_url or "")
    folder = url.path.strip("/")
    return (f"{url.scheme}://{url.netloc}" if url.netloc else ""), (f"/{folder}" if folder else "")
