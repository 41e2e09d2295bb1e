"""Show what a person approves by approving a run."""

from collections.abc import Collection, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain.addresses import in_order
from ...domain.routing.changes import Update
from ...domain.runs.outcome import Outcome
from ...domain.runs.run import Run
from ...render import what_for
from .parts import PAUSED, distinct, moment, place_of, prefix_lines, was_and_is

_SIGNS = {"added": "+", "updated": "~", "removed": "-"}

type _Changes = tuple[tuple[str, tuple[str, ...]], ...]
"""The prefixes by the sign that stands for the kind of change."""


def approval(
    run: Run, waiting: Sequence[Outcome], forced: Collection[str], *, paused: bool
) -> RenderableType:
    """Show the changes that will be made if the violations in `forced` pass."""
    what = f"Run {run.run_id} ({run.request.trigger}, {what_for(run)}) of {moment(run.started_at)}"
    lines = [Text(f"{what} has left these changes:", style="bold")]

    for (changes, _), alike in _alike(waiting, forced).items():
        heads = [Text(f"\n# {place_of(each.route_table_id)}", style="bold") for each in alike]
        lines += [*heads, *prefix_lines(changes, was_and_is(alike[0]))]

    names = distinct(each.route_table_id for each in waiting)
    kept = [line for each in waiting for line in _kept(each, names[each.route_table_id], forced)]
    notes = [Text(PAUSED)] if paused else []
    return Group(*lines, *kept, Text(f"\nTo approve: {_total(waiting, forced)}"), *notes)


def _alike(
    waiting: Sequence[Outcome], forced: Collection[str]
) -> dict[tuple[_Changes, tuple[Update, ...]], list[Outcome]]:
    """Group the outcomes in which the same changes wait."""
    groups: dict[tuple[_Changes, tuple[Update, ...]], list[Outcome]] = {}
    for each in waiting:
        groups.setdefault((_changes(each, forced), each.updates), []).append(each)
    return groups


def _changes(outcome: Outcome, forced: Collection[str]) -> _Changes:
    approved = outcome.approval
    kept = {prefix for prefix, why in approved.refused.items() if why.name not in forced}
    return tuple(
        (sign, tuple(in_order(approved.shown[kind] - kept))) for kind, sign in _SIGNS.items()
    )


def _kept(outcome: Outcome, name: str, forced: Collection[str]) -> Iterator[Text]:
    """Yield a line for each guard that stays closed, and how to open it."""
    for violation in outcome.violations:
        if violation.forceable and violation.code.name not in forced:
            force = f"--force {violation.code} lets it pass, with a --reason"
            said = f"  ! {name}: {violation.code}: {violation.message}"
            yield Text(f"{said}\n    → {force}", style="yellow")


def _total(waiting: Sequence[Outcome], forced: Collection[str]) -> str:
    numbers = dict.fromkeys(_SIGNS.values(), 0)
    for each in waiting:
        for sign, prefixes in _changes(each, forced):
            numbers[sign] += len(prefixes)
    tables = "1 route table" if len(waiting) == 1 else f"{len(waiting)} route tables"
    return f"{numbers['+']} to add, {numbers['~']} to change, {numbers['-']} to remove in {tables}"
