"""A run report as text that a person reads at a glance."""

from collections.abc import Iterator, Sequence

from .domain.armid import ResourceId
from .domain.codes import Code, Grade
from .domain.findings import Finding
from .domain.routing.plan import Conflict
from .domain.runs.outcome import Outcome
from .domain.runs.report import Report
from .domain.runs.run import Mode, Run, VersionSeen
from .domain.surroundings.search import Found, FoundEnvironment


def needs_nobody(code: Code) -> bool:
    """Say whether a finding with this code only informs, so that no person has to act."""
    return code.grade is Grade.INFO


_MOST_PREFIXES_SHOWN = 6
"""For one table and kind of change. If there are more, they are only counted here."""


def render(report: Report) -> str:
    """Show the changes or what was found, the notes for a person, and the sum."""
    lines = _run_lines(report.run)
    if report.result is not None:
        return "\n".join([*lines, *_found_lines(report.result)])

    for outcome in report.outcomes:
        lines += _outcome_lines(outcome)

    counted = [f"{number} {status}" for status, number in report.counts.items() if number]
    lines.append("Tables: " + (", ".join(counted) or "none registered"))
    return "\n".join(lines)


def version_line(version: VersionSeen) -> str:
    """Name the version that a run worked from, and count what it added and removed."""
    line = f"  {version.version_id.rpartition('-')[0].partition('.')[2]}"
    if version.change_number:
        line += f": change number {version.change_number}"
    if version.added or version.removed:
        line += f", +{len(version.added)} -{len(version.removed)} prefixes since the last"
    return f"{line} (version {version.version_id})"


def notes_of(outcome: Outcome) -> Iterator[tuple[bool, str]]:
    """Yield each note about a table, after whether it needs a person."""
    for conflict in outcome.conflicts:
        yield conflict.accepted is None, _conflict_text(conflict)
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


def _outcome_lines(outcome: Outcome) -> list[str]:
    return [
        _head_line(outcome),
        *(
            f"      {sign} {', '.join(prefixes)}"
            for sign, prefixes in changes_of(outcome)
            if 0 < len(prefixes) <= _MOST_PREFIXES_SHOWN
        ),
        *(_note_line(text, needs_person=needs) for needs, text in notes_of(outcome)),
    ]


def _found_lines(found: Found) -> Iterator[str]:
    for environment in found.environments:
        yield from _environment_lines(environment)
    for table in found.route_tables:
        yield f"  {table.owned_routes} routes of the owner in {_place(table.route_table_id)}"
    for subscription, error in found.errors:
        yield f"  ERROR {subscription}: {finding_text(error)}"

    registered = sum(environment.registered for environment in found.environments)
    yield f"Environments: {len(found.environments)}, {registered} with a registered table"


def _environment_lines(found: FoundEnvironment) -> Iterator[str]:
    registered = "registered" if found.registered else "not registered"
    yield f"  {registered:<14} {_place(found.environment_id)}"
    for finding in found.findings:
        yield _note_line(finding_text(finding), needs_person=not needs_nobody(finding.code))


def _note_line(text: str, *, needs_person: bool) -> str:
    return f"      {'!' if needs_person else '·'} {text}"


def _place(resource: ResourceId) -> str:
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


def _conflict_text(conflict: Conflict) -> str:
    said = f"{conflict.prefix}: route {conflict.route_name} sends it to {conflict.next_hop}"
    return f"{said}, as accepted: {conflict.accepted}" if conflict.accepted else said
