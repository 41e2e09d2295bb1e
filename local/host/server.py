"""The host on a port of 127.0.0.1: `python -m local.host`, with the app's settings as environment.

HOST_PORT, HOST_KEY and MASTER_KEY configure the host itself. FUNCTION_KEYS can give functions a key
of their own, as a JSON object: `{"lists": "KEY"}`. HOST_FLEX=1 gives the worker as few
threads as Flex Consumption may. AzureWebJobsScriptRoot is the folder of another app.

POST /local/clock   sets the clock of the host and of its worker, so that weeks pass in a test
GET  /local/worker  returns the process id of the worker
"""

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import uvicorn
from azure_functions_runtime.bindings.datumdef import Datum
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.listening import listen

from . import timers
from .admin import Admin
from .blobs import Blobs
from .clock import Clock
from .config import function_timeout, is_disabled, queue_options
from .dispatcher import Dispatcher
from .http import HttpTriggers, Keys
from .keeper import Keeper
from .queues import Queues
from .records import CONSOLE
from .timers import Timer
from .web import web_server
from .wire import HostTime
from .worker import Function, InvocationFailed, Result
from .worker_process import serve

ORPHAN_ENDS_WITHIN_SECONDS = 4.0
"""`local.stack` kills a host that needs longer."""

_log = logging.getLogger("local.host")


class Host:
    def __init__(self, root: Path, keys: Keys, keeper: Keeper) -> None:
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
        self._dispatcher = Dispatcher(keeper, root, self._clock, function_timeout(root, os.environ))

    def app(self) -> Starlette:
        return Starlette(
            lifespan=self._lifespan,
            routes=[
                *self._admin.routes(),
                Route("/local/clock", self._set_clock, methods=["POST"]),
                Route("/local/worker", self._worker),
            ],
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        functions = [f for f in await self._dispatcher.start() if timers.is_indexed(f)]
        self._functions.update({function.name.lower(): function for function in functions})
        app.router.default = HttpTriggers(functions, self._keys, self._invoke_and_log)

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
        for function in functions:
            if is_disabled(function.name):
                continue
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
        result = await self._dispatcher.invoke(function, value, metadata)
        for name, datum in result.outputs:
            await self._queues.send(function.output(name), datum)
        return result

    async def _invoke_and_log(self, function: Function, value: Datum) -> Result:
        try:
            return await self._invoke(function, value)
        except InvocationFailed as error:
            _log.error("%s failed:\n%s", function.name, error)
            raise

    async def _invoke_logged(self, function: Function, value: Datum) -> None:
        with suppress(InvocationFailed):
            await self._invoke_and_log(function, value)

    async def _set_clock(self, request: Request) -> Response:
        if not self._keys.open(request, self._keys.master):
            return Response(status_code=401)
        self._clock.set(datetime.fromisoformat((await request.json())["now"]))
        (await self._dispatcher.worker()).set_clock(HostTime(self._clock.now()))
        return Response(status_code=204)

    async def _worker(self, request: Request) -> Response:
        if not self._keys.open(request, self._keys.master):
            return Response(status_code=401)
        return JSONResponse({"pid": (await self._dispatcher.worker()).pid})


def main() -> None:
    with closing(Keeper(serve)) as keeper:  # before logging is set up, and before any other thread
        _serve(keeper)


def _serve(keeper: Keeper) -> NoReturn:
    _show_logs()
    port = int(os.environ.get("HOST_PORT", "7071"))
    try:
        listening = listen(port)
    except OSError as error:
        sys.exit(f"port {port}: {error.strerror}; set HOST_PORT to another, 0 picks a free one")

    hostname = f"127.0.0.1:{listening.getsockname()[1]}"
    os.environ.setdefault("WEBSITE_HOSTNAME", hostname)

    server = _server(keeper)
    threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()

    # The process that starts the host reads its address from this line.
    print(f"http://{hostname}", flush=True)
    server.run(sockets=[listening])
    sys.exit(0 if server.started else 1)


def _show_logs() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.ERROR)
    logging.getLogger("ase_route_sync").setLevel(os.environ.get("LOG_LEVEL", "WARNING"))
    logging.getLogger(CONSOLE).setLevel(logging.INFO)


def _server(keeper: Keeper) -> uvicorn.Server:
    root = Path(os.environ.get("AzureWebJobsScriptRoot") or Path(__file__).parents[2])
    own = json.loads(os.environ.get("FUNCTION_KEYS") or "{}")
    keys = Keys(os.environ["HOST_KEY"], os.environ["MASTER_KEY"], own)
    return web_server(Host(root, keys, keeper).app())


def _stop_with_parent(server: uvicorn.Server) -> None:
    """When the process that started the host ends, standard input closes.

    Then nobody waits for the invocations that are in progress, and storage may have gone as well.
    """
    sys.stdin.read()
    server.should_exit = True
    time.sleep(ORPHAN_ENDS_WITHIN_SECONDS)
    os._exit(1)
