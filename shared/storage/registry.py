"""RouteTables: one row for each registered route table.

A person and several workers write the same row at the same time. So each change is made to the row
as it is now, and only if nobody has written the row since: no write undoes another.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import datetime
from functools import partial
from typing import Any, get_type_hints

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, UpdateMode

from ..domain import codes
from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.errors import ConcurrentUpdate, RowUnreadable
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.registry.status import Status
from ..domain.runs.alert import Place
from .entities import Entity, etag_of, fitting, id_of_key, replace_as_read, table_key
from .mapping import Property

MOST_ATTEMPTS = 50
"""Each attempt that fails is one in which another writer succeeded."""

_REGISTRATION = Property("registration", Registration)
_STATUS: Mapping[str, Property[Any]] = {
    field.name: Property(field.name, get_type_hints(Status)[field.name]) for field in fields(Status)
}
_NOTHING_SEEN = Status()
_SUBNET_IDS = "subnet_ids"
_PLACE = ["RowKey", "routeTableId", "aseId", _SUBNET_IDS, f"{_SUBNET_IDS}Parts"]
"""The properties of a row that say which resources an alert may name instead of the table."""
_LISTED = {name: part for name, part in _STATUS.items() if name != "history"}
"""Reading the history takes longer than reading all the rest."""
_SUMMARY = (
    *("holds", "contest", "applied_version_ids", "verified_at", "last_outcome"),
    *("watched_since", "reading", "suspended"),
)
"""The parts of a status that a list of tables shows. The other parts are most of a row."""
_SUMMARY_COLUMNS = [
    *("PartitionKey", "RowKey", "routeTableId", "changedAt", "changedBy", "byTag"),
    *(column for name in ("registration", *_SUMMARY) for column in (name, f"{name}Parts")),
]
_UNREGISTERED = "unregistered"
"""The partition of the tables that were unregistered lately."""
_REMEMBERED = Property("status", Status)


class Registry:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def get(self, route_table_id: RouteTableId) -> RegisteredTable | None:
        """Raise RowUnreadable if the table is registered and its row cannot be read."""
        row = self._row(route_table_id)
        return None if row is None else _readable(row)

    def list(self) -> Iterator[RegisteredTable]:
        """List all without their history, also those that are `unreadable`."""
        rows = self._table.list_entities()
        registered = (row for row in rows if row["PartitionKey"] != _UNREGISTERED)
        return (_registered_table(row, _LISTED) for row in registered)

    def summaries(self) -> Iterator[RegisteredTable]:
        """List all with what a list of them shows: only `_SUMMARY` is known of the status."""
        found = self._table.query_entities(
            "PartitionKey ne @unregistered",
            parameters={"unregistered": _UNREGISTERED},
            select=_SUMMARY_COLUMNS,
        )
        return (_registered_table(self._whole(row)) for row in found)

    def _whole(self, row: Entity) -> Entity:
        """Return the summary of a row, or the row itself if a part of it is too long for one."""
        known = {name: value for name, value in row.items() if value is not None}
        if all(known.get(f"{name}Parts", 1) == 1 for name in ("registration", *_SUMMARY)):
            return known
        return self._table.get_entity(row["PartitionKey"], row["RowKey"])

    def places(self, subscription_id: str | None) -> Iterator[Place]:
        """List the enabled route tables of this subscription, or of all, with their places."""
        condition, bound = "enabled eq @enabled", {"enabled": True}
        if subscription_id is not None:
            condition = f"PartitionKey eq @subscription and {condition}"

        entities = self._table.query_entities(
            condition,
            parameters=bound | {"subscription": (subscription_id or "").lower()},
            select=_PLACE,
        )
        return (_place(entity) for entity in entities)

    def place(self, route_table_id: RouteTableId) -> Place | None:
        """Return the place of this table; None if it is not registered or not enabled."""
        try:
            row = self._table.get_entity(*_key(route_table_id), select=[*_PLACE, "enabled"])
        except ResourceNotFoundError:
            return None
        return _place(row) if row.get("enabled") else None

    def add(self, table: RegisteredTable) -> bool:
        """Register the table, and return whether it was not registered yet."""
        try:
            self._table.create_entity(fitting(_entity(table)))
        except ResourceExistsError:
            return False
        return True

    def change(
        self,
        route_table_id: RouteTableId,
        change: Callable[[RegisteredTable], RegisteredTable],
        known: RegisteredTable | None = None,
    ) -> RegisteredTable | None:
        """Apply the change to the table as it is now, and return the result.

        Return None if the table is not registered. If others write the row meanwhile, the change is
        applied again to what they have written. The row is not read if it is still as it was when
        it gave `known`. Raise RowUnreadable, PermanentError if the row cannot hold the
        registration, or ConcurrentUpdate if others write it all the time.
        """
        read = partial(self.get, route_table_id)
        found = known if known is not None and known.row_etag else read()
        for _ in range(MOST_ATTEMPTS):
            written = found and self._written(found, change(found))
            if written is not None or found is None:
                return written
            found = read()
        raise _never_quiet(route_table_id)

    def delete(
        self,
        route_table_id: RouteTableId,
        check: Callable[[RegisteredTable], None] = lambda _: None,
    ) -> RegisteredTable | None:
        """Delete the table's row, and return what it was, even if it was `unreadable`.

        Return None if the table is not registered. `check` sees exactly what is going to be
        deleted, and can raise an error that prevents it. Raise ConcurrentUpdate as `change` does.
        """
        for _ in range(MOST_ATTEMPTS):
            row = self._row(route_table_id)
            if row is None:
                return None

            table = _registered_table(row)
            check(table)

            if self._delete(row):
                return table
        raise _never_quiet(route_table_id)

    def remember(self, route_table_id: RouteTableId, status: Status, at: datetime) -> None:
        """Keep what protects the routes of a table that is unregistered now."""
        keys = {"PartitionKey": _UNREGISTERED, "RowKey": table_key(route_table_id)}
        row = {**keys, "unregisteredAt": at, **_REMEMBERED.packed(status)}
        self._table.upsert_entity(row, mode=UpdateMode.REPLACE)

    def remembered(self, route_table_id: RouteTableId) -> Status:
        """Return what is remembered of the table; nothing, if it was never unregistered."""
        try:
            row = self._table.get_entity(_UNREGISTERED, table_key(route_table_id))
        except ResourceNotFoundError:
            return Status()
        return _REMEMBERED.unpacked(row)

    def forget(self, *, before: datetime) -> None:
        """Forget the tables that were unregistered before this moment."""
        rows = self._table.query_entities(
            "PartitionKey eq @unregistered and unregisteredAt lt @before",
            parameters={"unregistered": _UNREGISTERED, "before": before},
            select=["PartitionKey", "RowKey"],
        )
        for row in rows:
            self._table.delete_entity(row["PartitionKey"], row["RowKey"])

    def _row(self, route_table_id: RouteTableId) -> Entity | None:
        try:
            return self._table.get_entity(*_key(route_table_id))
        except ResourceNotFoundError:
            return None

    def _written(self, known: RegisteredTable, changed: RegisteredTable) -> RegisteredTable | None:
        """Return the table as it is written now; None if the row has changed since it was read."""
        if changed == known:
            return changed
        entity = _changed_entity(known, changed)
        meanwhile = ConcurrentUpdate(codes.REGISTRATION_CHANGED, str(known.route_table_id))
        try:
            etag = replace_as_read(self._table, entity, known.row_etag, meanwhile)
        except ConcurrentUpdate:
            return None
        return replace(changed, row_etag=etag)

    def _delete(self, row: Entity) -> bool:
        """Return whether the row was still as it was read."""
        try:
            self._table.delete_entity(
                row["PartitionKey"],
                row["RowKey"],
                etag=etag_of(row),
                match_condition=MatchConditions.IfNotModified,
            )
        except ResourceModifiedError:
            return False
        return True


def _never_quiet(route_table_id: RouteTableId) -> ConcurrentUpdate:
    message = f"others write the row of {route_table_id} all the time"
    return ConcurrentUpdate(codes.REGISTRATION_CHANGED, message)


def _key(route_table_id: RouteTableId) -> tuple[str, str]:
    return route_table_id.subscription_id.lower(), table_key(route_table_id)


def _keys(route_table_id: RouteTableId) -> dict[str, str]:
    partition, row = _key(route_table_id)
    return {"PartitionKey": partition, "RowKey": row}


def _changed_entity(known: RegisteredTable, changed: RegisteredTable) -> dict[str, Any]:
    """Only a person can ask for less, so the size is judged if the registration changes."""
    entity = _entity(changed)
    return entity if changed.registration == known.registration else fitting(entity)


def _entity(table: RegisteredTable) -> dict[str, Any]:
    """The registration is one property, and each part of the status is another one."""
    return {
        **_keys(table.route_table_id),
        "routeTableId": str(table.route_table_id),
        # These are for `places`, which reads little of many rows.
        "aseId": str(table.registration.ase_id or ""),
        "enabled": table.registration.enabled,
        **_packed_change(table),
        **_REGISTRATION.packed(table.registration),
        **_packed_status(table.status),
    }


def _packed_change(table: RegisteredTable) -> dict[str, Any]:
    known: dict[str, Any] = {"changedBy": table.changed_by or "", "byTag": table.by_tag}
    return known if table.changed_at is None else {**known, "changedAt": table.changed_at}


def _packed_status(status: Status) -> dict[str, Any]:
    """Leave out the parts in which nothing was seen yet."""
    packed: dict[str, Any] = {}
    for name, part in _STATUS.items():
        value = getattr(status, name)
        if value != getattr(_NOTHING_SEEN, name):
            packed |= part.packed(value)
    return packed


def _readable(row: Entity) -> RegisteredTable:
    """Raise RowUnreadable."""
    table = _registered_table(row)
    if table.unreadable is not None:
        raise RowUnreadable(table.unreadable.code, table.unreadable.message)
    return replace(table, row_etag=etag_of(row))


def _registered_table(row: Entity, parts: Mapping[str, Property[Any]] = _STATUS) -> RegisteredTable:
    try:
        seen = {name: part.unpacked(row) for name, part in parts.items() if part.is_in(row)}
        return RegisteredTable(
            _id_of(row),
            _REGISTRATION.unpacked(row),
            Status(**seen),
            **_unpacked_change(row),
        )
    except Exception as error:  # whatever is wrong with a row, it is an error of one table
        return RegisteredTable.without_row(id_of_key(row["RowKey"]), type(error).__name__)


def _unpacked_change(row: Entity) -> dict[str, Any]:
    """Return when and by whom the registration was last changed, and whether a tag made it."""
    return {
        "changed_at": row.get("changedAt"),
        "changed_by": row.get("changedBy") or None,
        "by_tag": row.get("byTag") is True,
    }


def _place(row: Entity) -> Place:
    """A table whose place cannot be read may be anywhere.

    It is also on any subnet if its subnets are so many that they need several properties.
    """
    try:
        known = row.get(f"{_SUBNET_IDS}Parts") == 1
        return Place(
            _id_of(row),
            EnvironmentId.parse(row["aseId"]) if row["aseId"] else None,
            _STATUS[_SUBNET_IDS].unpacked(row) if known else None,
        )
    except Exception:  # as above
        return Place(id_of_key(row["RowKey"]), None, None)


def _id_of(row: Entity) -> RouteTableId:
    return RouteTableId.parse(row["routeTableId"])
