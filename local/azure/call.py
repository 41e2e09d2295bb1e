"""One request on the way through the simulated Azure."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from .authorization import NOBODY, Principal
from .errors import invalid_json
from .target import Target

if TYPE_CHECKING:
    from .operations import Fate
    from .state import State


@dataclass(kw_only=True)
class Call:
    state: "State"
    request: Request
    target: Target
    body: bytes
    principal: Principal = NOBODY
    stale: bool = False
    """Whether to answer with what stood before the last write."""
    fate: "Fate | None" = None
    """How the operation that this begins is to go."""
    linked: list[str] = field(default_factory=list)
    """Actions on other resources that this one refers to."""

    @property
    def api_version(self) -> str:
        return self.request.query_params.get("api-version", "")

    @property
    def origin(self) -> str:
        """Links lead back to the address that was asked."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    def json(self) -> dict[str, Any]:
        try:
            body = json.loads(self.body)
        except ValueError as error:
            raise invalid_json(str(error)) from error
        if not isinstance(body, dict):
            raise invalid_json("The request content is not an object.")
        return body

    def page(self, key: str, values: list[Any], size: int | None = None) -> dict[str, Any]:
        """One page of a list; `nextLink` is absent on the last."""
        size = size or self.state.page_size
        start = int(self.request.query_params.get("$skipToken", "0"))
        page: dict[str, Any] = {key: values[start : start + size]}
        if start + size < len(values):
            url = self.request.url.include_query_params(**{"$skipToken": start + size})
            page["nextLink"] = str(url)
        return page
