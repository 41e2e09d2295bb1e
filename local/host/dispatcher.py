"""Sends each invocation to the worker, and replaces a worker that ends.

Sources: `RpcFunctionInvocationDispatcher.cs`, `GrpcWorkerChannel.cs` and
`WebScriptHostExceptionHandler.cs` of azure-functions-host.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from azure_functions_runtime.bindings.datumdef import Datum

from .clock import Clock
from .config import HostError
from .keeper import Keeper
from .wire import HostTime, Invocation
from .worker import Function, InvocationFailed, Result, Worker

_log = logging.getLogger("local.host")


class Dispatcher:
    """Has one worker at a time.

    If an invocation exceeds `functionTimeout`, its worker is killed and replaced. The others of
    this worker get no answer any more: each fails when it has reached the timeout as well, and its
    queue begins nothing in its place until then. If a worker ends by itself, all its invocations
    fail at once.
    """

    def __init__(self, keeper: Keeper, root: Path, clock: Clock, timeout: timedelta) -> None:
        self._keeper = keeper
        self._root = root
        self._clock = clock
        self._timeout = timeout
        self._worker: asyncio.Task[Worker]

    async def start(self) -> Sequence[Function]:
        """Return the app's functions. Raise HostError if they cannot be indexed."""
        self._worker = asyncio.create_task(self._start_worker())
        try:
            return (await self.worker()).functions
        except InvocationFailed as error:
            raise HostError(str(error)) from None

    async def worker(self) -> Worker:
        """Wait until there is one. Raise InvocationFailed if it cannot start."""
        return await asyncio.shield(self._worker)

    async def invoke(
        self, function: Function, value: Datum, metadata: Mapping[str, Datum] | None = None
    ) -> Result:
        """Raise InvocationFailed if the function raised, its worker ended, or it took too long."""
        inputs = [(function.trigger["name"], value)]
        invocation = Invocation(str(uuid.uuid4()), function.function_id, inputs, metadata or {})

        call = asyncio.create_task(self._call(invocation))
        if await self._exceeds_timeout(call):
            call.cancel()
            self._end_worker_of(invocation)
            raise InvocationFailed(f"{function.name} has exceeded functionTimeout {self._timeout}")
        return await call

    async def _call(self, invocation: Invocation) -> Result:
        worker = await self.worker()
        return await worker.invoke(invocation)

    async def _exceeds_timeout(self, call: asyncio.Task[Result]) -> bool:
        timer = asyncio.create_task(self._clock.sleep(self._timeout.total_seconds()))
        await asyncio.wait((call, timer), return_when=asyncio.FIRST_COMPLETED)
        timer.cancel()
        return not call.done()

    def _end_worker_of(self, invocation: Invocation) -> None:
        """If the worker of this invocation has already been replaced, nothing is left to do."""
        worker = self._worker.result() if self._worker.done() else None
        if worker and worker.is_running(invocation.id):
            worker.abandon()
            self._replace()

    def _replace(self) -> None:
        _log.warning("the worker process ends, and another one starts")
        self._worker = asyncio.create_task(self._start_worker())

    async def _start_worker(self) -> Worker:
        """The keeper kills the worker before."""
        now = HostTime(self._clock.now()) if self._clock.is_set else None
        worker = await Worker.start(self._keeper, self._root, now)
        worker.end.add_done_callback(lambda end: self._replace_ended(worker, end))
        return worker

    def _replace_ended(self, worker: Worker, end: asyncio.Task[None]) -> None:
        is_host_stopping = end.cancelled()
        if not (worker.is_abandoned or is_host_stopping):
            self._replace()
