"""The deployed app, as the command line meets it: its record in storage, and its `/api/health`."""

from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from shared.app import App
from shared.settings import RECORDED, Settings
from tests.served import Served


class Deployed(Served):
    """It records its settings as the functions do, and answers as told."""

    def __init__(self) -> None:
        self.app: App | None = None
        self._followed: Mapping[str, str] | None = None
        self.status = 200
        self.headers: dict[str, str] = {}
        """They are added to each answer."""
        self.afterwards: list[Callable[[], None]] = []
        """Each is done once, after a call has been served and before it is answered."""
        self.called: list[Mapping[str, str]] = []
        """The path and the headers of each call."""
        super().__init__(_handler(self))

    @property
    def hostname(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.hostname}"

    def follow(self, settings: Mapping[str, str]) -> None:
        """Be an app with these settings that has been invoked."""
        followed = {name: value for name, value in settings.items() if name in RECORDED}
        if followed != self._followed:
            self.start(settings)
            self._followed = followed

    def start(self, settings: Mapping[str, str]) -> None:
        """Be a new process of the app, at its first invocation."""
        self.restart(settings)
        self.record()

    def restart(self, settings: Mapping[str, str]) -> None:
        """Be a new process of the app, which nobody has invoked yet."""
        self.app = App(Settings.read({"WEBSITE_HOSTNAME": self.hostname, **settings}))

    def record(self) -> None:
        if self.app is not None:
            self.app.recorder.record()


def _handler(deployed: Deployed) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            deployed.called.append({"path": self.path, **dict(self.headers.items())})
            if deployed.status == 200:
                deployed.record()
            if deployed.afterwards:
                deployed.afterwards.pop(0)()
            self.send_response(deployed.status)
            for name, value in {"Content-Length": "0", **deployed.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    return Handler
