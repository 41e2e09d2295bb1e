"""A way to a server that a test can cut, or let hang."""

import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes every connection on to this URL's host, until it is cut or hangs.

    Starts as a context.
    """

    def __init__(self, url: str) -> None:
        upstream = urlsplit(url)
        assert upstream.hostname and upstream.port
        self._upstream = upstream.hostname, upstream.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._hangs = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def cut(self) -> None:
        """From now on, every connection is refused, and those that are open end."""
        for connection in (self._listener, *self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def hang(self) -> None:
        """From now on, nothing passes, and no connection ends."""
        self._hangs.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(self._upstream)
                self._connections += [here, there]
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self._hangs.is_set():
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
