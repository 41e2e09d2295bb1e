"""The next steps for a person: one entry for all tables that have the same trouble."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ..domain.armid import RouteTableId
from ..domain.codes import Code
from ..domain.findings import Finding, without_remedy
from ..domain.people.health import Alarm
from ..domain.people.next_steps import About, NextStep, step_for_code, step_for_state
from ..domain.people.open_alarms import WARNINGS
from ..domain.people.overview import Judged, Mood, State
from ..domain.registry.registered_table import RegisteredTable
from ..domain.runs.run import Run

MOST = 6
"""Entries on the overview. Each is another trouble."""
MOST_NAMED = 3

type AboutOf = Callable[[RegisteredTable], About]
"""Return the ids for a command about this table. It reads its last run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """A trouble, and what to do about it. `said` is what is wrong, in words.

    The command is for the first of `tables`, of which at most `MOST_NAMED` are named, and `message`
    is what its error says. `approves` is the run that has to be approved, if that helps.
    """

    mood: Mood
    state: State | None = None
    code: Code | None = None
    said: str
    step: NextStep
    tables: Sequence[RouteTableId] = ()
    message: str | None = None
    approves: str | None = None

    @property
    def remedy(self) -> str | None:
        """The remedy, unless that is said already."""
        return None if self.step.remedy in self.said else self.step.remedy

    @property
    def named(self) -> Sequence[RouteTableId]:
        return self.tables[:MOST_NAMED]


def todo_of(judged: Sequence[Judged], about_of: AboutOf) -> Todo:
    """Return the entry for these tables, which all have the same trouble."""
    first, code, about = judged[0], _cause(judged[0]), about_of(judged[0].table)
    step = step_for_code(code, about) if code else step_for_state(first.state, about)
    return Todo(
        mood=first.mood,
        state=first.state,
        code=code,
        said=step.meaning,
        step=step,
        tables=[one.table.route_table_id for one in judged],
        message=_message(first),
        approves=about.run_id if first.state is State.WAITING else None,
    )


def todos_of_tables(tables: Iterable[Judged], about_of: AboutOf) -> tuple[Sequence[Todo], int]:
    """Return the first entries for these tables, which come worst first, and how many are left."""
    groups: dict[object, list[Judged]] = {}
    for one in tables:
        if one.mood not in {Mood.NEUTRAL, Mood.GOOD}:
            groups.setdefault(_trouble(one), []).append(one)

    shown = [todo_of(group, about_of) for group in islice(groups.values(), MOST)]
    return shown, len(groups) - len(shown)


def todo_of_run(run: Run, error: Finding) -> Todo:
    """Return the entry for the error of a run over all tables."""
    said = f"The last run over all tables failed: {error.message}"
    step = step_for_code(error.code, About(run_id=run.run_id))
    return Todo(mood=Mood.BAD, code=error.code, said=said, step=step)


def todos_of_alarms(alarms: Iterable[Alarm]) -> Iterator[Todo]:
    """Yield one entry for all tables with the same alarm, and one for each alarm of the app."""
    groups: dict[object, list[Alarm]] = {}
    for alarm in alarms:
        groups.setdefault(alarm.code if alarm.route_table_id else alarm, []).append(alarm)
    yield from map(_todo_of_alarms, groups.values())


def mood_of_alarm(alarm: Alarm) -> Mood:
    return Mood.WATCH if alarm.code in WARNINGS else Mood.BAD


def _todo_of_alarms(alarms: Sequence[Alarm]) -> Todo:
    first, ids = alarms[0], [alarm.route_table_id for alarm in alarms]
    return Todo(
        mood=mood_of_alarm(first),
        code=first.code,
        said=first.message if len(alarms) == 1 else first.code.meaning,
        step=step_for_code(first.code, About(route_table_id=first.route_table_id)),
        tables=[each for each in ids if each is not None],
    )


def _trouble(judged: Judged) -> tuple[object, ...]:
    """Return what tells one trouble from another. Each run is approved by itself."""
    last = judged.table.status.last_outcome
    run_id = last.run_id if last and judged.state is State.WAITING else None
    return judged.state, judged.mood, _cause(judged), run_id


def _message(judged: Judged) -> str | None:
    error = _error(judged)
    return None if error is None else without_remedy(error.code, error.message)


def _cause(judged: Judged) -> Code | None:
    """Return the code that says more than the state, if there is one."""
    error, last = _error(judged), judged.table.status.last_outcome
    if error is not None:
        return error.code
    if judged.state is State.BLOCKED and last is not None and last.violations:
        return last.violations[0]
    return None


def _error(judged: Judged) -> Finding | None:
    """Return the error for which the table counts as failed, if there is one."""
    table, last = judged.table, judged.table.status.last_outcome
    if table.unreadable is not None:
        return table.unreadable
    return last.error if judged.state is State.FAILED and last is not None else None
