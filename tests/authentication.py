"""App Service Authentication in front of the host, as Microsoft describes it.

Sources: "Customize sign-ins and sign-outs in Azure App Service authentication", "Work with user
identities in Azure App Service authentication". Entra itself is left away: whoever follows the link
to sign in is `person`.
"""

import secrets
from collections.abc import Mapping
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from local.plain_http import http
from local.stack import HostProcess
from tests.served import Served

COOKIE = "AppServiceAuthSession"
OWN_HEADERS = "x-ms-"
SETTINGS = {"WEBSITE_AUTH_ENABLED": "True", "REQUIRE_TOKENS": "true"}
"""App Service sets the first one, and the infrastructure the second one with it."""


class Authentication(Served):
    def __init__(self, host: HostProcess, person: Mapping[str, str]) -> None:
        self.host = host
        self.person = person
        self.sessions: set[str] = set()
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _handler(front: Authentication) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}

            match url.path:
                case "/.auth/login/aad":
                    session = secrets.token_hex(8)
                    front.sessions.add(session)
                    self._lead(asked.get("post_login_redirect_uri", "/"), session)
                case "/.auth/logout":
                    front.sessions.discard(self._session)
                    self._lead(asked.get("post_logout_redirect_uri", "/.auth/logout/done"), "")
                case _:
                    self._pass_on()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

        @property
        def _session(self) -> str:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
            return cookie.value if cookie else ""

        def _lead(self, target: str, session: str) -> None:
            """A page of another site has to be configured, and none is."""
            if not target.startswith("/") or target.startswith(("//", "/\\")):
                self.send_error(403)
                return
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Set-Cookie", f"{COOKIE}={session}; Path=/; HttpOnly")
            self.end_headers()

        def _pass_on(self) -> None:
            """Nobody but App Service can set these headers."""
            headers = {
                name: value
                for name, value in self.headers.items()
                if not name.lower().startswith(OWN_HEADERS) and name.lower() != "host"
            }
            if self._session in front.sessions:
                headers |= front.person
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            url = front.host.url + self.path
            answer = http().request(self.command, url, headers=headers, content=body)

            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            return

    return Handler
