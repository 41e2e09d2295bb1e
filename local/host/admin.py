"""The host's own endpoints below `/admin`, which the master key opens.

GET  /admin/host/status        says that the host runs
POST /admin/functions/{name}   fires a function
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from azure_functions_runtime.bindings.datumdef import Datum
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import timers
from .http import Keys
from .worker import Function

type Invoke = Callable[[Function, Datum], Awaitable[None]]
"""Call a function. If it fails, log that, and raise nothing."""


class Admin:
    """`functions` has the app's functions by their names in small letters."""

    def __init__(self, functions: Mapping[str, Function], keys: Keys, invoke: Invoke) -> None:
        self._functions = functions
        self._keys = keys
        self._invoke = invoke
        self._background: set[asyncio.Future[None]] = set()

    def routes(self) -> list[Route]:
        return [
            Route("/admin/host/status", self._status),
            Route("/admin/functions/{name}", self._fire, methods=["POST"]),
        ]

    async def _status(self, request: Request) -> Response:
        if not self._keys.open(request, self._keys.master):
            return Response(status_code=401)
        return JSONResponse({"state": "Running", "functions": sorted(self._functions)})

    async def _fire(self, request: Request) -> Response:
        if not self._keys.open(request, self._keys.master):
            return Response(status_code=401)
        function = self._functions.get(request.path_params["name"].lower())
        if function is None:
            return Response(status_code=404)

        value = timers.timer_datum()
        if function.trigger["type"] == "queueTrigger":
            body = await request.json() if await request.body() else {}
            value = Datum(str(body.get("input", "")), "string")

        # The real host also answers at once. The set keeps the task from the garbage collector.
        task = asyncio.ensure_future(self._invoke(function, value))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return Response(status_code=202)
