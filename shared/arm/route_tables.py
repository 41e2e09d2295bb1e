"""Route tables (Microsoft.Network/routeTables/read, /write), whole table at a time."""

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from azure.core.rest import HttpResponse

from ..domain.armid import RouteTableId
from ..domain.errors import ROUTE_TABLE_NOT_FOUND, TransientError
from ..domain.routing.routes import Route, RouteTable
from .client import API_VERSION_NETWORK, ArmClients, correlation_id_of
from .errors import arm_answers, arm_errors
from .writes import LONGEST_WRITE_SECONDS, write

NEXT_HOP_TYPES = frozenset(
    {"VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None"}
)
"""The types every API version knows. Source: azure-mgmt-network's RouteNextHopType."""
NEWER_NEXT_HOP_TYPES = frozenset({"VirtualApplianceEcmp"})
"""The types that came with `API_VERSION_NETWORK`."""

# As the SDK's models have it; they cost 12 ms a table. What they do not know is sent as it came.
_READ_ONLY = frozenset({"etag", "type"})
_READ_ONLY_OF_TABLE = frozenset({"provisioningState", "resourceGuid", "subnets"})
_READ_ONLY_OF_ROUTE = frozenset({"hasBgpOverride", "provisioningState"})


class ArmRouteTables:
    def __init__(
        self, clients: ArmClients, *, longest_write_seconds: float = LONGEST_WRITE_SECONDS
    ) -> None:
        self._clients = clients
        self._longest_write_seconds = longest_write_seconds

    def read(self, route_table_id: RouteTableId) -> RouteTable:
        """Raise PermanentError `RouteTableNotFound` where there is none."""
        url = f"{route_table_id}?api-version={self._clients.api_version_network}"
        with arm_errors(not_found=ROUTE_TABLE_NOT_FOUND):
            answer = self._clients.get(url)
        return _read(answer, route_table_id)

    def list(self, subscription_id: str) -> Iterator[tuple[RouteTableId, RouteTable]]:
        """Every table of a subscription, page by page."""
        client = self._clients.network(subscription_id)
        with arm_errors():
            for model in client.route_tables.list_all(**self._clients.call_options):
                raw = model.as_dict()
                yield RouteTableId.parse(raw["id"]), RouteTable.from_arm(raw)

    def next_hop_types(self) -> frozenset[str]:
        """Return the next hop types that the API version in use is sure to know."""
        current = self._clients.api_version_network == API_VERSION_NETWORK
        return NEXT_HOP_TYPES | NEWER_NEXT_HOP_TYPES if current else NEXT_HOP_TYPES

    def body(self, table: RouteTable, routes: Iterable[Route]) -> RouteTable:
        """The very body of a write that replaces the table's routes."""
        raw = table.to_arm(tuple(routes))
        properties = _writable(raw["properties"], _READ_ONLY_OF_TABLE)
        properties["routes"] = [
            _writable(route, _READ_ONLY)
            | {"properties": _writable(route.get("properties") or {}, _READ_ONLY_OF_ROUTE)}
            for route in properties["routes"]
        ]
        return RouteTable.from_arm(
            _writable(raw, _READ_ONLY | {"name"}) | {"properties": properties}
        )

    def create(self, route_table_id: RouteTableId, body: RouteTable) -> None:
        """One PUT of a table that is not there. Raise as `write`."""
        self._put(route_table_id, body, {"If-None-Match": "*"})

    def write(self, route_table_id: RouteTableId, body: RouteTable, etag: str) -> RouteTable:
        """One PUT of the whole table if it still has this ETag, followed to its end.

        Return the table as read after that, with the correlation id of the write. Raise
        PreconditionFailed where the table has changed, and TransientError where the end is not
        known: then read again, it may have taken effect.
        """
        begun, ended = self._put(route_table_id, body, {"If-Match": etag})
        if ended.request.method == "GET":
            after = _read(ended, route_table_id)
        else:
            after = self.read(route_table_id)
        return replace(after, correlation_id=correlation_id_of(begun))

    def _put(
        self, route_table_id: RouteTableId, body: RouteTable, headers: Mapping[str, str]
    ) -> tuple[HttpResponse, HttpResponse]:
        client = self._clients.network(route_table_id.subscription_id)
        begin = functools.partial(
            client.route_tables.begin_create_or_update,
            route_table_id.resource_group,
            route_table_id.name,
            cast(Any, body.raw),
            **self._clients.call_options,
        )
        return write(begin, headers, longest_seconds=self._longest_write_seconds)


def _writable(raw: Mapping[str, Any], read_only: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key not in read_only}


def _read(answer: HttpResponse, route_table_id: RouteTableId) -> RouteTable:
    with arm_answers():
        raw = answer.json()
    if not _is_whole(raw, route_table_id):
        raise TransientError("UNEXPECTED_ANSWER", "the answer is not this route table, whole")
    return RouteTable.from_arm(raw, correlation_id_of(answer))


def _is_whole(raw: Any, route_table_id: RouteTableId) -> bool:
    """Half an answer must not become a PUT that wipes the other half, nor one without ETag."""
    match raw:
        case {"id": str(found), "etag": str(etag), "properties": {"routes": list(routes)}}:
            named = all(isinstance(r, dict) and isinstance(r.get("name"), str) for r in routes)
            return named and bool(etag) and found.lower() == route_table_id.key
        case _:
            return False
