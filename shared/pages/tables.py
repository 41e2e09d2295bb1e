"""Registered route tables: as rows of the overview, and one as a page of its own."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..domain.addresses import in_order, is_ipv4_prefix, is_service_tag, service_tag_of
from ..domain.armid import RouteTableId
from ..domain.people.health import FULL_FROM
from ..domain.people.overview import Mood, Standpoint, State
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.routing.policy import ApplyPolicy
from ..domain.routing.routes import Route, RouteTable
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..render import needs_nobody
from .times import ago

type Context = dict[str, Any]

STATES: Mapping[State, str] = {
    State.RIGHT: "right",
    State.OFF: "switched off",
    State.NEW: "not looked at yet",
    State.BEHIND: "newer version seen",
    State.HELD: "held",
    State.WAITING: "waits for approval",
    State.STALE: "not found right lately",
    State.CONTESTED: "contested",
    State.CONFLICT: "conflict",
    State.BLOCKED: "blocked",
    State.FAILED: "failed",
}
_POLICIES = {
    ApplyPolicy.AUTO: "applies by itself",
    ApplyPolicy.ADDITIVE: "removals wait for approval",
    ApplyPolicy.APPROVAL: "every change waits for approval",
}


def row(table: RegisteredTable, standpoint: Standpoint, outcome: Outcome | None) -> Context:
    """Return the table's row. `outcome` is its last one, if that is still kept."""
    registration, status = table.registration, table.status
    state, reading = standpoint.state_of(table), status.reading
    limit = reading.route_limit if reading else None
    return {
        "id": str(table.route_table_id),
        **named(table.route_table_id),
        "ase": registration.ase_id.name if registration.ase_id else None,
        "region": reading.location if reading else None,
        # Its state now.
        "state": STATES[state],
        "mood": state.mood,
        "since": _since(table, standpoint),
        "routes": reading.routes if reading else None,
        "limit": limit,
        "high": None if limit is None else round(limit * FULL_FROM),
        # Its past, and everything a person may want to know.
        "versions": [*_versions(table, standpoint)],
        "last": status.last_outcome,
        "notes": [{"mood": mood, "text": text} for mood, text in _notes(table, outcome)],
    }


def named(route_table_id: RouteTableId) -> dict[str, str]:
    """Return the table's name, and the place where it is."""
    where = f"{route_table_id.resource_group} · {route_table_id.subscription_id}"
    return {"name": route_table_id.name, "group": where}


def _since(table: RegisteredTable, standpoint: Standpoint) -> str:
    if table.status.verified_at is None:
        return "never found right"
    return f"found right {ago(standpoint.now - table.status.verified_at)}"


def _versions(table: RegisteredTable, standpoint: Standpoint) -> Iterator[str]:
    """Compare, for each source, the version that was applied with the newest one seen."""
    applied = {i.rpartition("-")[0]: i for i in table.status.applied_version_ids}
    for newest in standpoint.seen(table):
        partition, _, seen = newest.version_id.rpartition("-")
        name = service_tag_of(newest.source) or newest.source.rpartition("/")[2]

        # The numbers have leading zeros, which nobody wants to read.
        have = applied.get(partition, "").rpartition("-")[2].lstrip("0") or "none"
        seen = seen.lstrip("0")
        numbers = f"{seen} applied" if have == seen else f"{have} applied, {seen} seen"
        yield f"{name} {numbers}" if len(table.registration.sources) > 1 else numbers


def _notes(table: RegisteredTable, outcome: Outcome | None) -> Iterator[tuple[Mood, str]]:
    registration, status = table.registration, table.status
    last, contest = status.last_outcome, status.contest
    if last is not None and last.error is not None:
        yield Mood.BAD, f"{last.error.code}{', given up' if last.poisoned else ''}"
    if contest.since is not None:
        yield Mood.BAD, f"contested since {contest.since:%Y-%m-%d}: {contest}"
    if outcome is not None:
        yield from _outcome_notes(outcome)

    # The rest is as somebody wanted it.
    if status.holds:
        yield Mood.WATCH, f"{len(status.holds)} held until a release"
    if registration.exceptions:
        first = min(exception.until for exception in registration.exceptions)
        yield Mood.GOOD, f"{len(registration.exceptions)} excepted, the first until {first}"
    if registration.apply_policy is not None:
        yield Mood.GOOD, _POLICIES[registration.apply_policy]


def _outcome_notes(outcome: Outcome) -> Iterator[tuple[Mood, str]]:
    for code in dict.fromkeys(violation.code for violation in outcome.violations):
        yield Mood.BAD, code.name
    conflicts, withheld, retained = outcome.open_conflicts, outcome.withheld, outcome.retained
    if conflicts:
        yield Mood.BAD, f"{len(conflicts)} in conflict with routes that are not ours"

    if withheld:
        why = ", ".join(dict.fromkeys(change.why.name for change in withheld))
        yield Mood.WATCH, f"{len(withheld)} withheld: {why}"
    if retained:
        yield Mood.GOOD, f"{len(retained)} retained until {max(each.until for each in retained)}"
    for code in dict.fromkeys(finding.code for finding in outcome.findings):
        if not needs_nobody(code):
            yield Mood.WATCH, code.name


def routes(
    table: RouteTable, registration: Registration, wanted: Collection[str], *, owner: str
) -> tuple[list[Context], str]:
    """Return each route and whose it is, and a text with the number of each kind.

    The routes that need a person come first, and then they are in the order of their prefixes.
    """
    accepted = {exception.prefix for exception in registration.exceptions}
    kinds = [(route, *_kind(route, wanted, accepted, owner=owner)) for route in table.routes]

    order = {prefix: number for number, prefix in enumerate(_in_order(table.routes))}
    worst = list(Mood)[::-1]
    kinds.sort(key=lambda one: (worst.index(one[1]), order.get(one[0].prefix, len(order))))

    shown = [
        {
            "prefix": route.prefix,
            "name": route.name,
            "next_hop": _next_hop(route),
            "kind": kind,
            "mood": mood,
        }
        for route, mood, kind in kinds
    ]
    counts = Counter(kind for _, _, kind in kinds)
    return shown, ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "none"


def _kind(
    route: Route, wanted: Collection[str], accepted: Collection[str], *, owner: str
) -> tuple[Mood, str]:
    if route.owner == owner:
        return (Mood.GOOD, "ours") if route.prefix in wanted else (Mood.WATCH, "ours, retained")
    if route.prefix not in wanted:
        return Mood.GOOD, "not ours"
    if route.to_internet:
        return Mood.GOOD, "covered, not ours"
    if route.prefix in accepted:
        return Mood.WATCH, "conflict, accepted"
    return Mood.BAD, "conflict"


def _in_order(routes: Iterable[Route]) -> tuple[str, ...]:
    """Return the prefixes in order, without those that have none: somebody else's may be odd."""
    prefixes = (route.prefix for route in routes)
    return in_order(p for p in prefixes if is_service_tag(p) or is_ipv4_prefix(p))


def _next_hop(route: Route) -> str:
    address = (route.raw.get("properties") or {}).get("nextHopIpAddress")
    return f"{route.next_hop_type} {address}" if address else route.next_hop_type


def mood_of(status: OutcomeStatus) -> Mood:
    if status.is_bad:
        return Mood.BAD
    return Mood.WATCH if status is OutcomeStatus.PLANNED else Mood.GOOD


def pages_of[T](items: Sequence[T], page: int, size: int) -> tuple[Sequence[T], int]:
    """Return the items of this page, and the number of pages."""
    return items[(page - 1) * size : page * size], max(1, -(-len(items) // size))
