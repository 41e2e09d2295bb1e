"""Show the report of a run."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain import codes
from ...domain.people.check_report import CheckReport
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.report import Report
from ...domain.runs.run import Action, Mode, Run
from ...domain.surroundings.search import Found
from ...render import changes_of, counted_changes, version_line, what_for
from ..errors import Refused
from .checks import checked
from .discoveries import discovered
from .layout import Lines
from .needs import needs
from .parts import (
    PAUSED,
    by_reason,
    coloured,
    counted,
    distinct,
    in_group,
    place_of,
    prefix_lines,
    section,
    was_and_is,
)
from .stopped import not_begun
from .troubles import error

_STEPS = frozenset({codes.ROUTE_TABLE_CREATED, codes.ROUTE_TABLE_ATTACHED, codes.NSG_RULE_ADDED})


def report(found: Report, *, paused: bool = False) -> RenderableType:
    """Show the result of a run that is not about tables. For other runs, show the changes that are
    planned or made, the steps of a provision, what needs a person or a look, what stays as it is,
    and the sum.

    While the app is `paused`, no plan can be applied.
    """
    run = found.run
    if not run.request.action.is_about_tables:
        return Group(_run_line(run), Text(), *_result(found), *_error_lines(run))

    head = _run_line(run), *_version_lines(run)
    end = *_error_lines(run), Text(), *_sum(found, paused=paused)
    return Group(*head, *_about_tables(found), *end)


def _about_tables(found: Report) -> Iterator[RenderableType]:
    for alike in _alike(found.outcomes):
        yield Text()
        yield from _difference(alike, planned=_plans(found.run))
    yield from section("Beside the routes:", _steps(found))
    yield from section("Needs a person:", needs(found, pressing=True))
    yield from section("To look at:", needs(found, pressing=False))
    yield from section("Left as it is:", _unmade(found))
    yield from not_begun(found.not_begun)


def _plans(run: Run) -> bool:
    return run.request.mode is Mode.PLAN


def _result(found: Report) -> list[RenderableType]:
    """A check has no result before it has ended."""
    match found.result:
        case Found():
            return [discovered(found.result)]
        case CheckReport():
            return [checked(found.result)]
        case _:
            return []


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


def progress_line(done: Outcome) -> Text:
    status = coloured(done.status, width=10)
    return Text.assemble(status, f"{counted_changes(done):<12}", in_group(done.route_table_id))


def _steps(found: Report) -> Iterator[Lines]:
    """Yield what a provision does, or would do, before and after the routes."""
    for outcome in found.outcomes:
        for finding in outcome.findings:
            if finding.code in _STEPS:
                yield Lines(finding.message, "green", first="  + ")


def _alike(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """Group the outcomes that make the same changes. Outcomes without a change are left out."""
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for each in outcomes:
        if each.writes:
            key = (each.status, each.added, each.updated, each.updates, each.removed)
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
    return [*heads, *prefix_lines(changes_of(alike[0]), was_and_is(alike[0]))]


def _unmade(found: Report) -> Iterator[Lines]:
    """Yield the changes that are withheld, and the routes that are retained, with their tables."""
    names = distinct(each.route_table_id for each in found.outcomes)
    about: dict[tuple[str, str], list[str]] = {}
    for each in found.outcomes:
        for note in _unmade_in(each):
            about.setdefault(note, []).append(names[each.route_table_id])

    for (text, style), tables in about.items():
        yield Lines(text, style, first="  ◦ ")
        yield Lines(", ".join(tables), first="      ")


def _unmade_in(found: Outcome) -> Iterator[tuple[str, str]]:
    # A change that waits for approval needs a person, and is shown there.
    withheld = [one for one in found.withheld if one.why != codes.APPLY_POLICY]
    for (why, change), prefixes in by_reason(((o.why, o.change), o.prefix) for o in withheld):
        yield f"withheld ({why}): {change} {prefixes}", "yellow"
    for day, prefixes in by_reason((each.until, each.prefix) for each in found.retained):
        yield f"no longer wanted, retained until {day}: {prefixes}", "dim"


def _sum(found: Report, *, paused: bool) -> list[Text]:
    run, counts = found.run, counted(found.counts) or "none"
    lines = [Text.assemble((f"{_sum_head(run)}: ", "bold"), _total(found))]
    lines.append(Text(f"Route tables: {counts}"))

    if not run.ended:
        lines.append(Text(f"To follow it: ase-route-sync runs {run.run_id} --wait", "dim"))
    elif paused and _plans(run):
        lines.append(Text(PAUSED, "yellow"))
    elif _can_be_applied(found):
        command = f"ase-route-sync apply --plan {run.run_id}"
        lines.append(Text(f"To apply exactly this: {command}", "dim"))
    return lines


def _can_be_applied(found: Report) -> bool:
    asked = found.run.request
    would_change = any(outcome.writes for outcome in found.outcomes)
    return asked.mode is Mode.PLAN and asked.action is Action.SYNC and would_change


def _sum_head(run: Run) -> str:
    if not run.ended:
        return "The run is still under way. So far"
    return "Plan" if _plans(run) else "Done"


def _total(found: Report) -> str:
    planned = _plans(found.run)
    words = ("to add", "to change", "to remove") if planned else ("added", "changed", "removed")
    numbers = [0, 0, 0]
    for each in found.outcomes:
        for place, (_sign, prefixes) in enumerate(changes_of(each)):
            numbers[place] += len(prefixes)
    return ", ".join(f"{number} {word}" for number, word in zip(numbers, words, strict=True))
