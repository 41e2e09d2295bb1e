"""Route tables (Microsoft.Network/routeTables/read, /write), whole table at a time."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from azure.core.pipeline import PipelineResponse
from azure.mgmt.network import models

from shared.domain.armid import RouteTableId
from shared.domain.errors import ROUTE_TABLE_NOT_FOUND, TransientError
from shared.domain.routes import Route, RouteTable

from .client import ArmClients, correlation_id_of, raw_json
from .errors import arm_errors
from .writes import LONGEST_WRITE_SECONDS, write


class ArmRouteTables:
    def __init__(
        self, clients: ArmClients, *, longest_write_seconds: float = LONGEST_WRITE_SECONDS
    ) -> None:
        self._clients = clients
        self._longest_write_seconds = longest_write_seconds

    def read(self, route_table_id: RouteTableId) -> RouteTable:
        """Raise PermanentError `RouteTableNotFound` where there is none."""
        client = self._clients.network(route_table_id.subscription_id)
        with arm_errors(not_found=ROUTE_TABLE_NOT_FOUND):
            answer: Any = client.route_tables.get(
                route_table_id.resource_group,
                route_table_id.name,
                cls=_with_correlation_id,
                **self._clients.call_options,
            )
        raw, correlation_id = answer
        if not _is_whole(raw, route_table_id):
            raise TransientError("UNEXPECTED_ANSWER", "the answer is not this route table, whole")
        return RouteTable.from_arm(raw, correlation_id)

    def list(self, subscription_id: str) -> Iterator[tuple[RouteTableId, RouteTable]]:
        """Every table of a subscription, page by page."""
        client = self._clients.network(subscription_id)
        with arm_errors():
            for model in client.route_tables.list_all(**self._clients.call_options):
                raw = model.as_dict()
                yield RouteTableId.parse(raw["id"]), RouteTable.from_arm(raw)

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

    def create(self, route_table_id: RouteTableId, body: RouteTable) -> str | None:
        """One PUT of a table that is not there. Return ARM's correlation id; raise as `write`."""
        return self._put(route_table_id, body, {"If-None-Match": "*"})

    def write(self, route_table_id: RouteTableId, body: RouteTable, etag: str) -> str | None:
        """One PUT of the whole table if it still has this ETag, followed to its end.

        Return ARM's correlation id. Raise PreconditionFailed where the table has changed, and
        TransientError where the end is not known: then read again, it may have taken effect.
        """
        return self._put(route_table_id, body, {"If-Match": etag})

    def _put(
        self, route_table_id: RouteTableId, body: RouteTable, headers: Mapping[str, str]
    ) -> str | None:
        client = self._clients.network(route_table_id.subscription_id)
        begin = functools.partial(
            client.route_tables.begin_create_or_update,
            route_table_id.resource_group,
            route_table_id.name,
            cast(Any, body.raw),
            **self._clients.call_options,
        )
        return write(begin, headers, longest_seconds=self._longest_write_seconds)


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
