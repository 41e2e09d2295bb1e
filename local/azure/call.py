"""One request on its way through the simulated Azure."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from .authorization import NOBODY, Principal
from .errors import invalid_json
from .target import Target

if TYPE_CHECKING:
    from .operations import Fate, Operation
    from .state import State


@dataclass(kw_only=True)
class Call:
    state: "State"
    request: Request
    target: Target
    body: bytes
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    principal: Principal = NOBODY
    claims: Mapping[str, Any] = field(default_factory=dict)
    """The claims of the caller's token."""
    stale: bool = False
    """If true, the answer shows the state before the last write."""
    fate: "Fate | None" = None
    """The course of the operation that this call begins."""
    operation: "Operation | None" = None
    """The operation that this call has begun. A write at once has none."""
    linked: list[str] = field(default_factory=list)
    """Actions on other resources to which this one refers."""

    @property
    def api_version(self) -> str:
        return self.request.query_params.get("api-version", "")

    @property
    def origin(self) -> str:
        """Links in answers lead back to the address to which the request went."""
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
        """Return one page of a list. The last page has no `nextLink`."""
        size = size or self.state.page_size
        start = int(self.request.query_params.get("$skipToken", "0"))

        page: dict[str, Any] = {key: values[start : start + size]}
        if start + size < len(values):
            url = self.request.url.include_query_params(**{"$skipToken": start + size})
            page["nextLink"] = str(url)
        return page
