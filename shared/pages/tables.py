"""Registered route tables: as rows of the overview, and one as a page of its own."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from ..domain import codes
from ..domain.addresses import in_order, is_ipv4_prefix, is_service_tag, name_of
from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.codes import Code
from ..domain.people.health import FULL_FROM, coming_alarms
from ..domain.people.overview import Judged, Mood, Standpoint, State
from ..domain.registry.azure_tag import AZURE_TAG
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.registry.status import LastOutcome, Reading
from ..domain.routing.policy import ApplyPolicy
from ..domain.routing.routes import Route, RouteTable, next_hop_text
from ..domain.runs.outcome import OutcomeStatus
from .times import ago

type Context = dict[str, object]

_POLICIES = {
    ApplyPolicy.AUTO: "applies by itself",
    ApplyPolicy.ADDITIVE: "removals wait for approval",
    ApplyPolicy.APPROVAL: "every change waits for approval",
}


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to know about a table, and the code that explains it, if there is one."""

    mood: Mood
    text: str
    code: Code | None = None


def row(judged: Judged, standpoint: Standpoint) -> Context:
    """Return the table's row in a list, from what is kept with the table."""
    table, status = judged.table, judged.table.status
    return {
        **_place(table),
        **_room(status.reading),
        "state": judged.state,
        "mood": judged.mood,
        "since": _since(judged, standpoint),
        "versions": [*_versions(table, standpoint)],
        "last": status.last_outcome,
        "notes": [*_notes(table, standpoint.now)],
    }


def _place(table: RegisteredTable) -> Context:
    ase_id = table.registration.ase_id
    return {
        "id": str(table.route_table_id),
        **named(table.route_table_id),
        "ase": ase_id.name if ase_id else None,
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


def _since(judged: Judged, standpoint: Standpoint) -> str:
    verified_at = judged.table.status.verified_at
    if verified_at is None:
        return "never found right"
    last = "" if judged.state is State.RIGHT else "last "
    return f"{last}found right {ago(standpoint.now - verified_at)}"


def _versions(table: RegisteredTable, standpoint: Standpoint) -> Iterator[str]:
    """Compare, for each source, the version that was applied with the newest one seen."""
    applied = {i.rpartition("-")[0]: i for i in table.status.applied_version_ids}
    for newest in standpoint.seen(table):
        partition = newest.version_id.rpartition("-")[0]
        name = name_of(newest.source) or EnvironmentId.parse(newest.source).name
        have = applied.get(partition)

        said = f"version {number_of(have)} applied" if have else "no version applied"
        text = said if have == newest.version_id else f"{said}, {number_of(newest.version_id)} seen"
        yield f"{name}: {text}" if len(table.registration.sources) > 1 else text


def number_of(version_id: str) -> str:
    """Return the version's number among those of its source, without leading zeros."""
    return f"no. {int(version_id.rpartition('-')[2])}"


def _notes(table: RegisteredTable, now: datetime) -> Iterator[Note]:
    """Yield what is wrong first, then what to look at, then what is as somebody wanted it."""
    if table.unreadable is not None:
        yield _code_note(Mood.BAD, table.unreadable.code)
    yield from _status_notes(table)
    for alarm in coming_alarms(table, now.date()):
        yield Note(Mood.WATCH, f"{alarm.code}: {alarm.message}", alarm.code)
    yield from _registration_notes(table.registration)
    if table.by_tag:
        yield Note(Mood.GOOD, f"registered by its Azure tag {AZURE_TAG}")


def _status_notes(table: RegisteredTable) -> Iterator[Note]:
    contest, last, held = table.status.contest, table.status.last_outcome, table.status.held
    yield from _suspension_notes(table)
    if contest.since is not None:
        text = f"contested since {contest.since:%Y-%m-%d}: {contest}"
        yield Note(Mood.BAD, text, codes.TABLE_CONTESTED)
    if last is not None:
        yield from _outcome_notes(last)
    if held:
        yield Note(Mood.WATCH, f"{len(held)} held until a release", codes.TABLE_HELD)


def _suspension_notes(table: RegisteredTable) -> Iterator[Note]:
    ase_id = table.registration.ase_id
    if table.status.suspended and ase_id is not None:
        yield Note(Mood.BAD, f"Azure has suspended {ase_id.name}", codes.ENVIRONMENT_SUSPENDED)


def _outcome_notes(last: LastOutcome) -> Iterator[Note]:
    if last.error is not None:
        code = last.error.code
        yield Note(Mood.BAD, f"{code}{', poisoned' if last.poisoned else ''}", code)
    for code in last.violations:
        yield _code_note(Mood.BAD, code)
    if last.conflicts:
        prefixes = "prefix" if last.conflicts == 1 else "prefixes"
        yield Note(Mood.BAD, f"{last.conflicts} {prefixes} in conflict")

    if last.withheld:
        yield Note(Mood.WATCH, f"{last.withheld} withheld")
    # The status of the table says more about these two.
    for code in last.findings:
        if code not in {codes.CONTESTED, codes.HELD}:
            yield _code_note(Mood.WATCH, code)


def _code_note(mood: Mood, code: Code) -> Note:
    return Note(mood, code.name, code)


def _registration_notes(registration: Registration) -> Iterator[Note]:
    if registration.exceptions:
        first = min(exception.until for exception in registration.exceptions)
        yield Note(Mood.GOOD, f"{len(registration.exceptions)} excepted, the first until {first}")
    if registration.pin is not None:
        pin = registration.pin
        text = f"pinned to {pin.version_id} since {pin.since:%Y-%m-%d}: {pin.reason}"
        yield Note(Mood.WATCH, text)
    if registration.apply_policy is not None:
        yield Note(Mood.GOOD, _POLICIES[registration.apply_policy])


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
        return (Mood.GOOD, "ours") if route.prefix in wanted else (Mood.WATCH, "ours (retained)")
    if route.prefix not in wanted:
        return Mood.NEUTRAL, "not ours"
    if route.to_internet:
        return Mood.GOOD, "covered (not ours)"
    if route.prefix in accepted:
        return Mood.WATCH, "conflict (accepted)"
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
