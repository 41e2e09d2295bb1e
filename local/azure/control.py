"""What the workbench asks of the simulated Azure; nothing here is Azure's."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .faults import Fault, schedule
from .state import State


class Seeded(BaseModel):
    """So many faults drawn from this seed."""

    model_config = ConfigDict(extra="forbid")

    seed: int
    count: int = 10


_WANTED: TypeAdapter[Seeded | list[Fault]] = TypeAdapter(Seeded | list[Fault])


class ControlApi:
    def __init__(self, state: State) -> None:
        self._state = state

    async def log(self, _request: Request) -> Response:
        """Every ARM request so far; writes with their bodies."""
        return JSONResponse({"value": self._state.log})

    async def step(self, request: Request) -> Response:
        """Publish the next version of the tag, or the one `?steps=` further."""
        published = self._state.tags.step(int(request.query_params.get("steps", "1")))
        return JSONResponse({k: published[k] for k in ("published", "tagChangeNumber")})

    async def faults(self, _request: Request) -> Response:
        """What is still in store."""
        return self._in_store()

    async def add_faults(self, request: Request) -> Response:
        """Faults as they are listed, or `{"seed", "count"}`: the same seed, the same faults."""
        try:
            wanted = _WANTED.validate_json(await request.body())
        except ValidationError as error:
            return Response(error.json(include_url=False), 400, media_type="application/json")
        added = schedule(wanted.seed, wanted.count) if isinstance(wanted, Seeded) else wanted
        self._state.faults += added
        return self._in_store()

    async def clear_faults(self, _request: Request) -> Response:
        self._state.faults.clear()
        return self._in_store()

    def _in_store(self) -> Response:
        waiting = (fault for fault in self._state.faults if fault.times)
        value: list[Any] = [fault.model_dump(mode="json") for fault in waiting]
        return JSONResponse({"value": value})
