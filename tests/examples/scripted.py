"""A server that answers as a script says, and notes every request with its headers and its query.

The script of a scenario is a function: it is given the server and the request, and returns what is
to happen.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

RUN = "20261201060000000000-0123abcd"


@dataclass(frozen=True, slots=True)
class Seen:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: object = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """End the connection in the middle of the body."""
    drips: bool = False
    """Send a byte now and then, and never the last one."""

    @property
    def bytes(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True, slots=True)
class Drop:
    """Reset the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Never answer."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Reset the connection, and refuse others for a while."""

    seconds: float


type Effect = Reply | Drop | Silence | Leave
type Script = Callable[["Scripted", Seen], Effect]


class Scripted:
    def __init__(self, script: Script, *, away_for: float = 0, other: str = "") -> None:
        self.script = script
        self.other = other
        """The address of a host that the app may name, and that must never be asked."""
        self.seen: list[Seen] = []
        self.ended = threading.Event()
        self._away_for = away_for
        self._lock = threading.Lock()
        # While the server is away, this socket keeps the port from others, and accepts nobody.
        self._placeholder = socket.socket()
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._placeholder.bind(("127.0.0.1", 0))
        self.port: int = self._placeholder.getsockname()[1]
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, method: str, path: str) -> int:
        return sum(one.method == method and one.path == path for one in self.seen)

    def asked(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]

    def leave(self, seconds: float) -> None:
        """Stop to listen, and come back after a while."""
        threading.Thread(target=self._come_back_after, args=(seconds,), daemon=True).start()

    def __enter__(self) -> Self:
        if self._away_for:
            self.leave(self._away_for)
        else:
            self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with self._lock:
            self._stop()
        self._placeholder.close()

    def _come_back_after(self, seconds: float) -> None:
        with self._lock:
            self._stop()
            time.sleep(seconds)
            if not self.ended.is_set():
                self._listen()

    def _listen(self) -> None:
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    allow_reuse_port = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, scripted: Scripted) -> None:
        self.scripted = scripted
        super().__init__(("127.0.0.1", scripted.port), _Handler)

    def handle_error(self, *_: object) -> None:
        """A caller that gives up is part of some scenarios."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def handle_any(self) -> None:
        scripted = self.server.scripted
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, parse_qs(parts.query), headers, body)
        scripted.seen.append(seen)

        match scripted.script(scripted, seen):
            case Drop():
                self._reset()
            case Leave(seconds):
                scripted.leave(seconds)
                self._reset()
            case Silence():
                scripted.ended.wait(600)
            case Reply() as reply:
                self._reply(reply)

    do_GET = do_POST = do_CONNECT = handle_any  # noqa: N815

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        more = 10_000 if reply.cut or reply.drips else 0
        self.send_header("Content-Length", str(len(reply.bytes) + more))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.bytes)
        while reply.drips and not self.server.scripted.ended.wait(0.2):
            self.wfile.write(b" ")
            self.wfile.flush()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None:
        return
