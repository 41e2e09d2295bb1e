"""RouteTables: one row a registered route table, with what it has applied."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.registration import (
    AddressSource,
    ApplyPolicy,
    Hold,
    Registration,
    RouteException,
    RouteStyle,
)
from shared.domain.report import utc_text

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
        """Register, or replace what is registered; what was seen, held and applied stays."""
        self._table.upsert_entity(
            {
                **_keys(registration.route_table_id),
                "routeTableId": str(registration.route_table_id),
                "aseId": str(registration.ase_id or ""),
                "addressSource": registration.address_source.value,
                "routeStyle": registration.route_style.value,
                "enabled": registration.enabled,
                "note": registration.note or "",
                "applyPolicy": registration.apply_policy or "",
                **pack("serviceTags", registration.service_tags),
                **pack("exceptions", [e.to_json() for e in registration.exceptions]),
                **pack(
                    "formerSources",
                    {s: utc_text(at) for s, at in registration.former_sources.items()},
                ),
            },
            mode=UpdateMode.MERGE,
        )

    def delete(self, route_table_id: RouteTableId) -> None:
        self._table.delete_entity(*_key(route_table_id))

    def note_sound(self, route_table_id: RouteTableId, hashes: Iterable[str]) -> None:
        """Record `sound_foreign`."""
        self._merge(route_table_id, pack("soundForeign", sorted(hashes)))

    def hold(self, route_table_id: RouteTableId, holds: Iterable[Hold]) -> None:
        """Let these be what is held."""
        self._merge(route_table_id, pack("holds", [hold.to_json() for hold in holds]))

    def record_applied(
        self, route_table_id: RouteTableId, version_ids: Iterable[str], verified_at: datetime
    ) -> None:
        applied = {**pack("appliedVersionIds", list(version_ids)), "verifiedAt": verified_at}
        self._merge(route_table_id, applied)

    def _merge(self, route_table_id: RouteTableId, properties: Mapping[str, Any]) -> None:
        try:
            self._table.update_entity(
                {**_keys(route_table_id), **properties}, mode=UpdateMode.MERGE
            )
        except ResourceNotFoundError:
            return  # unregistered meanwhile


def _key(route_table_id: RouteTableId) -> tuple[str, str]:
    return route_table_id.subscription_id.lower(), table_key(route_table_id)


def _keys(route_table_id: RouteTableId) -> dict[str, str]:
    partition, row = _key(route_table_id)
    return {"PartitionKey": partition, "RowKey": row}


def _unpack_if_there(entity: Mapping[str, Any], name: str) -> list[Any]:
    found: list[Any] = unpack(entity, name) if f"{name}Parts" in entity else []
    return found


def _registration(entity: Mapping[str, Any]) -> Registration:
    return Registration(
        route_table_id=RouteTableId.parse(entity["routeTableId"]),
        service_tags=tuple(unpack(entity, "serviceTags")),
        ase_id=EnvironmentId.parse(entity["aseId"]) if entity["aseId"] else None,
        address_source=AddressSource(entity["addressSource"]),
        route_style=RouteStyle(entity["routeStyle"]),
        apply_policy=ApplyPolicy(entity["applyPolicy"]) if entity["applyPolicy"] else None,
        exceptions=tuple(
            RouteException(e["prefix"], e["reason"], date.fromisoformat(e["until"]))
            for e in unpack(entity, "exceptions")
        ),
        enabled=entity["enabled"],
        note=entity["note"] or None,
        former_sources={
            source: datetime.fromisoformat(at)
            for source, at in unpack(entity, "formerSources").items()
        },
        holds=tuple(
            Hold(hold["prefix"], hold["routed"], hold["undoneRunId"], hold["rollbackRunId"])
            for hold in _unpack_if_there(entity, "holds")
        ),
        applied_version_ids=tuple(_unpack_if_there(entity, "appliedVersionIds")),
        verified_at=entity.get("verifiedAt"),
        sound_foreign=frozenset(_unpack_if_there(entity, "soundForeign")),
    )
