"""Long-running operations. A write begins one, and the caller polls until it ends."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from .call import Call
from .errors import child_not_found
from .resources import Resource, new_etag

# Every link since 2024 has about 3 kB of signature, which a client loses if it rebuilds the link.
_SIGNATURE = {"t": "638619057738293558", "c": "MIIHhzCCBm-" * 230, "s": "iwXUK4yRtRI", "h": "_cM_"}


@dataclass(kw_only=True)
class Fate:
    """The course of an operation. By default it succeeds after some time."""

    hangs: bool = False
    error: dict[str, Any] | None = None
    reverts: bool = False
    """If true, an operation that fails leaves the resource as it was before the write."""


@dataclass(kw_only=True)
class Operation:
    """An operation takes effect at once and ends at `ends_at`. Then the ETag changes again."""

    name: str
    resource: Resource
    ends_at: float
    clock: Callable[[], float]
    fate: Fate = field(default_factory=Fate)
    undo: Callable[[], None] = lambda: None
    """Restores the state before the write."""
    operation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "InProgress"

    def settle(self) -> None:
        if self.status != "InProgress" or self.fate.hangs or self.ends_at > self.clock():
            return
        self.status = "Failed" if self.fate.error else "Succeeded"
        if self.fate.error and self.fate.reverts:
            self.undo()
        self.resource.provisioning_state = self.status
        self.resource.etag = new_etag()

    @property
    def seconds_left(self) -> int:
        return max(1, round(self.ends_at - self.clock()))


def link(call: Call, kind: str, location: str, operation: Operation) -> str:
    """Return the URL of an operation (`operations`) or of its result (`operationResults`)."""
    subscription = operation.resource.resource_id.split("/")[2]
    query = urlencode({"api-version": call.api_version, **_SIGNATURE})
    return (
        f"{call.origin}/subscriptions/{subscription}/providers/Microsoft.Network/locations/"
        f"{location}/{kind}/{operation.operation_id}?{query}"
    )


class OperationApi:
    """`locations/{}/operations/{}` always answers 200. A failure is in the body."""

    kind = "Microsoft.Network/locations/operations"

    def get(self, call: Call) -> Response:
        operation = find(call)
        if operation.status == "InProgress":
            return JSONResponse({"status": "InProgress"}, headers=_retry_after(call))
        body: dict[str, Any] = {"status": operation.status}
        if operation.fate.error:
            body["error"] = {"details": [], **operation.fate.error}
        return JSONResponse(body)


class OperationResultApi:
    """`locations/{}/operationResults/{}` answers 202 until the end. UNCONFIRMED: no recording."""

    kind = "Microsoft.Network/locations/operationResults"

    def get(self, call: Call) -> Response:
        operation = find(call)
        if operation.status == "InProgress":
            headers = {"Location": str(call.request.url), **_retry_after(call)}
            return Response(status_code=202, headers=headers)

        if operation.fate.error:
            return JSONResponse({"error": {"details": [], **operation.fate.error}}, 500)
        return Response(status_code=204)


def find(call: Call) -> Operation:
    operation = call.state.operations.get(call.target.name)
    query = call.request.query_params
    is_signed = all(query.get(name) == value for name, value in _SIGNATURE.items())

    # UNCONFIRMED: no answer to a link without its signature is recorded.
    if operation is None or not is_signed:
        raise child_not_found(call.target.resource_id)
    return operation


def _retry_after(call: Call) -> dict[str, str]:
    return {"Retry-After": str(call.state.poll_seconds)}
