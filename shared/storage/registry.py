"""RouteTables: one row a registered route table, with what it has applied."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.findings import finding_of_json
from ..domain.registry.choices import AddressSource, RouteStyle
from ..domain.registry.contest import Contest, Undoing
from ..domain.registry.holds import Hold
from ..domain.registry.registration import Registration, RouteException
from ..domain.registry.state import LastOutcome, Reading, Standing
from ..domain.routing.policy import ApplyPolicy
from ..domain.runs.alert import Place
from ..domain.runs.outcome import OutcomeStatus
from ..domain.times import utc_text
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

    def places(self, subscription_id: str | None) -> Iterator[Place]:
        """Where the enabled ones of this subscription, or of all, are."""
        condition, bound = "enabled eq @enabled", {"enabled": True}
        if subscription_id is not None:
            condition = f"PartitionKey eq @subscription and {condition}"
        entities = self._table.query_entities(
            condition,
            parameters=bound | {"subscription": (subscription_id or "").lower()},
            select=["routeTableId", "aseId", "subnetIds", "subnetIdsParts"],
        )
        return (_place(entity) for entity in entities)

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
                **_packed_if_known("subnetIds", registration.subnet_ids),
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

    def release(self, route_table_id: RouteTableId) -> None:
        """Nothing is held or contested any more."""
        self._merge(
            route_table_id,
            {**pack("holds", []), **pack("contest", None), **pack("ownedLeft", None)},
        )

    def contest(
        self, route_table_id: RouteTableId, contest: Contest, owned: frozenset[str]
    ) -> None:
        """Record what was undone, and the table as it was found."""
        found = {
            "since": utc_text(contest.since) if contest.since else None,
            "undone": [undoing.to_json() for undoing in contest.undone],
        }
        self._merge(route_table_id, {**pack("contest", found), **pack("ownedLeft", sorted(owned))})

    def record(self, route_table_id: RouteTableId, standing: Standing) -> None:
        """What of this is known."""
        properties: dict[str, Any] = {
            **_packed_if_known("ownedLeft", standing.owned),
            **_packed_if_known("subnetIds", standing.subnet_ids),
        }
        if standing.verified_at is not None:
            properties |= pack("appliedVersionIds", list(standing.verified_with))
            properties["verifiedAt"] = standing.verified_at
        if standing.watched_since is not None:
            properties["watchedSince"] = standing.watched_since
        if standing.reading is not None:
            properties |= pack("reading", asdict(standing.reading))
        if standing.outcome is not None:
            outcome = standing.outcome
            properties |= pack("lastOutcome", {**outcome.to_json(), "signature": outcome.signature})
        self._merge(route_table_id, properties)

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


def _packed_if_known(name: str, values: frozenset[str] | None) -> dict[str, str | int]:
    return {} if values is None else pack(name, sorted(values))


def _unpack_if_there(entity: Mapping[str, Any], name: str) -> Any:
    return unpack(entity, name) if f"{name}Parts" in entity else None


def _place(entity: Mapping[str, Any]) -> Place:
    # On so many subnets that they are not in one part, it may be on any.
    whole = entity.get("subnetIdsParts", 1) == 1
    return Place(
        RouteTableId.parse(entity["routeTableId"]),
        EnvironmentId.parse(entity["aseId"]) if entity["aseId"] else None,
        _set_if_there(entity, "subnetIds") if whole else None,
    )


def _set_if_there(entity: Mapping[str, Any], name: str) -> frozenset[str] | None:
    found = _unpack_if_there(entity, name)
    return None if found is None else frozenset(found)


def _contest(entity: Mapping[str, Any]) -> Contest:
    found = _unpack_if_there(entity, "contest")
    if not found:
        return Contest()
    return Contest(
        tuple(
            Undoing(datetime.fromisoformat(u["at"]), u["runId"], tuple(u["by"]))
            for u in found["undone"]
        ),
        datetime.fromisoformat(found["since"]) if found["since"] else None,
    )


def _last_outcome(entity: Mapping[str, Any]) -> LastOutcome | None:
    found = _unpack_if_there(entity, "lastOutcome")
    if not found:
        return None
    return LastOutcome(
        run_id=found["runId"],
        at=datetime.fromisoformat(found["at"]),
        status=OutcomeStatus(found["status"]),
        signature=found["signature"],
        error=finding_of_json(found["error"]),
        poisoned=found["poisoned"],
    )


def _reading(entity: Mapping[str, Any]) -> Reading | None:
    found = _unpack_if_there(entity, "reading")
    return Reading(**found) if found else None


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
            for hold in _unpack_if_there(entity, "holds") or ()
        ),
        applied_version_ids=tuple(_unpack_if_there(entity, "appliedVersionIds") or ()),
        verified_at=entity.get("verifiedAt"),
        sound_foreign=_set_if_there(entity, "soundForeign") or frozenset(),
        subnet_ids=_set_if_there(entity, "subnetIds"),
        owned_left=_set_if_there(entity, "ownedLeft"),
        contest=_contest(entity),
        last_outcome=_last_outcome(entity),
        watched_since=entity.get("watchedSince"),
        reading=_reading(entity),
    )
