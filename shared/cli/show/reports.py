"""Show the report of a run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain.findings import Finding
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.report import Report
from ...domain.runs.run import Mode, Run
from ...render import (
    changes_of,
    counted_changes,
    finding_text,
    notes_of,
    version_line,
    what_for,
)
from ..errors import Refused
from .discoveries import discovered
from .parts import coloured, counted, place_of, prefix_lines
from .stopped import not_begun
from .troubles import error


def report(found: Report) -> RenderableType:
    """Show the result of a run that is not about tables. For other runs, show the changes that are
    planned or made, then the notes for a person, then the sum.
    """
    if found.result is not None:
        return Group(
            _run_line(found.run), Text(), discovered(found.result), *_error_lines(found.run)
        )

    planned = found.run.request.mode is Mode.PLAN
    lines: list[RenderableType] = [_run_line(found.run), *_version_lines(found.run)]
    for alike in _alike(found.outcomes):
        lines += [Text(), *_difference(alike, planned=planned)]
    notes = _notes_of_all(found.outcomes)
    lines += [*([Text(), *notes] if notes else []), *not_begun(found.not_begun)]

    return Group(*lines, *_error_lines(found.run), Text(), *_sum(found, planned=planned))


def _run_line(run: Run) -> Text:
    what = f"Run {run.run_id} ({run.request.trigger}, {what_for(run)}): "
    return Text.assemble((what, "bold"), coloured(run.status))


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
    status = coloured(done.status, width=10)
    return Text.assemble(status, f"{counted_changes(done):<12}", place_of(done.route_table_id))


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
    worse = Text() if status is usual else Text.assemble(", ", coloured(status))

    heads = [
        Text.assemble(("# ", "dim"), (place_of(each.route_table_id), "bold"), (said, "bold"), worse)
        for each in alike
    ]
    return [*heads, *prefix_lines(changes_of(alike[0]))]


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
        Text(f"Route tables: {counted(found.counts) or 'none'}"),
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
