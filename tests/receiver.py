"""Somebody's webhook, on a port of 127.0.0.1: it keeps what it was sent, and answers as told."""

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.served import Served


class Receiver(Served):
    def __init__(self) -> None:
        self.status = 200
        self.seconds = 0.0
        """How long it takes to answer."""
        self.bodies: list[bytes] = []
        self.seen = 0
        """The number of requests, whatever the answer."""
        self.headers: list[dict[str, str]] = []
        super().__init__(_handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?sig=very-secret"

    @property
    def notices(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    def wait_for(self, count: int, within: float = 60) -> None:
        ends = time.monotonic() + within
        while len(self.bodies) < count and time.monotonic() < ends:
            time.sleep(0.05)

    def take(self) -> list[dict[str, Any]]:
        """What has come since the last time."""
        taken = self.notices
        self.bodies.clear()
        self.headers.clear()
        return taken


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            receiver.seen += 1
            time.sleep(receiver.seconds)
            if receiver.status == 200:
                receiver.bodies.append(body)
                receiver.headers.append(dict(self.headers.items()))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            if receiver.status // 100 == 3:
                self.send_header("Location", receiver.url)
            self.end_headers()

        do_GET = do_PUT = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    return Handler
