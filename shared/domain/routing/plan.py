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
| not ours                                    | no      | leave as it came                      |

A service tag can be wanted as a prefix, too: then the prefixes it holds need no route of their own,
and one of them that somebody's own route takes elsewhere is a conflict. While the tag's route
cannot stand, owned routes on the prefixes it holds stay, and the other way round. Where it stands
and is somebody else's, it covers what it holds.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

from ..addresses import in_order
from .changes import Change, Changes
from .routes import Route, RouteTable, internet_route, is_owned, owned_name, sent_to_internet


@dataclass(frozen=True, slots=True)
class Conflict:
    """A wanted prefix that somebody else's route holds, or whose name one does.

    `accepted` is the reason why the registration takes it as meant.
    """

    prefix: str
    route_name: str
    next_hop_type: str
    name_taken: bool = False
    accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Retained:
    """An owned route that is no longer wanted and stays until this day (UTC)."""

    prefix: str
    until: date


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to change, and the routes as they will stand, in the order to be written.

    `handed_over` are prefixes whose route becomes ours, or stops being ours, on purpose.
    """

    changes: Changes
    routes: tuple[Route, ...]
    covered: tuple[str, ...] = ()
    retained: tuple[Retained, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    handed_over: frozenset[str] = frozenset()

    def without_changes(self, existing: RouteTable) -> "Plan":
        return replace(self, changes=Changes(), routes=existing.routes, handed_over=frozenset())


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
    """Plan one table. `desired` are canonical IPv4 prefixes, and names of service tags;
    `retained_until` says which owned prefixes stay, though not desired, and until which day. Those
    `spared` stay too. `accepted` says of each prefix whose conflict is meant to be why. `tags` are
    the service tags that the table is about, with the IPv4 prefixes that each holds.
    """
    wanted = frozenset(desired)
    ours = {r.prefix: r for r in existing.routes if is_owned(r, owner)}
    others = [r for r in existing.routes if r.prefix not in ours or ours[r.prefix] is not r]
    foreign = {r.prefix: r for r in others}
    names = {r.name.lower(): r for r in others}
    held = {tag: frozenset(prefixes) for tag, prefixes in (tags or {}).items()}

    unrouted = wanted - ours.keys() - foreign.keys()
    covered_by_tag = unrouted & _held_by(held.keys() - ours.keys(), held, foreign)
    missing = unrouted - covered_by_tag
    taken = {prefix for prefix in missing if owned_name(owner, prefix).lower() in names}
    concerned = wanted.union(*(held[tag] for tag in wanted & held.keys()))
    others_have = (concerned & foreign.keys()) - ours.keys()
    conflicting = {p for p in others_have if not foreign[p].to_internet}
    covered = in_order(((others_have - conflicting) & wanted) | covered_by_tag)
    unwanted = ours.keys() - wanted
    # While what is to take a route's place cannot stand, it stays.
    vain = wanted & (taken | conflicting)
    kept = {p for tag in vain & held.keys() for p in held[tag]}
    kept |= {tag for tag in unwanted & held.keys() if held[tag] & taken}
    removed = unwanted - retained_until.keys() - frozenset(spared) - kept

    added = {prefix: internet_route(owner, prefix) for prefix in in_order(missing - taken)}
    updated = {
        p: sent_to_internet(ours[p])
        for p in in_order(wanted & ours.keys())
        if not ours[p].to_internet
    }
    replaced = {id(ours[p]): route for p, route in updated.items()}
    dropped = {id(ours[p]) for p in removed}
    standing = (replaced.get(id(r), r) for r in existing.routes if id(r) not in dropped)
    return Plan(
        changes=Changes(
            {p: Change.of(None, route) for p, route in added.items()}
            | {p: Change.of(ours[p], route) for p, route in updated.items()}
            | {p: Change.of(ours[p], None) for p in removed}
        ),
        routes=(*standing, *added.values()),
        covered=covered,
        retained=tuple(
            Retained(prefix, retained_until[prefix])
            for prefix in in_order(unwanted & retained_until.keys())
        ),
        conflicts=tuple(
            _conflict(prefix, foreign[prefix], accepted=(accepted or {}).get(prefix))
            for prefix in in_order(conflicting)
        )
        + tuple(
            _conflict(prefix, names[owned_name(owner, prefix).lower()], name_taken=True)
            for prefix in in_order(taken)
        ),
    )


def _held_by(
    tags: Collection[str],
    held: Mapping[str, frozenset[str]],
    foreign: Mapping[str, Route],
) -> frozenset[str]:
    """The prefixes of these tags that somebody's route sends to the Internet."""
    routed = (tag for tag in tags if tag in foreign and foreign[tag].to_internet)
    return frozenset(prefix for tag in routed for prefix in held[tag])


def owned_prefixes(table: RouteTable, *, owner: str) -> frozenset[str]:
    """The prefixes of our routes in this table."""
    return frozenset(r.prefix for r in table.routes if is_owned(r, owner))


def foreign_essence(
    table: RouteTable, *, owner: str, apart_from: Collection[str] = ()
) -> list[object]:
    """What must not differ before and after our write: every route that is not ours, but those
    of the prefixes that are handed over.
    """
    return [
        route.bare()
        for route in table.routes
        if not is_owned(route, owner) and route.prefix not in apart_from
    ]


def foreign_hash(table: RouteTable, *, owner: str) -> str:
    """SHA-256 (hex) of what is not ours."""
    text = json.dumps(foreign_essence(table, owner=owner), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _conflict(
    prefix: str, route: Route, *, name_taken: bool = False, accepted: str | None = None
) -> Conflict:
    return Conflict(prefix, route.name, route.next_hop_type, name_taken, accepted)
