"""Threads of the app's own, in which all its functions do their work.

The worker of the Functions host has one event loop, which nothing may block, and a pool of threads
whose size depends on the plan and on how an instance starts. The app uses no thread of that pool. A
function is a coroutine that hands its work to a lane, and waits without holding anything.

The worker drops every log record that does not come from the coroutine itself. So the records of
the work go to the coroutine while the work goes on, and the coroutine logs them.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from functools import partial

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
        records, threads = _Records(), self._threads
        in_context = _new_context(records).run
        lane = threads.submit(in_context, partial(work, *arguments, **named))
        lane.add_done_callback(records.end)

        try:
            await records.log(GIVEN_UP_AFTER_SECONDS)
        finally:
            # Work that has not begun is withdrawn.
            lane.cancel()
            records.stop()
        return self._result(lane, threads)

    def _result[T](self, lane: Future[T], threads: ThreadPoolExecutor) -> T:
        """Raise TransientError if the work was withdrawn, or if it hangs."""
        if not lane.done():
            self._leave_behind(threads)
        if not lane.done() or lane.cancelled():
            raise out_of_time()
        return lane.result()

    def _leave_behind(self, threads: ThreadPoolExecutor) -> None:
        """Take new threads. The work that hangs keeps its old one, and its neighbours theirs."""
        _log.error("an invocation did not end itself, and its thread is left behind")
        # If several hang, the first of them has done so.
        if threads is self._threads:
            threads.shutdown(wait=False)
            self._threads = self._new_threads()

    def _new_threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.count, thread_name_prefix=self._name)


class _Records:
    """The log records of one piece of work, on their way from its thread to its coroutine."""

    def __init__(self) -> None:
        self._sent = deque[logging.LogRecord]()
        self._last: logging.LogRecord | None = None
        self._is_heard, self._has_ended = True, False
        self._lock = threading.Lock()
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        for handler in logging.getLogger().handlers:
            handler.addFilter(_stays)

    def send(self, record: logging.LogRecord) -> bool:
        """Return whether the coroutine will log the record."""
        with self._lock:
            if not self._is_heard:
                return False
            # It has to be there before the coroutine wakes.
            self._sent.append(record)
            if self._wake():
                return True
            self._sent.pop()
            return False

    def end(self, _lane: object) -> None:
        """Say that the work has ended."""
        self._has_ended = True
        self._wake()

    async def log(self, seconds: float) -> None:
        """Log each record when it comes, until the work has ended, but not for longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._has_ended:
                    await self._news.wait()
                    self._news.clear()
                    self._log_sent()

    def stop(self) -> None:
        """Log what has come. From now on the thread logs by itself."""
        with self._lock:
            self._is_heard = False
        self._log_sent()

    def _log_sent(self) -> None:
        while self._sent:
            record = self._sent.popleft()
            # Each handler has sent it.
            if record is not self._last:
                logging.getLogger(record.name).handle(record)
            self._last = record

    def _wake(self) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # the loop of a worker that stops is closed
            return False
        return True


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


TABLES = Lanes("tables", 32)
"""As many as the host hands out at a time: `batchSize` + `newBatchThreshold` of host.json."""
RUNS = Lanes("runs", 8)
"""For everything that begins, watches and ends runs. They are few, because the start of a run holds
all its tables in memory.
"""
REQUESTS = Lanes("requests", 32)
"""HTTP requests. A slow one waits for Azure, and the others must not wait for it."""
