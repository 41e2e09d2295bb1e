"""Show registered route tables."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain import codes
from ...domain.people.overview import State
from ...domain.registry.azure_tag import AZURE_TAG
from ...domain.registry.choices import AddressSource, RouteStyle
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.report import Report
from ...domain.services.known import NAMED
from .layout import Rows
from .parts import NONE, distinct, moment, mood_colour, name_of, pairs, shortened
from .reports import report


@dataclass(frozen=True, slots=True)
class Seen:
    """A registered table with its state. `outcome` is its last one, if the state comes from it."""

    table: RegisteredTable
    state: State
    outcome: Outcome | None = None


def registered_tables(found: Sequence[Seen], *, wide: bool = False) -> RenderableType:
    if not found:
        return Text(
            "No route table is registered. Find them with ase-route-sync discover --register."
        )
    states = Counter(one.state for one in found)
    counts = ", ".join(f"{number} {state.words}" for state, number in states.items())
    return Group(_wide(found) if wide else _narrow(found), Text(f"\n{len(found)} tables: {counts}"))


def _narrow(found: Sequence[Seen]) -> Rows:
    names = distinct(one.table.route_table_id for one in found)
    rows = [
        [_state_of(one), Text(names[one.table.route_table_id]), _trouble_of(one)] for one in found
    ]
    return Rows(("state", "route table", "what is wrong"), rows)


def _wide(found: Sequence[Seen]) -> Rows:
    headings = ("state", "route table", "environment", "wanted", "found right", "last run")
    rows = [[_state_of(one), *_wide_cells(one.table), _trouble_of(one)] for one in found]
    return Rows((*headings, "what is wrong"), rows)


def _wide_cells(table: RegisteredTable) -> Iterator[Text]:
    asked, last = table.registration, table.status.last_outcome
    yield Text(str(table.route_table_id))
    yield Text(name_of(asked.ase_id))
    yield Text(_wanted(asked))
    yield Text(moment(table.status.verified_at))
    yield Text(last.run_id if last else NONE)


def _state_of(one: Seen) -> Text:
    return Text(one.state.words, style=mood_colour(one.state))


def _trouble_of(one: Seen) -> Text:
    return Text("; ".join(_troubles(one)), style=mood_colour(one.state))


def _troubles(one: Seen) -> Iterator[str]:
    """Yield what is wrong, and nothing if the state says it all."""
    table, status = one.table, one.table.status
    if table.unreadable is not None:
        yield table.unreadable.code.name
    if status.suspended:
        yield f"Azure has suspended {name_of(table.registration.ase_id)}"

    if one.outcome is not None:
        yield from _troubles_of_run(one.outcome)
    if status.contest.since is not None:
        yield f"since {moment(status.contest.since)}: {status.contest}"
    if status.held:
        number = len(status.held)
        said = "1 prefix is held" if number == 1 else f"{number} prefixes are held"
        yield f"{said} until a release"
    if one.state is State.STALE:
        yield f"found right last: {moment(status.verified_at)}"


def _troubles_of_run(outcome: Outcome) -> Iterator[str]:
    if outcome.error is not None:
        yield outcome.error.code.name
    yield from dict.fromkeys(violation.code.name for violation in outcome.violations)

    conflicts = [conflict.prefix for conflict in outcome.open_conflicts]
    if conflicts:
        yield f"routes that are not ours: {shortened(conflicts)}"
    if outcome.status is OutcomeStatus.PLANNED:
        yield f"not made yet: {_not_made(outcome)}"


def _not_made(outcome: Outcome) -> str:
    """Count the changes that a plan shows, and those that wait for an approval."""
    waiting = Counter(one.change for one in outcome.withheld if one.why == codes.APPLY_POLICY)
    numbers = {
        "+": len(outcome.added) + waiting["add"],
        "~": len(outcome.updated) + waiting["update"],
        "-": len(outcome.removed) + waiting["remove"],
    }
    return " ".join(f"{sign}{number}" for sign, number in numbers.items() if number)


def registered_table(one: RegisteredTable) -> RenderableType:
    return pairs(registration_facts(one))


def registration_facts(one: RegisteredTable) -> list[tuple[str, str]]:
    asked = one.registration
    return [
        ("Route table", str(one.route_table_id)),
        ("Environment", str(asked.ase_id or NONE)),
        ("Wanted", _wanted(asked)),
        *_reasons(asked),
        ("Policy", asked.apply_policy or "the app's"),
        *_state(one),
        *_remarks(asked),
        *_maker(one),
    ]


def _reasons(asked: Registration) -> list[tuple[str, str]]:
    """Say what the routes of the service are for, and when it needs none."""
    service = NAMED.get(asked.service or "")
    return [("Why", service.why), ("Unless", service.unless)] if service else []


def _state(one: RegisteredTable) -> list[tuple[str, str]]:
    held = ", ".join(hold.prefix for hold in one.status.held)
    since = one.status.contest.since
    return [("Held", held or "nothing"), ("Contested", moment(since) if since else "no")]


def _remarks(asked: Registration) -> list[tuple[str, str]]:
    exceptions = [f"{each.prefix} until {each.until}: {each.reason}" for each in asked.exceptions]
    pin = asked.pin
    return [
        *(("Exception", text) for text in exceptions),
        *([("Pin", f"{pin.version_id} since {moment(pin.since)}: {pin.reason}")] if pin else []),
        ("Note", asked.note or NONE),
        ("Enabled", "yes" if asked.enabled else "no"),
    ]


def _maker(one: RegisteredTable) -> list[tuple[str, str]]:
    return [("Made by", f"its Azure tag {AZURE_TAG}")] if one.by_tag else []


def _wanted(registration: Registration) -> str:
    tags = _tags(registration)
    wanted = {
        AddressSource.SERVICE_TAG: tags,
        AddressSource.ASE: "the environment's own addresses",
        AddressSource.BOTH: f"{tags} and the environment's own addresses",
    }[registration.address_source]
    tag_routes = registration.route_style is RouteStyle.SERVICE_TAG
    return f"{wanted}, as service tag routes" if tag_routes else wanted


def _tags(registration: Registration) -> str:
    """Name the service and the tags in it."""
    tags = ", ".join(registration.service_tags)
    if registration.service is None:
        return tags
    region = f" in {registration.region}" if registration.region else ""
    return f"{registration.service}{region} ({tags})"


def removed(route_table: str, report_of_removal: Report | None) -> RenderableType:
    said = Text(f"Unregistered {route_table}")
    if report_of_removal is None:
        return said.append("; its routes stay.")
    return Group(report(report_of_removal), said)
