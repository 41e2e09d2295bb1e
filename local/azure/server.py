"""The simulated Azure on a port of 127.0.0.1, in its own thread."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.listening import KEEP_ALIVE_SECONDS, listen

from . import metadata
from .call import Call
from .control import ControlApi
from .faults import ConnectionDropped, met
from .gateway import Gateway
from .identity import HEADER, IdentityApi
from .state import State
from .target import Target

type _Handler = Callable[[Request], Awaitable[Response]]

_METHODS = ["GET", "PUT", "PATCH", "DELETE", "POST"]


class SimulatedAzure:
    """Starts and stops the simulation as a context. Tests may read and change `state` meanwhile."""

    def __init__(
        self,
        cloud: str = "AzureCloud",
        *,
        port: int = 0,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        """With a certificate and its key, both PEM, the server accepts https only."""
        self.state = State(cloud)
        self._socket = listen(port)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._connections: dict[tuple[str, int], asyncio.Transport] = {}

        certificate_file, key_file = certificate or (None, None)
        config = uvicorn.Config(
            self._app(),
            http=self._protocol(),
            log_level="warning",
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ssl_certfile=certificate_file,
            ssl_keyfile=key_file,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        # The thread closes the socket within a tenth of a second, and nobody needs to wait for it.
        self._server.should_exit = True

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])
        self.state.topic.close()

    def environment(self) -> dict[str, str]:
        """Return the variables that make a process use this simulation as its Azure."""
        return {
            "ARM_ENDPOINT": self.url,
            "IDENTITY_ENDPOINT": f"{self.url}/msi/token",
            "IDENTITY_HEADER": HEADER,
        }

    def _app(self) -> Starlette:
        identity = IdentityApi(self.state.identities)
        control = ControlApi(self.state)

        return Starlette(
            routes=[
                Route("/msi/token", self._token(identity.app_service)),
                Route("/metadata/identity/oauth2/token", self._token(identity.imds)),
                Route("/metadata/endpoints", metadata.endpoints),
                Route("/simulator/log", control.log),
                Route("/simulator/token", control.token),
                Route("/simulator/service-tags/step", control.step, methods=["POST"]),
                Route("/simulator/faults", control.faults),
                Route("/simulator/faults", control.add_faults, methods=["POST"]),
                Route("/simulator/faults", control.clear_faults, methods=["DELETE"]),
                Route("/{path:path}", self._droppable(Gateway(self.state)), methods=_METHODS),
            ],
        )

    def _token(self, answer: Callable[[Request], Response]) -> _Handler:
        """Faults can hit token requests as well."""

        async def handle(request: Request) -> Response:
            call = Call(state=self.state, request=request, target=Target(), body=b"")
            return await met(call, lambda: answer(request))

        return self._droppable(handle)

    def _droppable(self, answer: _Handler) -> _Handler:
        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except ConnectionDropped:
                assert request.client is not None
                self._connections[request.client.host, request.client.port].abort()
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                return Response()  # nobody receives it

        return handle

    def _protocol(self) -> type[H11Protocol]:
        """Extend the server's protocol, so that a client's connection can be found and aborted."""
        connections = self._connections

        class Protocol(H11Protocol):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                assert self.client is not None
                connections[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                assert self.client is not None
                connections.pop(self.client, None)
                super().connection_lost(exc)

        return Protocol
