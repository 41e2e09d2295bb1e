"""Route tables, read and written as a whole. Rights: Microsoft.Network/routeTables/read, /write."""

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from azure.core.rest import HttpResponse

from ..domain import codes
from ..domain.armid import RouteTableId, ignoring_case
from ..domain.errors import PermanentError, TransientError, UnconfirmedWrite
from ..domain.routing.routes import Route, RouteTable
from .client import ArmClients, correlation_id_of, items
from .errors import arm_answers, arm_errors
from .writes import LONGEST_WRITE_SECONDS, write

_EVERY_VERSION = ""
KNOWN_SINCE = {
    "VirtualNetworkGateway": _EVERY_VERSION,
    "VnetLocal": _EVERY_VERSION,
    "Internet": _EVERY_VERSION,
    "VirtualAppliance": _EVERY_VERSION,
    "None": _EVERY_VERSION,
    "VirtualApplianceEcmp": "2025-07-01",
}
"""The first API version that knows each next hop type. A write with an older one might lose what
belongs to the type. Source: RouteNextHopType in the versions of Microsoft.Network.
"""

# The SDK's models drop the same keys, but cost 12 ms for each table. Keys that the models do not
# know are sent back unchanged.
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
        """Raise PermanentError `RouteTableNotFound` if there is none."""
        url = f"{route_table_id}?api-version={self._clients.api_version_network}"
        with arm_errors(not_found=codes.ROUTE_TABLE_NOT_FOUND):
            answer = self._clients.get(url)
        return _table(answer, route_table_id)

    def list(self, subscription_id: str) -> Iterator[tuple[RouteTableId, RouteTable]]:
        """Yield every table of a subscription, page by page."""
        client = self._clients.network(subscription_id)
        with arm_answers():
            for model in items(client.route_tables.list_all(**self._clients.call_options)):
                raw = model.as_dict()
                yield RouteTableId.parse(raw["id"]), RouteTable.from_arm(raw)

    def next_hop_types(self) -> frozenset[str]:
        """Return the next hop types that the API version in use knows."""
        version = self._clients.api_version_network
        return frozenset(name for name, first in KNOWN_SINCE.items() if version >= first)

    def body(self, table: RouteTable, routes: Iterable[Route]) -> RouteTable:
        """Return the exact body of a write that replaces the table's routes."""
        raw = table.to_arm(tuple(routes))
        properties = _without(_READ_ONLY_OF_TABLE, raw["properties"])
        properties["routes"] = [_route_body(route) for route in properties["routes"]]

        body = _without(_READ_ONLY | {"name"}, raw)
        return RouteTable.from_arm(body | {"properties": properties})

    def create(self, route_table_id: RouteTableId, body: RouteTable) -> None:
        """PUT a new table. Raise the same errors as `write`."""
        try:
            self._put(route_table_id, body, {"If-None-Match": "*"})
        except UnconfirmedWrite as error:
            self._standing(route_table_id, error)

    def write(self, route_table_id: RouteTableId, body: RouteTable, etag: str) -> RouteTable:
        """PUT the whole table if it still has this ETag, and wait for the end of the operation.

        Return the table as read afterwards, with the correlation id of the write. Raise
        PreconditionFailed if the table has changed. Raise TransientError if the result is unknown:
        the write may have taken effect, so read the table again.
        """
        try:
            first_answer, last_answer = self._put(route_table_id, body, {"If-Match": etag})
        except UnconfirmedWrite as error:
            return self._standing(route_table_id, error)

        # An operation ends with a GET of the table. A PUT that ends at once does not.
        correlation_id = correlation_id_of(first_answer)
        if last_answer.request.method == "GET":
            return replace(_table(last_answer, route_table_id), correlation_id=correlation_id)
        message = "the table could not be read after the write"
        unread = UnconfirmedWrite(codes.WRITE_NOT_ENDED, message, correlation_id=correlation_id)
        return self._standing(route_table_id, unread)

    def _standing(self, route_table_id: RouteTableId, error: UnconfirmedWrite) -> RouteTable:
        """Return the table as it stands after an accepted write. Raise the error if that may still
        change, or cannot be read.
        """
        with suppress(PermanentError, TransientError):
            after = self.read(route_table_id)
            if after.sound:
                return replace(after, correlation_id=error.correlation_id)
        raise error

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


def _route_body(route: Mapping[str, Any]) -> dict[str, object]:
    properties = _without(_READ_ONLY_OF_ROUTE, route.get("properties") or {})
    return _without(_READ_ONLY, route) | {"properties": properties}


def _without[V](names: Collection[str], raw: Mapping[str, V]) -> dict[str, V]:
    return {name: value for name, value in raw.items() if name not in names}


def _table(answer: HttpResponse, route_table_id: RouteTableId) -> RouteTable:
    with arm_answers():
        raw = answer.json()
    if not _is_complete(raw, route_table_id):
        raise TransientError(codes.UNEXPECTED_ANSWER, "the answer is not this route table in full")
    return RouteTable.from_arm(raw, correlation_id_of(answer))


def _is_complete(raw: object, route_table_id: RouteTableId) -> bool:
    """Half an answer must not become a PUT that deletes the other half or has no ETag."""
    match raw:
        case {"id": str(found_id), "etag": str(etag), "properties": {"routes": list(routes)}}:
            is_this_table = ignoring_case(found_id) == route_table_id.key
            return bool(etag) and is_this_table and all(_has_name(route) for route in routes)
        case _:
            return False


def _has_name(route: object) -> bool:
    return isinstance(route, dict) and isinstance(route.get("name"), str)
