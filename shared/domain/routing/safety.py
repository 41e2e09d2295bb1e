"""Plan + limits -> what is withheld of it, and why.

One rule rules all: what speaks against a removal never holds back an addition. A whole table is
blocked only where nothing can be written rightly.
"""

import ipaddress
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..addresses import in_order, is_service_tag
from ..findings import Finding
from .changes import Changes
from .plan import Plan
from .policy import ApplyPolicy
from .routes import Route, RouteTable

ALWAYS_REMOVABLE = 3
"""So many routes may go in one run whatever their share: a small table changes too."""

TOO_MANY_REMOVED = "MAX_REMOVED_PERCENT"
TABLE_FAILED = "TABLE_FAILED"
NO_CAPACITY = "NO_CAPACITY"
NO_TAG_CAPACITY = "NO_TAG_CAPACITY"
NEXT_HOP_UNKNOWN = "NEXT_HOP_UNKNOWN"
PLAN_CHANGED = "PLAN_CHANGED"
FOREIGN_WOULD_CHANGE = "FOREIGN_WOULD_CHANGE"
CONTESTED = "CONTESTED"
FORCEABLE = frozenset({TOO_MANY_REMOVED, TABLE_FAILED})

APPLY_POLICY = "APPLY_POLICY"
HELD = "HELD"

_KIND_OF = {"add": "added", "update": "updated", "remove": "removed"}
"""How a report names what is withheld, and what is done."""

