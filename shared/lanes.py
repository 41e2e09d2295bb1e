"""Threads of the app's own, in which all its functions do their work.

The worker of the Functions host has one event loop, which nothing may block, and a pool of threads
whose size depends on the plan and on how an instance starts. The app uses no thread of that pool. A
function is a coroutine that hands its work to a lane, and waits without holding anything.

The worker drops every log record that does not come from the coroutine itself. So the records of
the work go to the coroutine while the work goes on, and the coroutine logs them.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any

from .deadline import GIVEN_UP_AFTER_SECONDS, LONGEST_INVOCATION_SECONDS, out_of_time, time_limit

_log = logging.getLogger("ase_route_sync")


class Lanes:
    """A fixed number of threads for one kind of work. Other kinds never wait for them."""

    def __init__(self, name: str, count: int) -> None:
        self.count = count
        self._name = name
        self._threads = self._new_threads()

    async def run[**P, T](self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do the work in a lane, log what it logs, and return its result or raise its error.

        The time limit counts from now, so a wait for a free lane is part of it. Raise
        TransientError if the work does not keep to it.
        """
        records = _Records()
        in_context = _new_context(records).run
        lane = self._threads.submit(in_context, partial(work, *arguments, **named))
        lane.add_done_callback(records.end)

        try:
            await self._wait(lane, records)
        finally:
            records.is_heard = False
            lane.cancel()
        return lane.result()

    async def _wait(self, lane: Future[Any], records: "_Records") -> None:
        """Log the records until the work has ended. Raise TransientError if it goes on too long."""
        try:
            async with asyncio.timeout(GIVEN_UP_AFTER_SECONDS):
                await records.log()
        except TimeoutError:
            # Work that has not begun is withdrawn.
            if not lane.cancel():
                self._leave_behind()
            raise out_of_time() from None

    def _leave_behind(self) -> None:
        """Take new threads. The work that hangs keeps its old one, and its neighbours theirs."""
        _log.error("an invocation did not end itself, and its thread is left behind")
        self._threads.shutdown(wait=False)
        self._threads = self._new_threads()

    def _new_threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.count, thread_name_prefix=self._name)


class _Records:
    """The log records of one piece of work, on their way from its thread to its coroutine."""

    def __init__(self) -> None:
        self.is_heard = True
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[logging.LogRecord | None] = asyncio.Queue()
        for handler in logging.getLogger().handlers:
            handler.addFilter(_stays)

    def send(self, record: logging.LogRecord | None) -> bool:
        """Send a record, or None when the work has ended. Return whether somebody will take it."""
        if self.is_heard:
            with suppress(RuntimeError):  # the loop of a worker that stops is closed
                self._loop.call_soon_threadsafe(self._arrived.put_nowait, record)
                return True
        return False

    def end(self, _lane: object) -> None:
        self.send(None)

    async def log(self) -> None:
        """Log each record when it comes, until the work has ended."""
        last = None
        while (record := await self._arrived.get()) is not None:
            # Each handler has sent it.
            if record is not last:
                logging.getLogger(record.name).handle(record)
            last = record


_listener: ContextVar[_Records | None] = ContextVar("listener", default=None)


def _new_context(records: _Records) -> Context:
    """Return the context of the work: it has a time limit, and its records go this way."""
    with time_limit(LONGEST_INVOCATION_SECONDS):
        context = copy_context()
    context.run(_listener.set, records)
    return context


def _stays(record: logging.LogRecord) -> bool:
    """Filter of each handler: keep a record of a lane back if the coroutine will log it."""
    listener = _listener.get()
    return listener is None or not listener.send(record)


TABLES = Lanes("tables", 64)
"""As many as the host hands out at a time: `batchSize` + `newBatchThreshold` of host.json."""
RUNS = Lanes("runs", 8)
"""For everything that begins, watches and ends runs. They are few, because the start of a run holds
all its tables in memory.
"""
REQUESTS = Lanes("requests", 32)
"""HTTP requests. A slow one waits for Azure, and the others must not wait for it."""
