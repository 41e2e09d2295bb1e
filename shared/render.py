"""A run report as text that a person reads at a glance."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .domain.addresses import ipv4_of
from .domain.armid import ResourceId, ServiceResourceId
from .domain.codes import Code, Grade
from .domain.findings import Finding
from .domain.people.check_report import CheckedTable
from .domain.runs.outcome import Outcome
from .domain.runs.report import Report
from .domain.runs.run import Mode, Run, VersionSeen
from .domain.surroundings.search import Found, FoundEnvironment, FoundService


def needs_nobody(code: Code) -> bool:
    """Say whether a finding with this code only informs, so that no person has to act."""
    return code.grade is Grade.INFO


_MOST_SHOWN = 6
"""Prefixes of one table and kind of change, and tables of one note. More are only counted."""


def render(report: Report) -> str:
    """Show the changes or what was found, the notes for a person, and the sum."""
    lines = _run_lines(report.run)
    if isinstance(report.result, Found):
        return "\n".join([*lines, *_found_lines(report.result)])

    about = _tables_of_notes(report.outcomes)
    for outcome in report.outcomes:
        lines += _outcome_lines(outcome, about)
    for (needs_person, text), tables in about.items():
        if len(tables) > 1:
            note = _note_line(text, needs_person=needs_person)
            lines += [note, f"          of {_named_or_counted(tables)}"]

    counted = [f"{number} {status}" for status, number in report.counts.items() if number]
    lines.append("Tables: " + (", ".join(counted) or "none registered"))
    return "\n".join(lines)


def version_line(version: VersionSeen) -> str:
    """Name the version that a run worked from, and count what it added and removed.

    Only IPv4 prefixes become routes.
    """
    line = f"  {version.version_id.rpartition('-')[0].partition('.')[2]}"
    if version.edition:
        line += f": {version.edition}"
    if version.added or version.removed:
        line += f", {_counted(version.added, version.removed)} prefixes since the last"
        line += f", of which {_counted(ipv4_of(version.added), ipv4_of(version.removed))} are IPv4"
    if version.api_lacks:
        line += f"; the API lacks {version.api_lacks}, which the weekly file has"
    return f"{line} (version {version.version_id})"


def _counted(added: Sequence[str], removed: Sequence[str]) -> str:
    return f"+{len(added)} -{len(removed)}"


def notes_of(outcome: Outcome) -> Iterator[tuple[bool, str]]:
    """Yield each note about a table, after whether it needs a person."""
    for conflict in outcome.conflicts:
        yield conflict.accepted is None, str(conflict)
    for violation in outcome.violations:
        yield True, f"{violation.code}: {violation.message}"
    for finding in outcome.findings:
        yield not needs_nobody(finding.code), finding_text(finding)
    if outcome.error is not None:
        yield True, finding_text(outcome.error)


def finding_text(finding: Finding) -> str:
    return f"{finding.code}: {finding.message}"


def changes_of(outcome: Outcome) -> tuple[tuple[str, Sequence[str]], ...]:
    """Return the changed prefixes by the sign that stands for the kind of change."""
    return (("+", outcome.added), ("~", outcome.updated), ("-", outcome.removed))


def counted_changes(outcome: Outcome) -> str:
    return " ".join(f"{sign}{len(found)}" for sign, found in changes_of(outcome) if found)


def since_right(checked: CheckedTable) -> str:
    """Say how long a table is not right. If it never was, this counts from its registration."""
    days = round(checked.days_since_right)
    if checked.days_since_right < 1:
        said = "less than a day"
    else:
        said = "1 day" if days == 1 else f"{days} days"
    return f"not found right for {said}"


def mode_or_action(run: Run) -> str:
    """Return what a run is for, in a word. Only a run about tables is known by its mode."""
    request = run.request
    return (request.mode if request.action.is_about_tables else request.action).value


def what_for(run: Run) -> str:
    """Return the action of a run, and whether it only plans, in one word or two."""
    plans = run.request.mode is Mode.PLAN
    return f"{run.request.action} plan" if plans else run.request.action.value


def _run_lines(run: Run) -> list[str]:
    head = f"Run {run.run_id} ({run.request.trigger}, {mode_or_action(run)}): {run.status}"
    lines = [head, *(version_line(version) for version in run.versions)]
    if run.error is not None:
        lines.append(f"  ERROR {finding_text(run.error)}")
    return lines


type _About = Mapping[tuple[bool, str], Sequence[str]]
"""The names of the tables that each note is about."""


def _tables_of_notes(outcomes: Iterable[Outcome]) -> _About:
    about: dict[tuple[bool, str], list[str]] = {}
    for outcome in outcomes:
        for note in dict.fromkeys(notes_of(outcome)):
            about.setdefault(note, []).append(outcome.route_table_id.name)
    return about


def _named_or_counted(tables: Sequence[str]) -> str:
    return ", ".join(tables) if len(tables) <= _MOST_SHOWN else f"{len(tables)} route tables"


def _outcome_lines(outcome: Outcome, about: _About) -> list[str]:
    """Show the outcome with its own notes. Those of several tables stand once, after them all."""
    own = [note for note in notes_of(outcome) if len(about[note]) == 1]
    return [
        _head_line(outcome),
        *(
            f"      {sign} {', '.join(prefixes)}"
            for sign, prefixes in changes_of(outcome)
            if 0 < len(prefixes) <= _MOST_SHOWN
        ),
        *(_note_line(text, needs_person=needs) for needs, text in own),
    ]


def _found_lines(found: Found) -> Iterator[str]:
    for environment in found.environments:
        yield from _lines_of(environment, "")
    for service in found.services:
        yield from _lines_of(service, f"{service.service} ")
    for table in found.route_tables:
        yield f"  {table.owned_routes} routes of the owner in {_place(table.route_table_id)}"
    for subscription, error in found.errors:
        yield f"  ERROR {subscription}: {finding_text(error)}"

    if found.services:
        yield f"Other services: {_registered(found.services)}"
    yield f"Environments: {_registered(found.environments)}"


def _registered(found: Sequence[FoundEnvironment | FoundService]) -> str:
    return f"{len(found)}, {sum(one.registered for one in found)} with a registered table"


def _lines_of(found: FoundEnvironment | FoundService, noun: str) -> Iterator[str]:
    registered = "registered" if found.registered else "not registered"
    yield f"  {registered:<14} {noun}{_place(found.resource_id)}"
    for finding in found.findings:
        yield _note_line(finding_text(finding), needs_person=not needs_nobody(finding.code))


def _note_line(text: str, *, needs_person: bool) -> str:
    return f"      {'!' if needs_person else '·'} {text}"


def _place(resource: ResourceId | ServiceResourceId) -> str:
    return f"{resource.name} in {resource.resource_group} ({resource.subscription_id})"


def _head_line(outcome: Outcome) -> str:
    place = _place(outcome.route_table_id)
    line = f"  {outcome.status:<9} {counted_changes(outcome):<10} {place}"

    kinds = {
        "covered": outcome.covered,
        "retained": outcome.retained,
        "withheld": outcome.withheld,
    }
    notes = ", ".join(f"{len(found)} {kind}" for kind, found in kinds.items() if found)
    return f"{line}: {notes}" if notes else line
