"""The changes that writes make to a table, prefix by prefix, so that they can be undone."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ..addresses import in_order
from .routes import Route, RouteTable, next_hop_address, next_hop_text

type Bare = Mapping[str, Any]
"""A route's JSON without what the service itself writes into it."""


@dataclass(frozen=True, slots=True)
class Change:
    """The route of one prefix before and after; None if there is no route."""

    before: Bare | None
    after: Bare | None

    @classmethod
    def of(cls, before: Route | None, after: Route | None) -> Self:
        return cls(before.bare() if before else None, after.bare() if after else None)


@dataclass(frozen=True, slots=True)
class Update:
    """The route of a prefix before and after, in words: its next hop, its name, or both."""

    prefix: str
    before: str
    after: str

    @classmethod
    def of(cls, prefix: str, change: Change) -> Self:
        """Describe a change that neither adds nor removes a route, by what differs."""
        before, after = change.before or {}, change.after or {}
        hops = [_next_hop(route) for route in (before, after)]
        names = [str(route.get("name")) for route in (before, after)]

        if names[0] == names[1]:
            return cls(prefix, *hops)
        if hops[0] == hops[1]:
            return cls(prefix, *names)
        return cls(prefix, *(f"{name} to {hop}" for name, hop in zip(names, hops, strict=True)))


def _next_hop(route: Bare) -> str:
    properties = route.get("properties") or {}
    return next_hop_text(str(properties.get("nextHopType")), next_hop_address(properties))


@dataclass(frozen=True, slots=True)
class Changes:
    """The net effect of one or more writes on a table."""

    by_prefix: Mapping[str, Change] = field(default_factory=dict)

    @property
    def added(self) -> frozenset[str]:
        return frozenset(p for p, change in self.by_prefix.items() if change.before is None)

    @property
    def updated(self) -> frozenset[str]:
        return frozenset(self.by_prefix.keys() - self.added - self.removed)

    @property
    def removed(self) -> frozenset[str]:
        return frozenset(p for p, change in self.by_prefix.items() if change.after is None)

    @property
    def updates(self) -> tuple["Update", ...]:
        """The routes that stay on their prefix and are altered, in the order of their prefixes."""
        return tuple(Update.of(p, self.by_prefix[p]) for p in in_order(self.updated))

    @property
    def by_kind(self) -> dict[str, frozenset[str]]:
        return {"added": self.added, "updated": self.updated, "removed": self.removed}

    def then(self, later: "Changes") -> "Changes":
        """Return the net effect of both, without the changes that `later` undoes."""
        net = dict(self.by_prefix)
        for prefix, change in later.by_prefix.items():
            first = net.pop(prefix, change)
            if first.before != change.after:
                net[prefix] = Change(first.before, change.after)
        return Changes(net)

    def without(self, prefixes: Collection[str]) -> "Changes":
        return Changes({p: c for p, c in self.by_prefix.items() if p not in prefixes})

    def beyond(self, other: "Changes") -> "Changes":
        """Return those of these changes that the other ones do not make."""
        return Changes({p: c for p, c in self.by_prefix.items() if other.by_prefix.get(p) != c})

    def standing_in(self, table: RouteTable) -> "Changes":
        """Return those of these changes that the table shows."""
        now = routes_on(self.by_prefix, table)
        return Changes(
            {p: c for p, c in self.by_prefix.items() if is_as_recorded(now.get(p), c.after)}
        )

    @property
    def checksum(self) -> str:
        """SHA-256 (hex), equal if the same prefixes are added, updated and removed."""
        lists = [sorted(prefixes) for prefixes in self.by_kind.values()]
        return hashlib.sha256(json.dumps(lists).encode()).hexdigest()

    def __bool__(self) -> bool:
        return bool(self.by_prefix)


def is_as_recorded(now: Bare | None, recorded: Bare | None) -> bool:
    """Return whether a route is as a change recorded it; None stands for no route.

    The service may have added properties of its own to the route since.
    """
    if now is None or recorded is None:
        return now is recorded
    properties: Bare = now["properties"]
    return (
        now["name"] == recorded["name"] and {**properties, **recorded["properties"]} == properties
    )


def routes_on(prefixes: Collection[str], table: RouteTable) -> dict[str, Bare]:
    """Return the routes on these prefixes; the service allows a prefix once in a table."""
    return {route.prefix: route.bare() for route in table.routes if route.prefix in prefixes}
