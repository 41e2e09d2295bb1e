"""Each trouble of a run once: what to do about it, and the commands for it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from rich.console import RenderableType
from rich.text import Text

from ...domain import codes
from ...domain.codes import Code, Grade
from ...domain.findings import Finding
from ...domain.people.next_steps import (
    About,
    NextStep,
    acceptable,
    step_for_code,
    step_for_state,
)
from ...domain.people.overview import State
from ...domain.routing.judgement import Withheld
from ...domain.runs.outcome import Outcome
from ...domain.runs.report import Report
from ...domain.runs.run import Run
from ...domain.surroundings.search import FoundEnvironment, FoundService
from ...render import finding_text, needs_nobody
from .layout import Lines
from .parts import by_reason, distinct, was_and_is

_OF_CONFLICTS = frozenset({codes.NAME_TAKEN, codes.EXCEPTION_ENDED})
"""These findings say why a table is in conflict."""


@dataclass(frozen=True, slots=True)
class Need:
    """A trouble of some route tables, in words, and what to do about it.

    A trouble that is not `pressing` should be looked at; routes are kept right meanwhile.
    """

    said: tuple[str, ...]
    pressing: bool
    remedy: str


@dataclass(frozen=True, slots=True)
class _Needed:
    """The need of one table, and the command for it."""

    need: Need
    command: str | None


def needs(found: Report, *, pressing: bool) -> Iterator[RenderableType]:
    """Yield each need of this kind once: the words, the tables, the remedy, and the commands."""
    about = _by_need(
        (outcome.route_table_id, each)
        for outcome in found.outcomes
        for each in _needs_of(found.run, outcome)
    )
    names = distinct(outcome.route_table_id for outcome in found.outcomes)
    for need, commands in about.items():
        if need.pressing is pressing:
            yield from _shown(need, [names[table] for table in commands], commands.values())


def needs_around(found: Iterable[FoundEnvironment | FoundService]) -> Iterator[RenderableType]:
    """Yield each trouble around what was found once: the words, the names, what helps."""
    about = _by_need((one.resource_id, each) for one in found for each in _needs_around(one))
    for need, commands in about.items():
        yield from _shown(need, [resource.name for resource in commands], commands.values())


def _needs_around(one: FoundEnvironment | FoundService) -> Iterator[_Needed]:
    # If there are several tables, only the message says which one is meant.
    table = one.table_ids[0] if len(one.table_ids) == 1 else None
    ase_id = one.environment_id if isinstance(one, FoundEnvironment) else None
    ids = About(route_table_id=table, ase_id=ase_id, no_ase=ase_id is None)
    return (_by_code(each, ids) for each in one.findings if not needs_nobody(each.code))


def _by_need[T](needed: Iterable[tuple[T, _Needed]]) -> Mapping[Need, Mapping[T, str | None]]:
    """Return for each need what has it, with the command for each."""
    about: dict[Need, dict[T, str | None]] = {}
    for one, each in needed:
        about.setdefault(each.need, {})[one] = each.command
    return about


def _shown(
    need: Need, named: Iterable[str], commands: Iterable[str | None]
) -> Iterator[RenderableType]:
    """Each that is named has a command or none. Many may have the same one."""
    for said in need.said:
        yield Lines(said, "red" if need.pressing else "yellow", first="  ! ")
    yield Lines(", ".join(named), first="      ")
    if need.remedy:
        yield Lines(need.remedy, first="    → ")
    for command in dict.fromkeys(filter(None, commands)):
        yield Text(f"      {command}", style="bold")


def _needs_of(run: Run, outcome: Outcome) -> Iterator[_Needed]:
    about = About.of(run, outcome.route_table_id)
    yield from _conflicts(outcome, about)
    for violation in outcome.violations:
        yield _by_code(Finding(violation.code, violation.message), about)
    if outcome.error is not None:
        yield _by_code(outcome.error, about)

    yield from _waiting(outcome, about)
    for finding in outcome.findings:
        if not needs_nobody(finding.code):
            # The message about an exception begins with its prefix.
            prefix = finding.message.partition(":")[0]
            yield _by_code(finding, replace(about, prefixes=(prefix,)))


def _conflicts(outcome: Outcome, about: About) -> Iterator[_Needed]:
    conflicts = outcome.acceptable_conflicts
    if conflicts:
        step = step_for_state(State.CONFLICT, replace(about, prefixes=acceptable(outcome)))
        yield _needed(map(str, conflicts), step)


def _waiting(outcome: Outcome, about: About) -> Iterator[_Needed]:
    waiting, updates = outcome.waiting, was_and_is(outcome)
    said = [
        f"waits for approval: {change} {prefixes}"
        for change, prefixes in by_reason((one.change, _described(one, updates)) for one in waiting)
    ]
    if said:
        yield _needed(said, step_for_code(codes.APPLY_POLICY, about))


def _described(one: Withheld, updates: Mapping[str, str]) -> str:
    said = updates.get(one.prefix) if one.change == "update" else None
    return f"{one.prefix} ({said})" if said else one.prefix


def _by_code(finding: Finding, about: About) -> _Needed:
    step = step_for_code(finding.code, about)
    if finding.code.azure:  # what to do about Azure's own is in the message
        step = replace(step, remedy="")
    return _needed([finding_text(finding)], step, pressing=_is_pressing(finding.code))


def _is_pressing(code: Code) -> bool:
    # A pin withholds changes because a person has asked for it.
    withholds = code.grade is not Grade.ATTENTION and code != codes.PINNED
    return withholds or code in _OF_CONFLICTS


def _needed(said: Iterable[str], step: NextStep, *, pressing: bool = True) -> _Needed:
    return _Needed(Need(tuple(said), pressing, step.remedy), step.command)
