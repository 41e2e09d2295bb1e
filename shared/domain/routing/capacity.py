"""Fit a plan into the number of routes that its table may hold."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from .. import codes
from ..addresses import in_order, is_service_tag
from ..findings import Finding
from .judgement import Limits, Violation
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
    """A plan, and the violation if the table has no room for it."""

    plan: Plan
    findings: tuple[Finding, ...] = ()
    violation: Violation | None = None


def fit(plan: Plan, replan_without: Callable[[Collection[str]], Plan], limits: Limits) -> Fitting:
    """Fit a plan into the table. If the table is too full, retained routes yield.

    `replan_without` plans again as if the prefixes given to it were retained no longer.
    """
    tags = _fit_tag_routes(plan, limits)
    if tags.violation is not None:
        return tags
    fitting = _fit_routes(plan, replan_without, limits)
    return replace(fitting, findings=(*tags.findings, *fitting.findings))


def _fit_tag_routes(plan: Plan, limits: Limits) -> Fitting:
    added = [prefix for prefix in plan.changes.added if is_service_tag(prefix)]
    if not added:
        return Fitting(plan)

    limit = limits.tag_route_limit
    if limit is None:
        return Fitting(plan, (_TAG_LIMIT_UNKNOWN,))
    count = sum(route.network is None for route in plan.routes)
    return Fitting(plan, violation=_no_tag_capacity(added, count, limit) if count > limit else None)


def _fit_routes(
    plan: Plan, replan_without: Callable[[Collection[str]], Plan], limits: Limits
) -> Fitting:
    limit = limits.route_limit
    fits = limit is not None and len(plan.routes) <= limit
    if fits or not plan.changes.added:
        return Fitting(plan)
    if limit is None:
        return Fitting(plan, (_LIMIT_UNKNOWN,))

    # A route that yields is a removal, and can be forbidden like any other.
    yielding = _oldest_departures(plan, limit) if limits.against_removals is None else ()
    smaller = replan_without(yielding)
    if len(smaller.routes) > limit:
        return Fitting(smaller, violation=_no_capacity(smaller, limit))
    return Fitting(smaller, (_yielded(yielding, limit),))


def _oldest_departures(plan: Plan, route_limit: int) -> tuple[str, ...]:
    """Return as many retained prefixes as have to yield, the oldest departures first."""
    needed = len(plan.routes) - route_limit
    by_age = sorted(plan.retained, key=lambda retained: retained.until)
    return tuple(retained.prefix for retained in by_age[:needed])


def _yielded(prefixes: Sequence[str], route_limit: int) -> Finding:
    return Finding(
        codes.RETAINED_YIELDED,
        f"removed before their day, because the table may hold only {route_limit} routes: "
        f"{', '.join(prefixes)}",
    )


def _no_capacity(plan: Plan, route_limit: int) -> Violation:
    return Violation(
        codes.NO_CAPACITY,
        f"the table would have {len(plan.routes)} routes and may hold {route_limit}: nothing is "
        f"written. These stay without a route: {', '.join(in_order(plan.changes.added))}",
        observed=len(plan.routes),
        limit=route_limit,
    )


def _no_tag_capacity(added: Iterable[str], count: int, limit: int) -> Violation:
    return Violation(
        codes.NO_TAG_CAPACITY,
        f"the table would have {count} routes with a service tag and may hold {limit}: nothing is "
        f"written. These stay without a route: {', '.join(sorted(added))}; routeStyle prefixes "
        "needs no such route",
        observed=count,
        limit=limit,
    )
