"""Log records on their way from a function to the user.

Source: `proxy_worker/dispatcher.py` of azure-functions-python-worker, `GrpcWorkerChannel.Log` of
azure-functions-host, and what the real host let through when it was run.
"""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Collection, Coroutine
from typing import IO, Any

from azure_functions_runtime import invocation_id_cv, native_invocation

from .wire import Record

CONSOLE = "Host.Function.Console"
"""The category of everything that a worker prints."""

_SYSTEM = ("azure.functions", "azure_functions_runtime", "proxy_worker")
"""Loggers of the worker and its libraries. Their records go to Microsoft, not to the user."""


class InvocationTask(asyncio.Task[Any]):
    """Knows its invocation. The tasks that it starts know it as well."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        super().__init__(coroutine, **options)
        self.invocation_id: str | None = getattr(asyncio.current_task(), "invocation_id", None)


def collect(send: Callable[[Record], None]) -> None:
    """In the worker: send every record, with its invocation, to the host."""
    logging.root.handlers = [_ToHost(send)]
    logging.root.setLevel(logging.INFO)

    # For an async function, the real worker calls another entry of the library, which does not set
    # this variable: a thread of such a function has no invocation id.
    native_invocation.invocation_id_cv = contextvars.ContextVar("unread", default=None)


class _ToHost(logging.Handler):
    def __init__(self, send: Callable[[Record], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self._send(Record(_current_invocation_id(), record.name, record.levelno, text))


def _current_invocation_id() -> str | None:
    """The task has it in an async function. In a thread of the worker's pool, the variable has it.

    `context.thread_local_storage` has no say.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:  # this thread has no event loop
        task = None
    of_thread: str | None = invocation_id_cv.get()
    return getattr(task, "invocation_id", None) or of_thread


def show(record: Record, running: Collection[str]) -> None:
    """In the host: write the record if it reaches the user, otherwise drop it.

    It belongs to an invocation that has not ended, is no DEBUG record, and is the user's.
    """
    if (
        record.invocation_id in running
        and record.level >= logging.INFO
        and not record.logger.startswith(_SYSTEM)
    ):
        logging.getLogger(record.logger).log(record.level, "%s", record.text)


def show_printed(lines: IO[str]) -> None:
    """In the host: show the lines under a category of their own until the worker ends."""
    threading.Thread(target=_show_lines, args=(lines,), daemon=True).start()


def _show_lines(lines: IO[str]) -> None:
    with lines:
        for line in lines:
            logging.getLogger(CONSOLE).info("%s", line.rstrip("\n"))
