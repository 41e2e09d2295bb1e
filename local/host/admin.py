"""The host's own endpoints below `/admin`, which the master key opens.

GET  /admin/host/ping          answers anybody
GET  /admin/host/status        says that the host runs
GET  /admin/functions          lists the functions
POST /admin/functions/{name}   fires a function; the body is a JSON object

Sources: HostController.cs and FunctionsController.cs of Azure/azure-functions-host.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from azure_functions_runtime.bindings.datumdef import Datum
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import timers
from .http import Keys
from .worker import Function

type Invoke = Callable[[Function, Datum], Awaitable[None]]
"""Call a function. If it fails, log that, and raise nothing."""

type _Endpoint = Callable[[Request], Awaitable[Response]]


class Admin:
    """`functions` has the app's functions by their names in small letters."""

    def __init__(self, functions: Mapping[str, Function], keys: Keys, invoke: Invoke) -> None:
        self._functions = functions
        self._keys = keys
        self._invoke = invoke
        self._background: set[asyncio.Future[None]] = set()

    def routes(self) -> list[Route]:
        return [
            Route("/admin/host/ping", _ping, methods=["GET", "POST"]),
            Route("/admin/host/status", self._guarded(_status)),
            Route("/admin/functions", self._guarded(self._list)),
            Route("/admin/functions/{name}", self._guarded(self._fire), methods=["POST"]),
        ]

    def _guarded(self, endpoint: _Endpoint) -> _Endpoint:
        async def answer(request: Request) -> Response:
            if self._keys.open(request, self._keys.master):
                return await endpoint(request)
            if self._keys.open(request, self._keys.host):
                return Response(status_code=403)
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})

        return answer

    async def _list(self, _request: Request) -> Response:
        names = sorted(function.name for function in self._functions.values())
        return JSONResponse([{"name": name} for name in names])

    async def _fire(self, request: Request) -> Response:
        if not _has_json(request):
            return Response(status_code=415)
        body = await _json_object(request)
        if body is None:
            return Response(status_code=400)
        function = self._functions.get(request.path_params["name"].lower())
        if function is None:
            return Response(status_code=404)

        value = timers.timer_datum()
        if function.trigger["type"] == "queueTrigger":
            value = Datum(str(body.get("input", "")), "string")

        # The real host also answers at once. The set keeps the task from the garbage collector.
        task = asyncio.ensure_future(self._invoke(function, value))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return Response(status_code=202)


async def _ping(_request: Request) -> Response:
    return Response()


async def _status(_request: Request) -> Response:
    return JSONResponse({"state": "Running"})


def _has_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


async def _json_object(request: Request) -> Mapping[str, Any] | None:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
