"""Fit a plan into the number of routes that its table may hold."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from .. import codes
from ..addresses import in_order, is_service_tag, widest_first
from ..codes import Code
from ..findings import Finding
from .equivalence import sharing_addresses
from .judgement import Draft, Limits, Violation
from .plan import Plan

_LIMIT_UNKNOWN = Finding(
    codes.ROUTE_LIMIT_UNKNOWN,
    "the number of routes that the table may hold is not known and was not checked: set "
    "ROUTE_LIMIT, or let the identity read Microsoft.Network/locations/usages",
)
_TAG_LIMIT_UNKNOWN = Finding(
    codes.TAG_ROUTE_LIMIT_UNKNOWN,
    "the number of routes with a service tag that the table may hold is not known and was not "
    "checked: let the identity read Microsoft.Network/locations/usages",
)


@dataclass(frozen=True, slots=True)
class Fitting:
    """The part of a draft for which its table has room.

    `left_out` has the additions without room, and `kept` the removals that have to wait because
    the route that would replace theirs cannot be made; each has the code of the reason. `yielding`
    are the retained prefixes whose routes the plan removes to make room.
    """

    plan: Plan
    left_out: Mapping[str, Code] = field(default_factory=dict)
    kept: Mapping[str, Code] = field(default_factory=dict)
    yielding: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    findings: tuple[Finding, ...] = ()


def fit(
    draft: Draft,
    limits: Limits,
    spared: Collection[str] = (),
    may_yield: Collection[str] | None = None,
) -> Fitting:
    """Fit a draft into its table. The widest additions go in first.

    The owned prefixes in `spared` keep their routes. If the table is too full, as many retained
    routes are removed as additions then fit; only those that `may_yield`, if they are given.
    """
    kept: dict[str, Code] = {}

    while True:
        fitting = _fit_without(draft, limits, {*spared, *kept}, may_yield)

        # A prefix that stays without a route of its own may have had its way through another one.
        needed = _still_needed(fitting, limits)
        if not needed:
            removed = draft.plan.changes.removed
            return replace(fitting, kept={p: kept[p] for p in kept if p in removed})
        kept |= needed


def _fit_without(
    draft: Draft, limits: Limits, spared: Collection[str], may_yield: Collection[str] | None
) -> Fitting:
    whole = draft.replan(spared, ()) if spared else draft.plan
    tags = _fit_tag_routes(whole, limits)
    limit = limits.route_limit
    if not tags.plan.changes.added:
        return tags

    if limit is None:
        return replace(tags, findings=(*tags.findings, _LIMIT_UNKNOWN))

    may_go = _oldest_departures(tags.plan, spared, may_yield)
    yielding, left_out = _shared_out(tags.plan, limit, may_go)
    if yielding:
        whole = draft.replan(spared, yielding)
    plan = whole.without_additions([*tags.left_out, *left_out])

    return Fitting(
        plan,
        {**tags.left_out, **dict.fromkeys(left_out, codes.NO_CAPACITY)},
        yielding=yielding,
        violations=(*tags.violations, *_no_capacity(plan, left_out, limit)),
        findings=(*tags.findings, *_yielded(yielding, limit)),
    )


type _Prefixes = tuple[str, ...]


def _shared_out(plan: Plan, limit: int, may_go: _Prefixes) -> tuple[_Prefixes, _Prefixes]:
    """Return the routes that yield, and the additions that do not even fit then."""
    added = widest_first(plan.changes.added)
    free = limit - (len(plan.routes) - len(added))
    yielding = may_go[: max(0, len(added) - free)]

    # If the table holds too many routes as it is, nothing yields in vain.
    room = free + len(yielding)
    return (yielding, added[room:]) if room > 0 else ((), added)


def _fit_tag_routes(plan: Plan, limits: Limits) -> Fitting:
    """Leave out the routes with a service tag that are more than a table may hold of them."""
    added = in_order(prefix for prefix in plan.changes.added if is_service_tag(prefix))
    if not added:
        return Fitting(plan)

    limit = limits.tag_route_limit
    if limit is None:
        return Fitting(plan, findings=(_TAG_LIMIT_UNKNOWN,))

    count = sum(route.network is None for route in plan.routes)
    left_out = added[max(0, limit - (count - len(added))) :]

    return Fitting(
        plan.without_additions(left_out),
        dict.fromkeys(left_out, codes.NO_TAG_CAPACITY),
        violations=_no_tag_capacity(count, left_out, limit),
    )


def _oldest_departures(
    plan: Plan, spared: Collection[str], may_yield: Collection[str] | None
) -> _Prefixes:
    """Return the retained prefixes that may yield, the oldest departures first."""
    by_age = sorted(plan.retained, key=lambda retained: retained.until)
    unspared = [retained.prefix for retained in by_age if retained.prefix not in spared]
    return tuple(p for p in unspared if may_yield is None or p in may_yield)


def _still_needed(fitting: Fitting, limits: Limits) -> dict[str, Code]:
    """Return the removals that would take the only route of a wanted address away."""
    removed = fitting.plan.changes.removed
    name_taken = [c.prefix for c in fitting.plan.conflicts if c.name_taken]
    return {
        **dict.fromkeys(sharing_addresses(removed, name_taken, limits.tags), codes.NAME_TAKEN),
        **dict.fromkeys(
            sharing_addresses(removed, fitting.left_out, limits.tags), codes.NO_CAPACITY
        ),
    }


def _yielded(prefixes: Collection[str], route_limit: int) -> tuple[Finding, ...]:
    if not prefixes:
        return ()
    message = (
        f"these routes yield before their day, because the table may hold only {route_limit}: "
        f"{', '.join(prefixes)}"
    )
    return (Finding(codes.RETAINED_YIELDED, message),)


def _no_capacity(plan: Plan, left_out: Collection[str], limit: int) -> tuple[Violation, ...]:
    if not left_out:
        return ()
    count = len(plan.routes) + len(left_out)
    message = (
        f"the table would have {count} routes and may hold {limit}. These stay without a route of "
        f"their own: {', '.join(left_out)}"
    )
    return (Violation(codes.NO_CAPACITY, message, count, limit),)


def _no_tag_capacity(count: int, left_out: Collection[str], limit: int) -> tuple[Violation, ...]:
    if not left_out:
        return ()
    message = (
        f"the table would have {count} routes with a service tag and may hold {limit}. These stay "
        f"without a route: {', '.join(left_out)}; routeStyle prefixes needs no such route"
    )
    return (Violation(codes.NO_TAG_CAPACITY, message, count, limit),)
