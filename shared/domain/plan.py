"""Desired prefixes + existing route table -> Plan.

| existing route with that prefix             | desired | action                                |
|---------------------------------------------|---------|---------------------------------------|
| none                                        | yes     | add                                   |
| ours, same next hop                         | yes     | keep                                  |
| ours, other next hop                        | yes     | update                                |
| ours                                        | no      | retain until its day, then remove     |
| not ours, same next hop                     | yes     | covered: nothing to add               |
| not ours, other next hop                    | yes     | conflict: leave it, add nothing       |
| none, and our name is another's             | yes     | conflict `NameTaken`: leave it        |
| not ours, or its prefix is not CIDR         | no      | leave as it came                      |
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from .addresses import in_order
from .routes import Route, RouteTable, internet_route, is_owned, owned_name, sent_to_internet


@dataclass(frozen=True, slots=True)
class Conflict:
    """A wanted prefix that somebody else's route holds, or whose name one does."""

    prefix: str
    route_name: str
    next_hop_type: str
    name_taken: bool = False


@dataclass(frozen=True, slots=True)
class Retained:
    """An owned route that is no longer wanted and stays until this day (UTC)."""

    prefix: str
    until: date


@dataclass(frozen=True, slots=True)
class Changes:
    """What one or more writes do to a table, net."""

    added: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def then(self, later: "Changes") -> "Changes":
        added = (self.added - later.removed) | (later.added - self.removed)
        removed = (self.removed - later.added) | (later.removed - self.added)
        return Changes(added, (self.updated | later.updated) - removed, removed)

    def reached_by(self, table: RouteTable, *, owner: str) -> bool:
        """Whether the table is as these changes leave it."""
        owned = owned_prefixes(table, owner=owner)
        routed = {r.network for r in table.routes if r.to_internet and r.network in owned}
        return (self.added | self.updated) <= routed and not self.removed & owned

    @property
    def checksum(self) -> str:
        """SHA-256 (hex): the same where the same would be written."""
        lists = [sorted(self.added), sorted(self.updated), sorted(self.removed)]
        return hashlib.sha256(json.dumps(lists).encode()).hexdigest()

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to change, and the routes as they will stand, in the order to be written."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    covered: tuple[str, ...]
    retained: tuple[Retained, ...]
    conflicts: tuple[Conflict, ...]
    routes: tuple[Route, ...]

    @property
    def changes(self) -> Changes:
        return Changes(frozenset(self.added), frozenset(self.updated), frozenset(self.removed))


def make_plan(
    existing: RouteTable,
    desired: Collection[str],
    *,
    owner: str,
    retained_until: Mapping[str, date],
    withheld: Collection[str] = (),
) -> Plan:
    """Plan one table. `desired` are canonical IPv4 prefixes; `retained_until` says which owned
    prefixes stay, though not desired, and until which day. Those `withheld` stay too.
    """
    wanted = frozenset(desired)
    ours = {r.network: r for r in existing.routes if r.network and is_owned(r, owner)}
    others = [r for r in existing.routes if r.network not in ours or ours[r.network] is not r]
    foreign = {r.network: r for r in others if r.network}
    names = {r.name.lower(): r for r in others}

    missing = wanted - ours.keys() - foreign.keys()
    taken = {prefix for prefix in missing if owned_name(owner, prefix).lower() in names}
    added = in_order(missing - taken)
    updated = in_order(p for p in wanted & ours.keys() if not ours[p].to_internet)
    unwanted = ours.keys() - wanted
    removed = frozenset(unwanted - retained_until.keys() - frozenset(withheld))
    covering = (wanted & foreign.keys()) - ours.keys()
    covered = in_order(p for p in covering if foreign[p].to_internet)

    replaced = {id(ours[p]): sent_to_internet(ours[p]) for p in updated}
    dropped = {id(ours[p]) for p in removed}
    standing = (replaced.get(id(r), r) for r in existing.routes if id(r) not in dropped)
    return Plan(
        added=added,
        updated=updated,
        removed=in_order(removed),
        kept=in_order((wanted & ours.keys()) - set(updated)),
        covered=covered,
        retained=tuple(
            Retained(prefix, retained_until[prefix])
            for prefix in in_order(unwanted & retained_until.keys())
        ),
        conflicts=tuple(
            _conflict(prefix, foreign[prefix], name_taken=False)
            for prefix in in_order(covering - set(covered))
        )
        + tuple(
            _conflict(prefix, names[owned_name(owner, prefix).lower()], name_taken=True)
            for prefix in in_order(taken)
        ),
        routes=(*standing, *(internet_route(owner, prefix) for prefix in added)),
    )


def owned_prefixes(table: RouteTable, *, owner: str) -> frozenset[str]:
    """The prefixes of our routes in this table."""
    return frozenset(r.network for r in table.routes if r.network and is_owned(r, owner))


def foreign_essence(table: RouteTable, *, owner: str) -> list[object]:
    """What must not differ before and after our write: every route that is not ours."""
    return [route.essence() for route in table.routes if not is_owned(route, owner)]


def _conflict(prefix: str, route: Route, *, name_taken: bool) -> Conflict:
    return Conflict(prefix, route.name, route.next_hop_type, name_taken)
