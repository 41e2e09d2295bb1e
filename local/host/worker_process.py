"""The worker process: Microsoft's library indexes the function app and invokes its functions."""

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
from azure_functions_runtime.native_invocation import invocation_request_native

from . import records
from .clock import Clock
from .records import InvocationTask
from .wire import Answer, FromHost, HostTime, Invocation, Load, WorkersEnd
from .worker import Function, Result

_THREADS = "PYTHON_THREADPOOL_THREAD_COUNT"
_MOST_THREADS = "1000"
"""The real host sets this if the app sets nothing (`DefaultWorkerProcessFactory.cs`)."""
_FEWEST_THREADS = "5"
"""Flex Consumption starts a worker before it knows the app, so the app's setting has no effect.

Its pool is then Python's default, which is 5 on one processor and 6 on two.
"""


def serve(connection: socket.socket) -> None:
    """Answer the host's calls until it ends."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(lambda _loop, coro, **options: InvocationTask(coro, **options))
    asyncio.set_event_loop(loop)
    host = WorkersEnd(connection)
    records.collect(host.send)

    worker = _Worker(host, loop)
    threading.Thread(target=worker.receive, daemon=True).start()
    loop.run_forever()


class _Failed(Exception):
    """The text goes to the host."""


class _Worker:
    def __init__(self, host: WorkersEnd, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._loop = loop
        self._clock = Clock()
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self) -> None:
        try:
            while True:
                self._loop.call_soon_threadsafe(self._begin, self._host.receive())
        finally:
            os._exit(0)  # the host has ended

    def _begin(self, message: FromHost) -> None:
        if isinstance(message, HostTime):
            self._clock.set(message.now())
            return
        task = self._loop.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Load | Invocation) -> None:
        value: Sequence[Function] | Result
        try:
            if isinstance(message, Load):
                value = await _load(message)
            else:
                value = await _invoke(message)
        except _Failed as error:
            self._host.send(Answer(message.id, failure=str(error)))
        else:
            self._host.send(Answer(message.id, value))


async def _load(message: Load) -> Sequence[Function]:
    """Index `function_app.py`."""
    sys.path.insert(0, str(message.root))
    os.chdir(message.root)
    os.environ["WEBSITE_HOSTNAME"] = message.website_hostname
    _start_threads()
    await _initialise(message.root)

    metadata = await runtime.functions_metadata_request(None)
    return [_function(result) for result in metadata.function_metadata_results]


def _start_threads() -> None:
    """The library reads the setting when it makes its pool. Later the app sees its own setting."""
    own = os.environ.get(_THREADS, _MOST_THREADS)
    os.environ[_THREADS] = _FEWEST_THREADS if os.environ.get("HOST_FLEX") else own
    runtime.start_threadpool_executor()
    os.environ[_THREADS] = own


class _Messages:
    """Replaces the generated protobuf module. Every message is a plain namespace."""

    class StatusResult(SimpleNamespace):
        Success = "success"
        Failure = "failure"

    class BindingInfo(SimpleNamespace):
        out = 1
        inout = 2
        undefined = None

    def __getattr__(self, name: str) -> type[SimpleNamespace]:
        return SimpleNamespace


async def _initialise(root: Path) -> None:
    messages = _Messages()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(root))
    request = SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init),
        properties={"host": "127.0.0.1", "protos": messages},
    )
    answer = await runtime.worker_init_request(request)
    if answer.result.status != messages.StatusResult.Success:
        raise _Failed(answer.result.exception.message)


def _function(metadata: Any) -> Function:
    bindings = [json.loads(text) for text in metadata.raw_bindings]
    return Function(metadata.name, metadata.function_id, bindings)


async def _invoke(invocation: Invocation) -> Result:
    task = asyncio.current_task()
    assert isinstance(task, InvocationTask)
    task.invocation_id = invocation.id

    succeeded, returned, outputs, error, trace = await invocation_request_native(
        invocation.id, invocation.function_id, invocation.inputs, invocation.metadata
    )
    if not succeeded:
        raise _Failed(trace or error)
    return Result(returned, outputs)
