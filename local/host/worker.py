"""A worker process as the host sees it."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from azure_functions_runtime.bindings.datumdef import Datum

from . import records
from .keeper import Keeper
from .wire import Answer, HostTime, Invocation, Load, framed, received


class InvocationFailed(Exception):
    """A function raised, its worker ended, or it took too long. The text says which."""


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    function_id: str
    bindings: Sequence[Mapping[str, Any]]

    @property
    def trigger(self) -> Mapping[str, Any]:
        return next(binding for binding in self.bindings if binding["type"].endswith("Trigger"))

    def output(self, name: str) -> Mapping[str, Any]:
        return next(binding for binding in self.bindings if binding["name"] == name)


@dataclass(frozen=True, slots=True)
class Result:
    returned: Datum | None
    outputs: Sequence[tuple[str, Datum]]


class Worker:
    """One process, which runs all functions until it ends."""

    def __init__(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pid = pid
        self.functions: Sequence[Function] = ()
        self._reader = reader
        self._writer = writer
        self._running: dict[str, asyncio.Future[Any]] = {}
        self.is_abandoned = False
        self.end = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, keeper: Keeper, root: Path, now: HostTime | None) -> Self:
        """Return a worker that has indexed the app. Raise InvocationFailed if it cannot.

        `now` is for a host whose clock has been set.
        """
        pid, connection, printed = await asyncio.to_thread(keeper.start_worker)
        records.show_printed(printed)
        worker = cls(pid, *await asyncio.open_connection(sock=connection))
        if now is not None:
            worker.set_clock(now)
        worker.functions = await worker._answer_to(Load(root, os.environ["WEBSITE_HOSTNAME"]))
        return worker

    async def invoke(self, invocation: Invocation) -> Result:
        """Raise InvocationFailed if the function raised, or when the worker ends by itself."""
        result: Result = await self._answer_to(invocation)
        return result

    def is_running(self, invocation_id: str) -> bool:
        return invocation_id in self._running

    def set_clock(self, now: HostTime) -> None:
        """Invocations that are sent later see the new time."""
        self._writer.write(framed(now))

    def abandon(self) -> None:
        """Let the process end without a word to those who wait for it, as the real host does."""
        self.is_abandoned = True

    async def _answer_to(self, message: Load | Invocation) -> Any:
        answer = asyncio.get_running_loop().create_future()
        self._running[message.id] = answer
        self._writer.write(framed(message))
        try:
            return await answer
        finally:
            del self._running[message.id]

    async def _listen(self) -> None:
        """Take what the worker sends until it ends."""
        with suppress(EOFError, OSError):
            while True:
                message = await received(self._reader)
                if isinstance(message, Answer):
                    self._end_call(message)
                else:
                    records.show(message, self._running)

        self._writer.close()
        if not self.is_abandoned:
            for answer in self._running.values():
                if not answer.done():
                    answer.set_exception(InvocationFailed("the worker process has ended"))

    def _end_call(self, answer: Answer) -> None:
        waiting = self._running.get(answer.id)
        if waiting is None or waiting.done():  # it has taken too long
            return
        if answer.failure is None:
            waiting.set_result(answer.value)
        else:
            waiting.set_exception(InvocationFailed(answer.failure))
