"""Show the answers to people, as text, tables and colours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..domain.addresses import Difference, Version
from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.findings import Finding
from ..domain.registry.choices import AddressSource, RouteStyle
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..domain.runs.report import Report
from ..domain.runs.run import Mode, Run, RunStatus
from ..domain.surroundings.search import Found, FoundEnvironment, StampedTable
from ..render import (
    changes_of,
    counted_changes,
    finding_text,
    mode_or_action,
    needs_nobody,
    notes_of,
    version_line,
)
from .checks import Diagnosis, Grade
from .errors import Refused

_SIGN_COLOURS = {"+": "green", "~": "yellow", "-": "red"}
_COLOURS: dict[OutcomeStatus | RunStatus, str] = {
    RunStatus.RUNNING: "yellow",
    RunStatus.SUCCEEDED: "green",
    RunStatus.FAILED: "red",
    OutcomeStatus.UNCHANGED: "dim",
    OutcomeStatus.PLANNED: "yellow",
    OutcomeStatus.CHANGED: "green",
    OutcomeStatus.CONFLICT: "red",
    OutcomeStatus.BLOCKED: "red",
    OutcomeStatus.FAILED: "red",
}
_GRADES = {Grade.OK: ("✓", "green"), Grade.WARNING: ("!", "yellow"), Grade.FAULT: ("✗", "red")}
_NONE = "-"


def report(found: Report) -> RenderableType:
    """Show the result of a run that is not about tables. For other runs, show the changes that are
    planned or made, then the notes for a person, then the sum.
    """
    if found.result is not None:
        return Group(
            _run_line(found.run), Text(), _discovered(found.result), *_error_lines(found.run)
        )

    planned = found.run.request.mode is Mode.PLAN
    lines: list[RenderableType] = [_run_line(found.run), *_version_lines(found.run)]
    for alike in _alike(found.outcomes):
        lines += [Text(), *_difference(alike, planned=planned)]
    notes = _notes_of_all(found.outcomes)
    lines += [Text(), *notes] if notes else []

    return Group(*lines, *_error_lines(found.run), Text(), *_sum(found, planned=planned))


def _run_line(run: Run) -> Text:
    what = f"Run {run.run_id} ({run.request.trigger}, {mode_or_action(run)}): "
    return Text.assemble((what, "bold"), _coloured(run.status))


def _error_lines(run: Run) -> list[Text]:
    stopped = run.error
    return [Text(), error(Refused(stopped.code, stopped.message))] if stopped else []


def _version_lines(run: Run) -> list[Text]:
    """An environment's own addresses are worth a line only if they have changed."""
    return [
        Text(version_line(version), style="dim")
        for version in run.versions
        if version.service_tag or version.added or version.removed
    ]


def outcome(found: Outcome) -> RenderableType:
    """Show the changes that a run made to one table."""
    return Group(*_difference([found], planned=False), *_notes_of_all([found]))


def progress_line(done: Outcome) -> Text:
    status = _coloured(done.status, width=10)
    return Text.assemble(status, f"{counted_changes(done):<12}", _place(done.route_table_id))


def error(refused: Refused) -> Text:
    said = Text.assemble(
        ("Error ", "bold red"), (refused.code.name, "bold"), f": {refused.message}"
    )
    for detail in refused.details:
        said.append(f"\n  {detail['target']}: {detail['message']}")
    if not refused.code.azure:  # what to do about Azure's own is in the message
        said.append(f"\n{refused.code.remedy}", style="dim")
    return said


def diagnosis(found: Diagnosis) -> RenderableType:
    sign, colour = _GRADES[found.grade]
    head = Text.assemble((f"{sign} ", colour), (f"{found.subject}: ", "bold"), found.said)
    if found.remedy is not None:
        head.append(f"\n    → {found.remedy}", style="yellow")
    return head


def registered_tables(found: Sequence[RegisteredTable]) -> RenderableType:
    if not found:
        return Text(
            "No route table is registered. Find them with ase-route-sync discover --register."
        )

    table = _table("route table", "resource group", "environment", "wanted", "found right", "last")
    for one in found:
        place, asked = one.route_table_id, one.registration
        cells = _name(asked.ase_id), _wanted(asked), _moment(one.status.verified_at)
        table.add_row(place.name, place.resource_group, *cells, _last_status(one))
    return table


def _last_status(one: RegisteredTable) -> Text:
    if one.unreadable is not None:
        return Text(one.unreadable.code.name, style="red")
    if not one.registration.enabled:
        return Text("disabled", style="dim")
    last = one.status.last_outcome
    return _coloured(last.status) if last else Text(_NONE)


def registered_table(one: RegisteredTable) -> RenderableType:
    asked = one.registration
    rows = [
        ("Route table", str(one.route_table_id)),
        ("Environment", str(asked.ase_id or _NONE)),
        ("Wanted", _wanted(asked)),
        ("Policy", asked.apply_policy or "the app's"),
        *_state(one),
        *_remarks(asked),
    ]
    return _pairs(rows)


