"""RouteTables: one row a registered route table, with what it has applied."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.domain.armid import RouteTableId
from shared.domain.registration import Registration

from .entities import pack, table_key, unpack


class Registry:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def get(self, route_table_id: RouteTableId) -> Registration | None:
        try:
            return _registration(self._table.get_entity(*_key(route_table_id)))
        except ResourceNotFoundError:
            return None

    def list(self) -> Iterator[Registration]:
        return (_registration(entity) for entity in self._table.list_entities())

    def put(self, registration: Registration) -> None:
        """Register, or replace what is registered; what was applied stays."""
        self._table.upsert_entity(
            {
                **_keys(registration.route_table_id),
                "routeTableId": str(registration.route_table_id),
                "aseId": registration.ase_id or "",
                "enabled": registration.enabled,
                "note": registration.note or "",
                **pack("serviceTags", registration.service_tags),
            },
            mode=UpdateMode.MERGE,
        )

    def delete(self, route_table_id: RouteTableId) -> None:
        self._table.delete_entity(*_key(route_table_id))

    def record_applied(
        self, route_table_id: RouteTableId, version_ids: Iterable[str], verified_at: datetime
    ) -> None:
        applied = {**pack("appliedVersionIds", list(version_ids)), "verifiedAt": verified_at}
        try:
            self._table.update_entity({**_keys(route_table_id), **applied}, mode=UpdateMode.MERGE)
        except ResourceNotFoundError:
            return  # unregistered meanwhile


def _key(route_table_id: RouteTableId) -> tuple[str, str]:
    return route_table_id.subscription_id.lower(), table_key(route_table_id)


def _keys(route_table_id: RouteTableId) -> dict[str, str]:
    partition, row = _key(route_table_id)
    return {"PartitionKey": partition, "RowKey": row}


def _registration(entity: Mapping[str, Any]) -> Registration:
    applied = unpack(entity, "appliedVersionIds") if "appliedVersionIdsParts" in entity else ()
    return Registration(
        route_table_id=RouteTableId.parse(entity["routeTableId"]),
        service_tags=tuple(unpack(entity, "serviceTags")),
        ase_id=entity["aseId"] or None,
        enabled=entity["enabled"],
        note=entity["note"] or None,
        applied_version_ids=tuple(applied),
        verified_at=entity.get("verifiedAt"),
    )
