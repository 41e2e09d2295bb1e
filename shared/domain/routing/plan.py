"""Make the plan of a table from its routes and the desired prefixes. `rows` has the decisions."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

from ..addresses import in_order
from .changes import Change, Changes
from .routes import (
    Route,
    RouteTable,
    internet_route,
    is_owned,
    next_hop_text,
    sent_to_internet,
)
from .rows import Row, Situation


@dataclass(frozen=True, slots=True)
class Conflict:
    """A wanted prefix for which we cannot have a route, and the foreign route that prevents it.

    If `name_taken`, that route has the name that ours would have; otherwise it takes the prefix
    elsewhere. `accepted` is the reason for which the registration accepts the conflict.
    """

    prefix: str
    route_name: str
    next_hop_type: str
    name_taken: bool = False
    accepted: str | None = None
    next_hop_address: str | None = None

    @property
    def next_hop(self) -> str:
        """The type of its next hop, and the address if it has one."""
        return next_hop_text(self.next_hop_type, self.next_hop_address)

    def __str__(self) -> str:
        said = f"{self.prefix}: route {self.route_name} sends it to {self.next_hop}"
        return f"{said}, as accepted: {self.accepted}" if self.accepted else said


@dataclass(frozen=True, slots=True)
class Retained:
    """An owned route that is no longer desired and stays until this day (UTC)."""

    prefix: str
    until: date


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes to a table, and its routes after them in the order in which to write them.

    `handed_over` are the prefixes whose route becomes ours, or stops being ours, on purpose.
    """

    changes: Changes
    routes: tuple[Route, ...]
    covered: tuple[str, ...] = ()
    retained: tuple[Retained, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    handed_over: frozenset[str] = frozenset()

    def without_changes(self, existing: RouteTable) -> "Plan":
        return replace(self, changes=Changes(), routes=existing.routes, handed_over=frozenset())

    def without_additions(self, prefixes: Collection[str]) -> "Plan":
        """Return the plan without the new routes on these prefixes."""
        left_out = self.changes.added.intersection(prefixes)
        routes = tuple(route for route in self.routes if route.prefix not in left_out)
        return replace(self, changes=self.changes.without(left_out), routes=routes)


def make_plan(
    existing: RouteTable,
    desired: Collection[str],
    *,
    owner: str,
    retained_until: Mapping[str, date],
    spared: Collection[str] = (),
    accepted: Mapping[str, str] | None = None,
    tags: Mapping[str, Collection[str]] | None = None,
) -> Plan:
    """Return the plan that brings one table to the desired prefixes.

    `desired` are canonical IPv4 prefixes and names of service tags. `retained_until` has the owned
    prefixes that stay although they are not desired, and the day until which each stays. The
    `spared` prefixes stay too. `accepted` has the reason for each conflict that is accepted. `tags`
    are the service tags that the table is about, with the IPv4 prefixes in each of them.
    """
    situation = Situation.of(
        existing, desired, owner=owner, retained=retained_until, spared=spared, tags=tags
    )
    rows = situation.rows()
    new = _new_routes(situation, rows)

    return Plan(
        Changes({p: Change.of(situation.ours.get(p), route) for p, route in new.items()}),
        _routes_after(existing, situation.ours, new),
        covered=_in_row(rows, Row.COVERED),
        retained=tuple(Retained(p, retained_until[p]) for p in _in_row(rows, Row.RETAIN)),
        conflicts=_conflicts(situation, rows, accepted or {}),
    )


def _in_row(rows: Mapping[str, Row], row: Row) -> tuple[str, ...]:
    return in_order(prefix for prefix in rows if rows[prefix] is row)


def _new_routes(situation: Situation, rows: Mapping[str, Row]) -> dict[str, Route | None]:
    """Return the new route of each prefix that changes; None if its route is removed."""
    added = {p: internet_route(situation.owner, p) for p in _in_row(rows, Row.ADD)}
    updated = {p: sent_to_internet(situation.ours[p]) for p in _in_row(rows, Row.UPDATE)}
    removed = dict.fromkeys(_in_row(rows, Row.REMOVE))
    return {**added, **updated, **removed}


def _routes_after(
    existing: RouteTable, ours: Mapping[str, Route], new: Mapping[str, Route | None]
) -> tuple[Route, ...]:
    """Return the table's routes after the change: each in its place, added ones at the end."""
    in_place = (
        new.get(route.prefix, route) if ours.get(route.prefix) is route else route
        for route in existing.routes
    )
    added = (route for prefix, route in new.items() if prefix not in ours)
    return tuple(route for route in (*in_place, *added) if route is not None)


def _conflicts(
    situation: Situation, rows: Mapping[str, Row], accepted: Mapping[str, str]
) -> tuple[Conflict, ...]:
    conflicts = []
    for prefix in _in_row(rows, Row.CONFLICT):
        conflict = _conflict(prefix, situation.foreign[prefix])
        conflicts.append(replace(conflict, accepted=accepted.get(prefix)))

    for prefix in _in_row(rows, Row.NAME_TAKEN):
        conflict = _conflict(prefix, situation.namesakes[prefix])
        conflicts.append(replace(conflict, name_taken=True))
    return tuple(conflicts)


def _conflict(prefix: str, route: Route) -> Conflict:
    address = route.next_hop_address
    return Conflict(prefix, route.name, route.next_hop_type, next_hop_address=address)


def owned_prefixes(table: RouteTable, *, owner: str) -> frozenset[str]:
    """Return the prefixes of our routes in this table."""
    return frozenset(route.prefix for route in table.routes if is_owned(route, owner))


def foreign_routes(
    table: RouteTable, *, owner: str, handed_over: Collection[str] = ()
) -> list[object]:
    """Return the JSON of all routes that are not ours, which our write must not change.

    The routes on the prefixes that are `handed_over` are left out.
    """
    return [
        route.bare()
        for route in table.routes
        if not is_owned(route, owner) and route.prefix not in handed_over
    ]


def foreign_hash(table: RouteTable, *, owner: str) -> str:
    """Return the SHA-256 (hex) of all routes that are not ours."""
    text = json.dumps(foreign_routes(table, owner=owner), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