def _state(one: RegisteredTable) -> list[tuple[str, str]]:
    held = ", ".join(hold.prefix for hold in one.status.held)
    since = one.status.contest.since
    return [("Held", held or "nothing"), ("Contested", _moment(since) if since else "no")]


def _remarks(asked: Registration) -> list[tuple[str, str]]:
    exceptions = [f"{each.prefix} until {each.until}: {each.reason}" for each in asked.exceptions]
    return [
        *(("Exception", text) for text in exceptions),
        ("Note", asked.note or _NONE),
        ("Enabled", "yes" if asked.enabled else "no"),
    ]


def removed(route_table: str, report_of_removal: Report | None) -> RenderableType:
    said = Text(f"Unregistered {route_table}")
    if report_of_removal is None:
        return said.append("; its routes stay.")
    return Group(report(report_of_removal), said)


def _discovered(found: Found) -> RenderableType:
    lines: list[RenderableType] = [_environments(found.environments)]
    for one in found.environments:
        if one.findings:
            lines.append(Text(f"\n{one.environment_id.name}", style="bold"))
            lines += [_fault(finding) for finding in one.findings]

    if found.route_tables:
        lines += [Text(), _stamped(found.route_tables)]
    for subscription, fault in found.errors:
        lines.append(Text(f"\n{subscription}\n").append(_fault(fault)))
    return Group(*lines)


def versions(found: Sequence[tuple[Version, Difference]]) -> RenderableType:
    if not found:
        return Text("No version is recorded yet: the first run records one.")

    table = _table("version", "change number", "recorded", "prefixes", "added", "removed")
    for one, change in found:
        recorded, prefixes = _moment(one.recorded_at), str(len(one.address_prefixes))
        counts = [_count(sign, listed) for sign, listed in _signs(change)]
        table.add_row(one.version_id, one.change_number, recorded, prefixes, *counts)
    return table


def _count(sign: str, prefixes: Sequence[str]) -> Text:
    return Text(f"{sign}{len(prefixes)}", style=_SIGN_COLOURS[sign] if prefixes else "dim")


def version(one: Version, change: Difference) -> RenderableType:
    head = _pairs(
        [
            ("Version", one.version_id),
            ("Change number", one.change_number),
            ("Recorded", _moment(one.recorded_at)),
            ("Asked", ", ".join(one.locations) or one.source),
            ("After", one.previous_version_id or "none"),
        ]
    )
    unchanged = [Text(f"    {p}") for p in one.address_prefixes if p not in change.added]
    return Group(head, Text(), *unchanged, *_prefixes(_signs(change)))


def difference(version: Version, other: Version, change: Difference) -> RenderableType:
    """Show what the other version has that the first has not, and the reverse."""
    head = Text(f"{version.version_id} → {other.version_id}", style="bold")
    lines = _prefixes(_signs(change)) or [Text("  no difference", style="dim")]
    count = f"{len(change.added)} added, {len(change.removed)} removed"
    return Group(head, *lines, Text(f"\n{count}"))


def runs(found: Sequence[Run]) -> RenderableType:
    if not found:
        return Text("No run yet.")

    table = _table("run", "trigger", "mode", "status", "started", "route tables")
    for one in found:
        asked = one.request.trigger, mode_or_action(one)
        began = _moment(one.started_at)
        counts = _counts(one.counts) or _NONE
        table.add_row(one.run_id, *asked, _coloured(one.status), began, counts)
    return table


