"""RouteTables: one row for each registered route table.

The registration is one property of the row, and each part of the status is another one: a person
and several workers write at the same time, and no write undoes another.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.registry.contest import Contest
from ..domain.registry.holds import Hold
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.registry.status import Status, TableNews
from ..domain.runs.alert import Place
from .entities import Entity, fitting, table_key
from .mapping import Property

_REGISTRATION = Property("registration", Registration)
_STATUS: Mapping[str, Property[Any]] = {
    field.name: Property(field.name, get_type_hints(Status)[field.name]) for field in fields(Status)
}
_SUBNET_IDS = "subnet_ids"


class Registry:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def get(self, route_table_id: RouteTableId) -> RegisteredTable | None:
        try:
            return _registered_table(self._table.get_entity(*_key(route_table_id)))
        except ResourceNotFoundError:
            return None

    def list(self) -> Iterator[RegisteredTable]:
        return (_registered_table(entity) for entity in self._table.list_entities())

    def places(self, subscription_id: str | None) -> Iterator[Place]:
        """List the enabled route tables of this subscription, or of all, with their places."""
        condition, bound = "enabled eq @enabled", {"enabled": True}
        if subscription_id is not None:
            condition = f"PartitionKey eq @subscription and {condition}"

        entities = self._table.query_entities(
            condition,
            parameters=bound | {"subscription": (subscription_id or "").lower()},
            select=["routeTableId", "aseId", _SUBNET_IDS, f"{_SUBNET_IDS}Parts"],
        )
        return (_place(entity) for entity in entities)

    def put(self, table: RegisteredTable) -> None:
        """Register the table, or replace its registration.

        Its status stays, apart from the former sources and, if they are known, the subnets.
        """
        registration, status = table.registration, table.status
        seen = _known(former_sources=status.former_sources, subnet_ids=status.subnet_ids)

        self._table.upsert_entity(
            fitting(
                {
                    **_keys(table.route_table_id),
                    "routeTableId": str(table.route_table_id),
                    # These are for `places`, which reads little of many rows.
                    "aseId": str(registration.ase_id or ""),
                    "enabled": registration.enabled,
                    **_REGISTRATION.packed(registration),
                    **seen,
                }
            ),
            mode=UpdateMode.MERGE,
        )

    def delete(self, route_table_id: RouteTableId) -> None:
        self._table.delete_entity(*_key(route_table_id))

    def note_sound(self, route_table_id: RouteTableId, hashes: Iterable[str]) -> None:
        """Record the hashes of the foreign routes of a table that was seen sound."""
        self._merge(route_table_id, _known(sound_foreign=frozenset(hashes)))

    def hold(self, route_table_id: RouteTableId, holds: Iterable[Hold]) -> None:
        """Replace the table's holds by these."""
        self._merge(route_table_id, _known(holds=tuple(holds)))

    def release(self, route_table_id: RouteTableId) -> None:
        """Lift every hold and clear the contested state."""
        forgotten = _STATUS["owned_left"].packed(None)
        self._merge(route_table_id, {**_known(holds=(), contest=Contest()), **forgotten})

    def contest(
        self, route_table_id: RouteTableId, contest: Contest, owned: frozenset[str]
    ) -> None:
        """Record the changes that were undone, and the owned prefixes that were found."""
        self._merge(route_table_id, _known(contest=contest, owned_left=owned))

    def record(self, route_table_id: RouteTableId, news: TableNews) -> None:
        """Record what is newly known of the table."""
        verified = news.verified_at is not None
        properties = _known(
            owned_left=news.owned,
            subnet_ids=news.subnet_ids,
            applied_version_ids=news.applied_version_ids if verified else None,
            verified_at=news.verified_at,
            watched_since=news.watched_since,
            reading=news.reading,
            suspended=news.suspended,
            last_outcome=news.outcome,
        )
        self._merge(route_table_id, properties)

    def _merge(self, route_table_id: RouteTableId, properties: Mapping[str, bytes | int]) -> None:
        try:
            self._table.update_entity(
                {**_keys(route_table_id), **properties}, mode=UpdateMode.MERGE
            )
        except ResourceNotFoundError:
            return  # The table has been unregistered in the meantime.


def _known(**status: object) -> dict[str, bytes | int]:
    """Return the properties of those parts of a status that have a value."""
    properties: dict[str, bytes | int] = {}
    for name, value in status.items():
        if value is not None:
            properties |= _STATUS[name].packed(value)
    return properties


def _key(route_table_id: RouteTableId) -> tuple[str, str]:
    return route_table_id.subscription_id.lower(), table_key(route_table_id)


def _keys(route_table_id: RouteTableId) -> dict[str, str]:
    partition, row = _key(route_table_id)
    return {"PartitionKey": partition, "RowKey": row}


def _place(entity: Entity) -> Place:
    # If the table is on so many subnets that they need several parts, it counts as on any.
    known = entity.get(f"{_SUBNET_IDS}Parts") == 1
    return Place(
        RouteTableId.parse(entity["routeTableId"]),
        EnvironmentId.parse(entity["aseId"]) if entity["aseId"] else None,
        _STATUS[_SUBNET_IDS].unpacked(entity) if known else None,
    )


def _registered_table(entity: Entity) -> RegisteredTable:
    seen = {name: found.unpacked(entity) for name, found in _STATUS.items() if found.is_in(entity)}
    return RegisteredTable(
        RouteTableId.parse(entity["routeTableId"]), _REGISTRATION.unpacked(entity), Status(**seen)
    )
