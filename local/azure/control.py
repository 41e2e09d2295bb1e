"""What the workbench asks of the simulated Azure; nothing here is Azure's."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .state import State


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