type Replan = Callable[[Collection[str], Collection[str]], Plan]
"""The plan over again, with these owned prefixes spared, and without these retained."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A change that a guard holds back."""

    prefix: str
    change: str
    why: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that a plan goes beyond."""

    code: str
    message: str
    observed: float
    limit: float
    forceable: bool


@dataclass(frozen=True, slots=True)
class Approval:
    """What a plan run showed of a table, and which violations."""

    checksum: str
    shown: Mapping[str, frozenset[str]]
    """Prefixes by `added`, `updated` and `removed`, what was withheld among them."""
    violations: frozenset[str]

    @classmethod
    def of(cls, outcome: Mapping[str, Any]) -> "Approval":
        """From an outcome of a report."""
        withheld: dict[str, set[str]] = {change: set() for change in _KIND_OF}
        for change in (c for c in outcome["withheld"] if c["why"] != HELD):
            withheld[change["change"]].add(change["prefix"])
        return cls(
            outcome["planChecksum"],
            {
                kind: frozenset({*outcome[kind], *withheld[change]})
                for change, kind in _KIND_OF.items()
            },
            frozenset(violation["code"] for violation in outcome["violations"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a plan is judged by.

    `route_limit` gives the most routes that the table may hold, or None where that is not known;
    it is asked only where a plan adds; `tag_route_limit` likewise of routes with a service tag.
    `tags` are the service tags that the table is about, with the IPv4 prefixes that each holds.
    `doubt` is the code under which a source can't be believed now. `foreign_as_when_sound` says of
    a table in another state whether what is not ours in it is as it was last seen sound. A
    `contested` table loses nothing, and `rests` says why it is too early to write it at all.
    """

    max_removed_percent: int
    route_limit: Callable[[], int | None]
    next_hop_types: frozenset[str]
    foreign_as_when_sound: bool
    tag_route_limit: Callable[[], int | None] = lambda: None
    tags: Mapping[str, Collection[str]] = field(default_factory=dict)
    doubt: str | None = None
    policy: ApplyPolicy = ApplyPolicy.AUTO
    forced: frozenset[str] = frozenset()
    approval: Approval | None = None
    contested: bool = False
    rests: Violation | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What may be written, what is withheld, and what a person needs to look at.

    `proposed` is what the plan would do if nothing were withheld; where `blocked`, nothing may be
    written at all, not even what is there already.
    """

    plan: Plan
    proposed: Changes
    withheld: tuple[Withheld, ...] = ()
    violations: tuple[Violation, ...] = ()
    findings: tuple[Finding, ...] = ()
    blocked: bool = False

    def adding(self, findings: Iterable[Finding], withheld: Iterable[Withheld] = ()) -> "Judgement":
        return replace(
            self,
            findings=(*self.findings, *findings),
            withheld=(*self.withheld, *withheld),
        )


def judge(
    table: RouteTable,
    owned: Collection[str],
    replan: Replan,
    limits: Limits,
    written: Changes,
) -> Judgement:
    """Judge a plan over a table that holds these owned prefixes.

    `written` is what this run has done to it already: the limits are a run's.
    """
    proposed = replan((), ())
    blocks = _blocks(table, proposed, limits, written)
    if blocks:
        return _blocked(table, proposed, proposed, blocks)
    if limits.policy is ApplyPolicy.APPROVAL:
        return Judgement(
            proposed.without_changes(table),
            proposed.changes,
            withheld_of(proposed.changes, APPLY_POLICY),
        )
    spared, violation = _spared(frozenset(owned), proposed, limits, written)
    forced = violation is not None and violation.code in limits.forced
    findings = [_forced(violation)] if violation is not None and forced else []
    if forced:
        spared = {}
    violations = () if violation is None or forced else (violation,)
    plan = replan(spared, ()) if spared else proposed
    withheld = tuple(Withheld(p, "remove", spared[p]) for p in in_order(spared))
    fitting = _fit(plan, lambda yielding: replan(spared, yielding), limits)
    findings += fitting.findings
    if fitting.violation is not None:
        beyond = [*violations, fitting.violation]
        return _blocked(table, proposed, fitting.plan, beyond, tuple(findings))
    return Judgement(fitting.plan, proposed.changes, withheld, violations, tuple(findings))


def withheld_of(changes: Changes, why: str) -> tuple[Withheld, ...]:
    return tuple(
        Withheld(prefix, change, why)
        for change, kind in _KIND_OF.items()
        for prefix in in_order(changes.by_kind[kind])
    )


def _blocked(
    table: RouteTable,
    proposed: Plan,
    plan: Plan,
    violations: Sequence[Violation],
    findings: tuple[Finding, ...] = (),
) -> Judgement:
    return Judgement(
        plan.without_changes(table),
        proposed.changes,
        withheld_of(proposed.changes, violations[-1].code),
        tuple(violations),
        findings,
        blocked=True,
    )


def _blocks(table: RouteTable, proposed: Plan, limits: Limits, written: Changes) -> list[Violation]:
    """Why nothing can be written rightly."""
    blocks = []
    if table.failed and not limits.foreign_as_when_sound and TABLE_FAILED not in limits.forced:
        message = (
            f"the table is in state {table.provisioning_state} and its routes are not those last "
            "seen sound: look at it, and repair it, before anything writes it whole"
        )
        blocks.append(block(TABLE_FAILED, message, 1))
    if not (proposed.changes or table.failed):
        return blocks
    unknown = sorted(
        {r.name for r in table.routes if r.next_hop_type.lower() not in limits.next_hop_types}
    )
    if unknown:
        message = (
            "a write might lose what this API version does not know: the next hop type of "
            f"{', '.join(unknown)}"
        )
        blocks.append(block(NEXT_HOP_UNKNOWN, message, len(unknown)))
    if limits.rests is not None:
        blocks.append(limits.rests)
    if limits.approval is not None and proposed.changes:
        now = written.then(proposed.changes)
        if now.checksum != limits.approval.checksum:
            message, differences = _difference(limits.approval, now)
            blocks.append(block(PLAN_CHANGED, message, differences))
    return blocks


def block(code: str, message: str, observed: int) -> Violation:
    """So many of what there may be none of."""
    return Violation(code, message, observed, 0, code in FORCEABLE)


def _difference(approval: Approval, now: Changes) -> tuple[str, int]:
    said: list[str] = []
    differences = 0
    for kind, prefixes in now.by_kind.items():
        for word, differing in (
            ("now also", prefixes - approval.shown[kind]),
            ("no longer", approval.shown[kind] - prefixes),
        ):
            if differing:
                said.append(f"{word} {kind}: {', '.join(in_order(differing))}")
                differences += len(differing)
    return f"not the plan that was approved; {'; '.join(said)}", differences


def _spared(
    owned: frozenset[str], proposed: Plan, limits: Limits, written: Changes
) -> tuple[dict[str, str], Violation | None]:
    """Which removals are held back, with the reason of each, and what limit they go beyond."""
    removed = proposed.changes.removed
    if limits.doubt is not None:
        return dict.fromkeys(removed, limits.doubt), None
    if limits.contested:
        return dict.fromkeys(removed, CONTESTED), None
    if limits.policy is ApplyPolicy.ADDITIVE:
        return dict.fromkeys(removed, APPLY_POLICY), None
    gone = removed | written.removed
    lost = without_equivalent(gone, proposed.routes, limits.tags)
    before = len((owned | gone) - written.added)
    percent = 100 * len(lost) / before if before else 0
    if len(lost) <= ALWAYS_REMOVABLE or percent <= limits.max_removed_percent:
        return {}, None
    violation = Violation(
        TOO_MANY_REMOVED,
        f"{len(lost)} of {before} routes would go and leave addresses without a route",
        observed=round(percent, 1),
        limit=limits.max_removed_percent,
        forceable=True,
    )
    return dict.fromkeys(removed & lost, TOO_MANY_REMOVED), violation


def _forced(violation: Violation) -> Finding:
    return Finding("Forced", f"{violation.code} was let pass: {violation.message}")


@dataclass(frozen=True, slots=True)
class _Fitting:
    """A plan that the table has room for, or what stands against it."""

    plan: Plan
    findings: tuple[Finding, ...] = ()
    violation: Violation | None = None


def _fit(plan: Plan, without: Callable[[Collection[str]], Plan], limits: Limits) -> _Fitting:
    """`without` plans over again with these retained gone."""
    tags = _fit_tags(plan, limits)
    if tags.violation is not None or not plan.changes.added:
        return tags
    limit = limits.route_limit()
    if limit is None:
        return replace(tags, findings=(*tags.findings, _LIMIT_UNKNOWN))
    if len(plan.routes) <= limit:
        return tags
    removable = limits.doubt is None and not limits.contested and limits.policy is ApplyPolicy.AUTO
    yielding = _oldest_departures(plan, limit) if removable else ()
    plan = without(yielding)
    if len(plan.routes) > limit:
        return _Fitting(plan, tags.findings, _no_capacity(plan, limit))
    return _Fitting(plan, (*tags.findings, _yielded(yielding, limit)))


def _fit_tags(plan: Plan, limits: Limits) -> _Fitting:
    added = [prefix for prefix in plan.changes.added if is_service_tag(prefix)]
    if not added:
        return _Fitting(plan)
    limit = limits.tag_route_limit()
    if limit is None:
        return _Fitting(plan, (_TAG_LIMIT_UNKNOWN,))
    count = sum(route.network is None for route in plan.routes)
    full = _no_tag_capacity(added, count, limit) if count > limit else None
    return _Fitting(plan, violation=full)


_LIMIT_UNKNOWN = Finding(
    "RouteLimitUnknown",
    "how many routes the table may hold is not known, and was not judged: set ROUTE_LIMIT, or let "
    "the identity read Microsoft.Network/locations/usages",
)


_TAG_LIMIT_UNKNOWN = Finding(
    "TagRouteLimitUnknown",
    "how many routes with a service tag the table may hold is not known, and was not judged: let "
    "the identity read Microsoft.Network/locations/usages",
)


def _oldest_departures(plan: Plan, route_limit: int) -> tuple[str, ...]:
    """As many of the retained as have to yield, those that left first."""
    needed = len(plan.routes) - route_limit
    by_age = sorted(plan.retained, key=lambda retained: retained.until)
    return tuple(retained.prefix for retained in by_age[:needed])


def _yielded(prefixes: Sequence[str], route_limit: int) -> Finding:
    return Finding(
        "RetainedYielded",
        f"removed before their day, for the table may hold {route_limit} routes: "
        f"{', '.join(prefixes)}",
    )


def _no_capacity(plan: Plan, route_limit: int) -> Violation:
    unrouted = ", ".join(in_order(plan.changes.added))
    return Violation(
        NO_CAPACITY,
        f"{len(plan.routes)} routes would stand where {route_limit} may: nothing is written. "
        f"Without a route stay {unrouted}",
        observed=len(plan.routes),
        limit=route_limit,
        forceable=False,
    )


def _no_tag_capacity(added: Iterable[str], count: int, limit: int) -> Violation:
    return Violation(
        NO_TAG_CAPACITY,
        f"{count} routes with a service tag would stand where {limit} may: nothing is written. "
        f"Without a route stay {', '.join(sorted(added))}; routeStyle prefixes needs no such "
        "route",
        observed=count,
        limit=limit,
        forceable=False,
    )


def without_equivalent(
    removed: Iterable[str],
    routes: Sequence[Route],
    tags: Mapping[str, Collection[str]] | None = None,
) -> frozenset[str]:
    """Those of the removed prefixes that leave an address which these routes do not send to the
    Internet, by longest prefix match. Owned prefixes are IPv4, or a service tag that `tags` tells
    the prefixes of: one of which nothing is known has no equivalent.
    """
    gone = frozenset(removed)
    if not gone:
        return gone
    held = {tag: _networks_of(prefixes) for tag, prefixes in (tags or {}).items()}
    # A route with the prefix itself goes before that of a tag which holds it.
    standing = {n: route for route in routes for n in held.get(route.prefix, ())} | {
        ipaddress.IPv4Network(route.network): route
        for route in routes
        if route.network and ":" not in route.network
    }

    def left_alone(prefix: str) -> bool:
        networks = held.get(prefix, []) if is_service_tag(prefix) else _networks_of([prefix])
        return not networks or not all(_has_equivalent(n, standing) for n in networks)

    return frozenset(prefix for prefix in gone if left_alone(prefix))


def _networks_of(prefixes: Iterable[str]) -> list[ipaddress.IPv4Network]:
    return [ipaddress.IPv4Network(prefix) for prefix in prefixes]


def _has_equivalent(
    prefix: ipaddress.IPv4Network, standing: Mapping[ipaddress.IPv4Network, Route]
) -> bool:
    # More specific routes had their addresses before as well, or are ours.
    inside = (n for n in standing if n.prefixlen > prefix.prefixlen and n.subnet_of(prefix))
    routed_inside = sum(n.num_addresses for n in ipaddress.collapse_addresses(inside))
    if routed_inside == prefix.num_addresses:
        return True
    around = (n for n in standing if n.supernet_of(prefix))
    longest = max(around, key=lambda n: n.prefixlen, default=None)
    return longest is not None and standing[longest].to_internet
