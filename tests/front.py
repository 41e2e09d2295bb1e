"""A gateway in front of the app, as API Management is: another name, a path of its own, a key."""

from http.server import BaseHTTPRequestHandler

from local.plain_http import http
from local.stack import HostProcess
from tests.served import Served

PATH = "/net/routes"


class Front(Served):
    """It passes `PATH/…` on to the host as `/…`, under the host's own name and with its key."""

    def __init__(self) -> None:
        self.host: HostProcess | None = None
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}{PATH}"


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if front.host is None or not self.path.startswith(f"{PATH}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer = http().request(
                self.command,
                front.host.url + self.path.removeprefix(PATH),
                content=body or None,
                headers={"x-functions-key": front.host.key, "Content-Type": "application/json"},
            )

            self.send_response(answer.status_code)
            for name in ("Location", "Content-Type"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    return Handler
