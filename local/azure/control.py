"""The API by which tests and people control the simulation. The real Azure has nothing like it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from .faults import InjectedFault, schedule
from .state import State


class Seeded(BaseModel):
    """A request for `count` faults, drawn from a seed."""

    model_config = ConfigDict(extra="forbid")

    seed: int
    count: int = 10


_WANTED: TypeAdapter[Seeded | list[InjectedFault]] = TypeAdapter(Seeded | list[InjectedFault])


class ControlApi:
    def __init__(self, state: State) -> None:
        self._state = state

    async def log(self, _request: Request) -> Response:
        """Return every ARM request so far. Writes have their bodies."""
        return JSONResponse({"value": self._state.log})

    async def token(self, _request: Request) -> Response:
        """Return a token of somebody who is not the app, as `az account get-access-token` does."""
        identities = self._state.identities
        return PlainTextResponse(identities.token(identities.person))

    async def step(self, request: Request) -> Response:
        """Publish the next version of the tag, or go `?steps=` versions further."""
        published = self._state.tags.step(int(request.query_params.get("steps", "1")))
        return JSONResponse({k: published[k] for k in ("published", "tagChangeNumber")})

    async def faults(self, _request: Request) -> Response:
        return self._pending_faults()

    async def add_faults(self, request: Request) -> Response:
        """Take a list of faults, or `{"seed", "count"}`. The same seed gives the same faults."""
        try:
            wanted = _WANTED.validate_json(await request.body())
        except ValidationError as error:
            return Response(error.json(include_url=False), 400, media_type="application/json")

        faults = schedule(wanted.seed, wanted.count) if isinstance(wanted, Seeded) else wanted
        self._state.faults += faults
        return self._pending_faults()

    async def clear_faults(self, _request: Request) -> Response:
        self._state.faults.clear()
        return self._pending_faults()

    def _pending_faults(self) -> Response:
        pending = [fault for fault in self._state.faults if fault.times]
        value: list[Any] = [fault.model_dump(mode="json") for fault in pending]
        return JSONResponse({"value": value})
