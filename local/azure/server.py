"""The simulated Azure on a port of 127.0.0.1, in a thread of its own."""

import json
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from . import identity
from .control import ControlApi
from .errors import ArmError
from .route_tables import RouteTableApi
from .service_tags import ServiceTagApi
from .state import Fault, State

type _Handler = Callable[[Request], Awaitable[Response]]

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_FIXED = {
    segment.lower(): segment
    for segment in (
        "subscriptions",
        "resourceGroups",
        "providers",
        "Microsoft.Network",
        "routeTables",
        "routes",
        "locations",
        "operations",
        "operationResults",
        "serviceTags",
    )
}


class SimulatedAzure:
    """Start and stop it as a context. `state` may be looked at and changed in between."""

    def __init__(self, cloud: str = "AzureCloud", *, port: int = 0) -> None:
        self.state = State(cloud)
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self._app(), log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def environment(self) -> dict[str, str]:
        """What a process needs to take this for Azure."""
        return {
            "ARM_ENDPOINT": self.url,
            "IDENTITY_ENDPOINT": f"{self.url}/msi/token",
            "IDENTITY_HEADER": identity.HEADER,
        }

    def _app(self) -> Starlette:
        tables = RouteTableApi(self.state)
        tags = ServiceTagApi(self.state)
        control = ControlApi(self.state)
        network = "/providers/Microsoft.Network"
        table = f"{_GROUP}{network}/routeTables/{{table}}"
        location = f"{_SUBSCRIPTION}{network}/locations/{{location}}"
        arm: list[tuple[str, str, _Handler]] = [
            ("GET", f"{_SUBSCRIPTION}{network}/routeTables", tables.list),
            ("GET", f"{_GROUP}{network}/routeTables", tables.list),
            ("GET", table, tables.get),
            ("PUT", table, tables.put),
            ("PATCH", table, tables.patch),
            ("DELETE", table, tables.delete),
            ("GET", f"{table}/routes", tables.list_routes),
            ("GET", f"{table}/routes/{{route}}", tables.get_route),
            ("PUT", f"{table}/routes/{{route}}", tables.put_route),
            ("DELETE", f"{table}/routes/{{route}}", tables.delete_route),
            ("GET", f"{location}/operations/{{operation}}", tables.poll),
            ("GET", f"{location}/operationResults/{{operation}}", tables.poll),
            ("GET", f"{location}/serviceTags", tags.list),
        ]
        return Starlette(
            routes=[
                Route("/msi/token", identity.token),
                Route("/simulator/log", control.log),
                Route("/simulator/service-tags/step", control.step, methods=["POST"]),
                *(
                    Route(path, self._arm(handler), methods=[method])
                    for method, path, handler in arm
                ),
            ],
            middleware=[Middleware(_AnyCase)],
        )

    def _arm(self, handler: _Handler) -> _Handler:
        async def answer(request: Request) -> Response:
            await self._note(request)
            method, path = request.method, request.url.path
            try:
                if fault := self.state.fault(method, path, after=False):
                    return _faulty(fault)
                _check_caller(request, self.state)
                response = await handler(request)
            except ArmError as error:
                response = error.response()
            if fault := self.state.fault(method, path, after=True):
                return _faulty(fault)
            for name in ("azure-asyncoperation", "location"):
                if name in response.headers:
                    response.headers[name] = self.url + response.headers[name]
            response.headers["x-ms-correlation-request-id"] = str(uuid.uuid4())
            return response

        return answer

    async def _note(self, request: Request) -> None:
        body = await request.body()
        try:
            content = json.loads(body) if body else None
        except ValueError:
            content = body.decode(errors="replace")
        self.state.log.append(
            {
                "method": request.method,
                "path": request.url.path,
                "query": request.url.query[:200],
                "ifMatch": request.headers.get("if-match"),
                "body": content,
            }
        )


class _AnyCase:
    """ARM compares the fixed segments of a path without regard to case."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            segments = scope["path"].split("/")
            path = "/".join(_FIXED.get(segment.lower(), segment) for segment in segments)
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


def _faulty(fault: Fault) -> Response:
    return JSONResponse(fault.body, fault.status, dict(fault.headers))


def _check_caller(request: Request, state: State) -> None:
    if request.headers.get("authorization") != f"Bearer {identity.TOKEN}":
        raise ArmError(
            401,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing or not valid.",
            gateway=True,
        )
    if "api-version" not in request.query_params:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
            gateway=True,
        )
    parameters = request.path_params
    subscription = parameters["subscription"]
    if not state.has_subscription(subscription):
        raise ArmError(
            404,
            "SubscriptionNotFound",
            f"The subscription '{subscription}' could not be found.",
            gateway=True,
        )
    group = parameters.get("group")
    if group and f"/subscriptions/{subscription}/resourcegroups/{group}".lower() not in (
        state.groups
    ):
        raise ArmError(
            404,
            "ResourceGroupNotFound",
            f"Resource group '{group}' could not be found.",
            gateway=True,
        )
