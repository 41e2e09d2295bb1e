"""Registered tables: as rows of the overview, and one as a page of its own."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..domain.addresses import in_order, is_ipv4_prefix, is_service_tag, service_tag_of
from ..domain.armid import RouteTableId
from ..domain.people.health import FULL_FROM
from ..domain.people.overview import Mood, Standpoint, State
from ..domain.registry.registration import Registration
from ..domain.routing.policy import ApplyPolicy
from ..domain.routing.routes import Route, RouteTable
from ..domain.runs.outcome import OutcomeStatus
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


def row(table: Registration, standpoint: Standpoint, outcome: Mapping[str, Any] | None) -> Context:
    """`outcome` is the report of its last outcome, where that is kept."""
    state, reading = standpoint.state_of(table), table.reading
    limit = reading.route_limit if reading else None
    last = table.last_outcome
    return {
        "id": str(table.route_table_id),
        **named(table.route_table_id),
        "ase": table.ase_id.name if table.ase_id else None,
        "region": reading.location if reading else None,
        "state": STATES[state],
        "mood": state.mood,
        "since": _since(table, standpoint),
        "routes": reading.routes if reading else None,
        "limit": limit,
        "high": None if limit is None else round(limit * FULL_FROM),
        "versions": [*_versions(table, standpoint)],
        "last": last
        and {
            "run_id": last.run_id,
            "status": last.status.value,
            "when": ago(standpoint.now - last.at),
        },
        "notes": [{"mood": mood, "text": text} for mood, text in _notes(table, outcome)],
    }


def named(route_table_id: RouteTableId) -> dict[str, str]:
    """Its name, and where it is."""
    where = f"{route_table_id.resource_group} · {route_table_id.subscription_id}"
    return {"name": route_table_id.name, "group": where}


def _since(table: Registration, standpoint: Standpoint) -> str:
    if table.verified_at is None:
        return "never found right"
    return f"found right {ago(standpoint.now - table.verified_at)}"


def _versions(table: Registration, standpoint: Standpoint) -> Iterator[str]:
    """Of each source, the version applied against the version seen."""
    applied = {i.rpartition("-")[0]: i for i in table.applied_version_ids}
    for newest in standpoint.seen(table):
        partition, _, seen = newest.version_id.rpartition("-")
        name = service_tag_of(newest.source) or newest.source.rpartition("/")[2]
        have = applied.get(partition, "").rpartition("-")[2].lstrip("0") or "none"
        seen = seen.lstrip("0")
        numbers = f"{seen} applied" if have == seen else f"{have} applied, {seen} seen"
        yield f"{name} {numbers}" if len(table.sources) > 1 else numbers


def _notes(table: Registration, outcome: Mapping[str, Any] | None) -> Iterator[tuple[Mood, str]]:
    last = table.last_outcome
    if last is not None and last.error is not None:
        yield Mood.BAD, f"{last.error.code}{', given up' if last.poisoned else ''}"
    if table.contest.since is not None:
        yield Mood.BAD, f"contested since {table.contest.since:%Y-%m-%d}: {table.contest}"
    if outcome is not None:
        yield from _notes_of(outcome)
    if table.holds:
        yield Mood.WATCH, f"{len(table.holds)} held until a release"
    if table.exceptions:
        first = min(e.until for e in table.exceptions)
        yield Mood.GOOD, f"{len(table.exceptions)} excepted, the first until {first}"
    if table.apply_policy is not None:
        yield Mood.GOOD, _POLICIES[table.apply_policy]


def _notes_of(outcome: Mapping[str, Any]) -> Iterator[tuple[Mood, str]]:
    for code in dict.fromkeys(violation["code"] for violation in outcome["violations"]):
        yield Mood.BAD, code
    open_conflicts = [c for c in outcome["conflicts"] if c["accepted"] is None]
    if open_conflicts:
        yield Mood.BAD, f"{len(open_conflicts)} in conflict with routes that are not ours"
    if outcome["withheld"]:
        why = ", ".join(dict.fromkeys(w["why"] for w in outcome["withheld"]))
        yield Mood.WATCH, f"{len(outcome['withheld'])} withheld: {why}"
    if outcome["retained"]:
        last_day = max(r["until"] for r in outcome["retained"])
        yield Mood.GOOD, f"{len(outcome['retained'])} retained until {last_day}"
    for code in dict.fromkeys(f["code"] for f in outcome["findings"]):
        if not needs_nobody(code):
            yield Mood.WATCH, code


def routes(
    table: RouteTable, registration: Registration, wanted: Collection[str], *, owner: str
) -> tuple[list[Context], str]:
    """Each route and whose it is, what needs a person first; and how many there are of each."""
    accepted = {exception.prefix for exception in registration.exceptions}
    found = [(*_kind(r, wanted, accepted, owner=owner), r) for r in table.routes]
    order = {p: number for number, p in enumerate(in_order(_sortable(r.prefix for *_, r in found)))}
    found.sort(key=lambda one: (-list(Mood).index(one[0]), order.get(one[2].prefix, len(order))))
    counts = Counter(kind for _, kind, _ in found)
    shown = [
        {
            "prefix": route.prefix,
            "name": route.name,
            "next_hop": _next_hop(route),
            "kind": kind,
            "mood": mood,
        }
        for mood, kind, route in found
    ]
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


def _sortable(prefixes: Iterable[str]) -> list[str]:
    return [p for p in prefixes if is_service_tag(p) or is_ipv4_prefix(p)]


def _next_hop(route: Route) -> str:
    address = (route.raw.get("properties") or {}).get("nextHopIpAddress")
    return f"{route.next_hop_type} {address}" if address else route.next_hop_type


def mood_of(status: str) -> Mood:
    """Of an outcome."""
    found = OutcomeStatus(status)
    if found.is_bad:
        return Mood.BAD
    return Mood.WATCH if found is OutcomeStatus.PLANNED else Mood.GOOD


def pages_of[T](items: Sequence[T], page: int, size: int) -> tuple[Sequence[T], int]:
    """The items of this page, and how many pages there are."""
    return items[(page - 1) * size : page * size], max(1, -(-len(items) // size))