def _alike(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """Group the outcomes that make the same changes. Outcomes without a change are left out."""
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for each in outcomes:
        if each.writes:
            key = (each.status, each.added, each.updated, each.removed)
            groups.setdefault(key, []).append(each)
    return list(groups.values())


def _difference(alike: Sequence[Outcome], *, planned: bool) -> list[Text]:
    """Show changes in the form that plans of other tools have."""
    status = alike[0].status
    usual = OutcomeStatus.PLANNED if planned else OutcomeStatus.CHANGED
    said = " will be changed" if planned else " changed"
    worse = Text() if status is usual else Text.assemble(", ", _coloured(status))

    heads = [
        Text.assemble(("# ", "dim"), (_place(each.route_table_id), "bold"), (said, "bold"), worse)
        for each in alike
    ]
    return [*heads, *_prefixes(changes_of(alike[0]))]


def _signs(change: Difference) -> tuple[tuple[str, Sequence[str]], ...]:
    return (("+", change.added), ("-", change.removed))


def _prefixes(signs: Iterable[tuple[str, Sequence[str]]]) -> list[Text]:
    return [
        Text(f"  {sign} {prefix}", style=_SIGN_COLOURS[sign])
        for sign, prefixes in signs
        for prefix in prefixes
    ]


def _notes_of_all(outcomes: Iterable[Outcome]) -> list[Text]:
    """Show each note once, with the tables that it is about."""
    about: dict[tuple[str, str], list[str]] = {}
    for each in outcomes:
        for note in _notes(each):
            about.setdefault(note, []).append(each.route_table_id.name)
    return [
        line
        for (text, style), tables in about.items()
        for line in (Text(f"  {text}", style=style), Text(f"      {', '.join(tables)}"))
    ]


def _notes(found: Outcome) -> Iterator[tuple[str, str]]:
    """Yield each note with its style: the notes that need a person, then withheld and retained."""
    findings = {finding_text(each) for each in found.findings}
    remedies = _remedies(found)
    for needs_person, text in notes_of(found):
        if needs_person:
            said = f"! {text}{remedies.get(text, '')}"
            yield said, "yellow" if text in findings else "red"

    withheld = _by_reason(((each.why, each.change), each.prefix) for each in found.withheld)
    for (why, change), prefixes in withheld:
        yield f"◦ withheld ({why}): {change} {prefixes}", "yellow"
    for day, prefixes in _by_reason((each.until, each.prefix) for each in found.retained):
        yield f"◦ no longer wanted, retained until {day}: {prefixes}", "dim"


def _remedies(found: Outcome) -> Mapping[str, str]:
    """Return what to do about each note that stopped the table, as a line below the note.

    The message of one of Azure's own codes has that already.
    """
    stopped = [Finding(one.code, one.message) for one in found.violations]
    stopped += [found.error] if found.error else []
    return {
        finding_text(one): f"\n    → {one.code.remedy}" for one in stopped if not one.code.azure
    }


def _by_reason[T](prefixes: Iterable[tuple[T, str]]) -> Iterable[tuple[T, str]]:
    """Return each reason once, with all prefixes that have it as one text."""
    groups: dict[T, list[str]] = {}
    for reason, prefix in prefixes:
        groups.setdefault(reason, []).append(prefix)
    return ((reason, ", ".join(found)) for reason, found in groups.items())


def _sum(found: Report, *, planned: bool) -> list[Text]:
    lines = [
        Text.assemble(("Plan: " if planned else "Done: ", "bold"), _total(found, planned=planned)),
        Text(f"Route tables: {_counts(found.counts) or 'none'}"),
    ]
    if planned and found.counts[OutcomeStatus.PLANNED]:
        command = f"ase-route-sync apply --plan {found.run.run_id}"
        lines.append(Text(f"To apply exactly this: {command}", "dim"))
    return lines


def _total(found: Report, *, planned: bool) -> str:
    words = ("to add", "to change", "to remove") if planned else ("added", "changed", "removed")
    numbers = [0, 0, 0]
    for each in found.outcomes:
        for place, (_sign, prefixes) in enumerate(changes_of(each)):
            numbers[place] += len(prefixes)
    return ", ".join(f"{number} {word}" for number, word in zip(numbers, words, strict=True))


def _counts(counts: Mapping[OutcomeStatus, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items() if number)


def _environments(found: Iterable[FoundEnvironment]) -> Table:
    table = _table("environment", "location", "kind", "route table", "registered", "subscription")
    for one in found:
        registered = "yes" if one.registered else Text("no", style="yellow")
        place, kind = one.environment_id, (one.location or _NONE, one.kind or _NONE)
        route_table = _name(one.route_table_id)
        table.add_row(place.name, *kind, route_table, registered, place.subscription_id)
    return table


def _stamped(found: Iterable[StampedTable]) -> Table:
    table = _table("route table with the stamp", "our routes", "environment", "registered")
    for one in found:
        registered = "yes" if one.registered else "no"
        table.add_row(one.route_table_id.name, str(one.owned_routes), _name(one.ase_id), registered)
    return table


def _fault(found: Finding) -> Text:
    if needs_nobody(found.code):
        return Text(f"  · {finding_text(found)}", style="dim")
    return Text(f"  ! {finding_text(found)}", style="yellow")


def _place(table: RouteTableId) -> str:
    return f"{table.name} in {table.resource_group} ({table.subscription_id})"


def _name(resource_id: RouteTableId | EnvironmentId | None) -> str:
    return resource_id.name if resource_id else _NONE


def _wanted(registration: Registration) -> str:
    tags = ", ".join(registration.service_tags)
    wanted = {
        AddressSource.SERVICE_TAG: tags,
        AddressSource.ASE: "the environment's own addresses",
        AddressSource.BOTH: f"{tags} and the environment's own addresses",
    }[registration.address_source]
    tag_routes = registration.route_style is RouteStyle.SERVICE_TAG
    return f"{wanted}, as service tag routes" if tag_routes else wanted


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def _coloured(status: OutcomeStatus | RunStatus, width: int = 0) -> Text:
    return Text(status.ljust(width), style=_COLOURS[status])


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, style="dim"), value)
    return table
