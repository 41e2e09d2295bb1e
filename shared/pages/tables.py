"""Registered route tables: as rows of the overview, and one as a page of its own."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from ..domain.addresses import in_order, is_ipv4_prefix, is_service_tag, service_tag_of
from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.people.health import FULL_FROM
from ..domain.people.overview import Mood, Standpoint, State
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.registry.status import Reading, Status
from ..domain.routing.policy import ApplyPolicy
from ..domain.routing.routes import Route, RouteTable, next_hop_text
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..render import needs_nobody
from .times import ago

type Context = dict[str, object]

_POLICIES = {
    ApplyPolicy.AUTO: "applies by itself",
    ApplyPolicy.ADDITIVE: "removals wait for approval",
    ApplyPolicy.APPROVAL: "every change waits for approval",
}


def row(table: RegisteredTable, standpoint: Standpoint, outcome: Outcome | None) -> Context:
    """Return the table's row. `outcome` is its last one, if that is still kept."""
    ase_id = table.registration.ase_id
    return {
        "id": str(table.route_table_id),
        **named(table.route_table_id),
        "ase": ase_id.name if ase_id else None,
        **_state(table, standpoint),
        **_room(table.status.reading),
        "last": table.status.last_outcome,
        "notes": [{"mood": mood, "text": text} for mood, text in _notes(table, outcome)],
    }


def _state(table: RegisteredTable, standpoint: Standpoint) -> Context:
    state = standpoint.state_of(table)
    return {
        "state": state.words,
        "waits": state is State.WAITING,
        "mood": standpoint.mood_of(table),
        "since": _since(table.status, standpoint),
        "versions": [*_versions(table, standpoint)],
    }


def _room(reading: Reading | None) -> Context:
    """Return how full the table is, as far as that is known."""
    if reading is None:
        return {"region": None, "routes": None, "limit": None, "high": None}
    limit = reading.route_limit
    return {
        "region": reading.location,
        "routes": reading.routes,
        "limit": limit,
        "high": None if limit is None else round(limit * FULL_FROM),
    }


def named(route_table_id: RouteTableId) -> dict[str, str]:
    """Return the table's name, and the place where it is."""
    where = f"{route_table_id.resource_group} · {route_table_id.subscription_id}"
    return {"name": route_table_id.name, "group": where}


def _since(status: Status, standpoint: Standpoint) -> str:
    if status.verified_at is None:
        return "never found right"
    return f"found right {ago(standpoint.now - status.verified_at)}"


def _versions(table: RegisteredTable, standpoint: Standpoint) -> Iterator[str]:
    """Compare, for each source, the version that was applied with the newest one seen."""
    applied = {i.rpartition("-")[0]: i for i in table.status.applied_version_ids}
    for newest in standpoint.seen(table):
        partition, _, seen = newest.version_id.rpartition("-")
        name = service_tag_of(newest.source) or EnvironmentId.parse(newest.source).name

        # The numbers have leading zeros, which nobody wants to read.
        have = applied.get(partition, "").rpartition("-")[2].lstrip("0") or "none"
        seen = seen.lstrip("0")
        numbers = f"{seen} applied" if have == seen else f"{have} applied, {seen} seen"
        yield f"{name} {numbers}" if len(table.registration.sources) > 1 else numbers


def _notes(table: RegisteredTable, outcome: Outcome | None) -> Iterator[tuple[Mood, str]]:
    """Yield what is wrong first, and then what is as somebody wanted it."""
    last, contest = table.status.last_outcome, table.status.contest
    if table.unreadable is not None:
        yield Mood.BAD, str(table.unreadable.code)

    if table.status.suspended:
        yield Mood.BAD, f"Azure has suspended {table.registration.ase_id}"
    if last is not None and last.error is not None:
        yield Mood.BAD, f"{last.error.code}{', poisoned' if last.poisoned else ''}"
    if contest.since is not None:
        yield Mood.BAD, f"contested since {contest.since:%Y-%m-%d}: {contest}"
    if outcome is not None:
        yield from _obstacle_notes(outcome)
        yield from _outcome_notes(outcome)

    if table.status.held:
        yield Mood.WATCH, f"{len(table.status.held)} held until a release"
    yield from _registration_notes(table.registration)


def _registration_notes(registration: Registration) -> Iterator[tuple[Mood, str]]:
    if registration.exceptions:
        first = min(exception.until for exception in registration.exceptions)
        yield Mood.GOOD, f"{len(registration.exceptions)} excepted, the first until {first}"
    if registration.pin is not None:
        pin = registration.pin
        text = f"pinned to {pin.version_id} since {pin.since:%Y-%m-%d}: {pin.reason}"
        yield Mood.WATCH, text
    if registration.apply_policy is not None:
        yield Mood.GOOD, _POLICIES[registration.apply_policy]


def _obstacle_notes(outcome: Outcome) -> Iterator[tuple[Mood, str]]:
    for code in dict.fromkeys(violation.code for violation in outcome.violations):
        yield Mood.BAD, code.name
    if outcome.open_conflicts:
        count = len(outcome.open_conflicts)
        yield Mood.BAD, f"{count} in conflict with routes that are not ours"


def _outcome_notes(outcome: Outcome) -> Iterator[tuple[Mood, str]]:
    if outcome.withheld:
        reasons = ", ".join(dict.fromkeys(change.why.name for change in outcome.withheld))
        yield Mood.WATCH, f"{len(outcome.withheld)} withheld: {reasons}"
    if outcome.retained:
        last_day = max(route.until for route in outcome.retained)
        yield Mood.GOOD, f"{len(outcome.retained)} retained until {last_day}"

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
    kinds = [
        (*_kind(route, wanted, accepted, owner=owner), route) for route in _in_order(table.routes)
    ]
    worst_first = list(Mood)[::-1]
    kinds.sort(key=lambda one: worst_first.index(one[0]))

    shown = [_route_row(route, mood, kind) for mood, kind, route in kinds]
    counts = Counter(kind for _, kind, _ in kinds)
    return shown, ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "none"


def _route_row(route: Route, mood: Mood, kind: str) -> Context:
    return {
        "prefix": route.prefix,
        "name": route.name,
        "next_hop": next_hop_text(route.next_hop_type, route.next_hop_address),
        "kind": kind,
        "mood": mood,
    }


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


def _in_order(routes: Collection[Route]) -> list[Route]:
    """Sort the routes by prefix. Somebody else's may have an odd one: these come last."""
    prefixes = (route.prefix for route in routes)
    known = in_order(p for p in prefixes if is_service_tag(p) or is_ipv4_prefix(p))
    places = {prefix: place for place, prefix in enumerate(known)}
    return sorted(routes, key=lambda route: places.get(route.prefix, len(places)))


def mood_of(status: OutcomeStatus) -> Mood:
    if status.is_bad:
        return Mood.BAD
    return Mood.WATCH if status is OutcomeStatus.PLANNED else Mood.GOOD


def pages_of[T](items: Sequence[T], page: int, size: int) -> tuple[Sequence[T], int]:
    """Return the items of this page, and the number of pages."""
    return items[(page - 1) * size : page * size], max(1, -(-len(items) // size))
