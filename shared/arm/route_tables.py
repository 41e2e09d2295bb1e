"""Route tables (Microsoft.Network/routeTables/read, /write), whole table at a time."""

from collections.abc import Iterable
from typing import Any, cast

from azure.core.pipeline import PipelineResponse
from azure.mgmt.core.polling.arm_polling import ARMPolling
from azure.mgmt.network import models

from shared.domain.armid import RouteTableId
from shared.domain.errors import PermanentError, TransientError
from shared.domain.routes import Route, RouteTable

from .client import NetworkClients, correlation_id_of, raw_json
from .errors import arm_errors

POLL_SECONDS = 2
"""Between polls where ARM names no Retry-After: the SDK's own 30 s is far above what is usual."""
LONGEST_WRITE_SECONDS = 120
"""As often as one delivery may write, it stays within host.json's functionTimeout."""

_NOT_FOUND = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"})


class ArmRouteTables:
    def __init__(
        self, clients: NetworkClients, *, longest_write_seconds: float = LONGEST_WRITE_SECONDS
    ) -> None:
        self._clients = clients
        self._longest_write_seconds = longest_write_seconds

    def read(self, route_table_id: RouteTableId) -> RouteTable:
        """Raise PermanentError `RouteTableNotFound` where there is none."""
        client = self._clients.of(route_table_id.subscription_id)
        try:
            with arm_errors():
                answer: Any = client.route_tables.get(
                    route_table_id.resource_group,
                    route_table_id.name,
                    cls=_with_correlation_id,
                    **self._clients.call_options,
                )
            raw, correlation_id = answer
        except PermanentError as error:
            if error.code not in _NOT_FOUND:
                raise
            raise PermanentError(
                "RouteTableNotFound", error.message, correlation_id=error.correlation_id
            ) from error
        if not _is_whole(raw, route_table_id):
            raise TransientError("UNEXPECTED_ANSWER", "the answer is not this route table, whole")
        return RouteTable.from_arm(raw, correlation_id)

    @property
    def next_hop_types(self) -> frozenset[str]:
        """Those that the API version in use is sure to know."""
        every = frozenset(kind.value for kind in models.RouteNextHopType)
        newer = {models.RouteNextHopType.VIRTUAL_APPLIANCE_ECMP.value}
        return every - newer if self._clients.call_options else every

    def body(self, table: RouteTable, routes: Iterable[Route]) -> RouteTable:
        """The very body of a write that replaces the table's routes."""
        # The model leaves out what is read-only and keeps what it does not know.
        model = models.RouteTable(table.to_arm(tuple(routes)))
        return RouteTable.from_arm(model.as_dict(exclude_readonly=True))

    def write(self, route_table_id: RouteTableId, body: RouteTable, etag: str) -> str | None:
        """One PUT of the whole table if it still has this ETag, followed to its end.

        Return ARM's correlation id. Raise PreconditionFailed where the table has changed, and
        TransientError where the end is not known: then read again, it may have taken effect.
        """
        client = self._clients.of(route_table_id.subscription_id)
        answers: list[PipelineResponse[Any, Any]] = []
        with arm_errors():
            poller = client.route_tables.begin_create_or_update(
                route_table_id.resource_group,
                route_table_id.name,
                cast(Any, body.raw),
                headers={"If-Match": etag},
                # A blind second PUT would meet the first one as a false 412; polls may repeat.
                retry_total=0,
                polling=ARMPolling(POLL_SECONDS),
                raw_response_hook=answers.append,
                **self._clients.call_options,
            )
            poller.wait(self._longest_write_seconds)
            if not poller.done():
                raise TransientError(
                    "WRITE_NOT_ENDED", f"not ended after {self._longest_write_seconds:g} s"
                )
            poller.result()
        return correlation_id_of(answers[0])


def _with_correlation_id(
    response: PipelineResponse[Any, Any], model: object, headers: object
) -> tuple[Any, str | None]:
    return raw_json(response, model, headers), correlation_id_of(response)


def _is_whole(raw: Any, route_table_id: RouteTableId) -> bool:
    """Half an answer must not become a PUT that wipes the other half, nor one without ETag."""
    match raw:
        case {"id": str(found), "etag": str(etag), "properties": {"routes": list(routes)}}:
            named = all(isinstance(r, dict) and isinstance(r.get("name"), str) for r in routes)
            return named and bool(etag) and found.lower() == route_table_id.key
        case _:
            return False
