"""The host on a port of 127.0.0.1: `python -m local.host`, with the app's settings as environment.

HOST_PORT, HOST_KEY and MASTER_KEY configure the host itself.

POST /local/clock   sets the clock of the process, so that weeks pass in a test
GET  /local/cpu     returns the processor time that the host itself has used
"""

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from azure_functions_runtime.bindings.datumdef import Datum
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.listening import listen

from . import timers, worker
from .admin import Admin
from .blobs import Blobs
from .clock import Clock
from .config import queue_options
from .http import HttpTriggers, Keys
from .queues import Queues
from .timers import Timer
from .web import web_server
from .worker import Function, InvocationFailed, Result

_OWN_THREADS = "local-host"

_log = logging.getLogger("local.host")


class Host:
    def __init__(self, root: Path, keys: Keys) -> None:
        self._root = root
        self._keys = keys
        self._functions: dict[str, Function] = {}
        self._clock = Clock()
        self._queues = Queues(
            os.environ["AzureWebJobsStorage"],
            queue_options(root, os.environ),
            self._invoke,
            self._clock.sleep,
        )
        self._admin = Admin(self._functions, keys, self._invoke_logged)

    def app(self) -> Starlette:
        return Starlette(
            lifespan=self._lifespan,
            routes=[
                *self._admin.routes(),
                Route("/local/clock", self._set_clock, methods=["POST"]),
                Route("/local/cpu", self._cpu),
            ],
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(
            ThreadPoolExecutor(thread_name_prefix=_OWN_THREADS)
        )
        functions = [f for f in await worker.load(self._root) if timers.is_indexed(f)]
        self._functions.update({function.name.lower(): function for function in functions})
        app.router.default = HttpTriggers(functions, self._keys, self._invoke)

        blobs = Blobs(os.environ["AzureWebJobsStorage"])
        listeners = [listener async for listener in self._listeners(functions, blobs)]
        tasks = [asyncio.create_task(listener) for listener in listeners]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._queues.drain()
        await blobs.close()

    async def _listeners(
        self, functions: Sequence[Function], blobs: Blobs
    ) -> AsyncIterator[Coroutine[Any, Any, None]]:
        """Yield one coroutine for each trigger that is not called by HTTP."""
        for function in filter(_enabled, functions):
            kind = function.trigger["type"]
            if kind == "timerTrigger":
                timer = Timer(function, blobs, self._clock, self._invoke)
                await timer.start()  # the real host runs only when its listeners have started
                yield timer.keep()
            elif kind == "queueTrigger":
                yield self._queues.listen(function)

    async def _invoke(
        self, function: Function, value: Datum, metadata: Mapping[str, Datum] | None = None
    ) -> Result:
        """Call the function, then send its outputs.

        Nothing is sent if the function raised. An output that cannot be sent fails the invocation,
        as in the real host.
        """
        result = await worker.invoke(function, value, metadata)
        for name, datum in result.outputs:
            await self._queues.send(function.output(name), datum)
        return result

    async def _invoke_logged(self, function: Function, value: Datum) -> None:
        try:
            await self._invoke(function, value)
        except InvocationFailed as error:
            _log.error("%s failed:\n%s", function.name, error)

    async def _set_clock(self, request: Request) -> Response:
        if not self._keys.open(request, self._keys.master):
            return Response(status_code=401)
        self._clock.set(datetime.fromisoformat((await request.json())["now"]))
        return Response(status_code=204)

    async def _cpu(self, request: Request) -> Response:
        if not self._keys.open(request, self._keys.master):
            return Response(status_code=401)
        seconds = 0.0
        for thread in threading.enumerate():
            is_own = thread is threading.main_thread() or thread.name.startswith(_OWN_THREADS)
            if is_own and thread.ident is not None:
                seconds += time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        return JSONResponse({"seconds": seconds})


def _enabled(function: Function) -> bool:
    """Source: "How to disable functions in Azure Functions"."""
    setting = os.environ.get(f"AzureWebJobs.{function.name}.Disabled", "")
    return setting.lower() not in {"true", "1"}


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.ERROR)
    logging.getLogger("ase_route_sync").setLevel(os.environ.get("LOG_LEVEL", "WARNING"))
    port = int(os.environ.get("HOST_PORT", "7071"))
    try:
        listening = listen(port)
    except OSError as error:
        sys.exit(f"port {port}: {error.strerror}; set HOST_PORT to another, 0 picks a free one")

    server = _server()
    threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()

    # The process that starts the host reads its address from this line.
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    server.run(sockets=[listening])
    sys.exit(0 if server.started else 1)


def _server() -> uvicorn.Server:
    keys = Keys(os.environ["HOST_KEY"], os.environ["MASTER_KEY"])
    host = Host(Path(__file__).parents[2], keys)
    return web_server(host.app())


def _stop_with_parent(server: uvicorn.Server) -> None:
    """When the process that started the host ends, standard input closes."""
    sys.stdin.read()
    server.should_exit = True
