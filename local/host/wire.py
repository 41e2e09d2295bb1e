"""The messages between the host and its worker process."""

import asyncio
import pickle
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from azure_functions_runtime.bindings.datumdef import Datum

_SIZE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Load:
    """The host asks for the app's functions. App Service and Core Tools set WEBSITE_HOSTNAME."""

    root: Path
    website_hostname: str
    id: str = "load"


@dataclass(frozen=True, slots=True)
class Invocation:
    """The host asks for one call of a function."""

    id: str
    function_id: str
    inputs: Sequence[tuple[str, Datum]]
    metadata: Mapping[str, Datum]


@dataclass(frozen=True, slots=True)
class Answer:
    """The worker has done what the message with this id asked. `failure` is the error's text."""

    id: str
    value: Any = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class HostTime:
    """The time that the host's clock shows when this is made. It goes on during transport."""

    shown: datetime
    _at: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return self.shown + timedelta(seconds=time.monotonic() - self._at)


@dataclass(frozen=True, slots=True)
class Record:
    """A log record, and the invocation that the worker knows for it."""

    invocation_id: str | None
    logger: str
    level: int
    text: str


type FromHost = Load | Invocation | HostTime
type FromWorker = Answer | Record


class WorkersEnd:
    """Waits for what the host sends. Any thread may send."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = connection.makefile("rb")
        self._lock = threading.Lock()

    def send(self, message: FromWorker) -> None:
        with self._lock:
            self._socket.sendall(framed(message))

    def receive(self) -> FromHost:
        """Raise EOFError if the host has ended."""
        size = int.from_bytes(self._received.read(_SIZE_BYTES))
        message: FromHost = pickle.loads(self._received.read(size))  # noqa: S301
        return message


def framed(message: FromHost | FromWorker) -> bytes:
    content = pickle.dumps(message)
    return len(content).to_bytes(_SIZE_BYTES) + content


async def received(reader: asyncio.StreamReader) -> FromWorker:
    """Raise IncompleteReadError, which is an EOFError, or OSError if the worker has ended."""
    size = int.from_bytes(await reader.readexactly(_SIZE_BYTES))
    message: FromWorker = pickle.loads(await reader.readexactly(size))  # noqa: S301
    return message
