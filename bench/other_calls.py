"""Other calls to a host while it works: how long the slowest answer takes."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Self

from local.stack import HostProcess

_PAUSE_SECONDS = 0.1


class OtherCalls:
    """Sends alerts that are about nothing, as a context. `slowest` is in seconds."""

    def __init__(self, host: HostProcess) -> None:
        self._host = host
        self._over = Event()
        self._sender = ThreadPoolExecutor(1)
        self.slowest = 0.0

    def __enter__(self) -> Self:
        self._sent = self._sender.submit(self._send)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._sender.shutdown()
        self._sent.result()

    def _send(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            began = time.monotonic()
            self._host.request("POST", "/api/alerts", json={}).raise_for_status()
            self.slowest = max(self.slowest, time.monotonic() - began)
