"""The first page: which tables are right, since when, what changed, and what needs a person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..domain import codes
from ..domain.findings import Finding
from ..domain.people.health import Alarm
from ..domain.people.open_alarms import WARNINGS, Seen, open_alarms, open_error
from ..domain.people.overview import Judged, Mood, Standpoint, State
from ..domain.runs.run import Mode, Run, RunStatus
from ..domain.schedules import next_time
from .choice import Choice
from .tables import Context, number_of
from .times import ago
from .todo import MOST, AboutOf, Todo, todo_of_run, todos_of_alarms, todos_of_tables

LATE_AFTER = timedelta(hours=1)
"""A timer that has not fired by then is late: the host may have been restarted meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """The schedules of the two timers; `alarms` say what is wrong with them."""

    sync: str | None
    check: str | None
    alarms: Sequence[Alarm]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that the page is made from.

    `tables` are all, also those that are switched off. `covering` are the last runs over all
    tables, the newest first, of the last `days`.
    """

    standpoint: Standpoint
    tables: Sequence[Judged]
    seen: Seen
    covering: Sequence[Run]
    days: int
    timers: Timers

    @property
    def now(self) -> datetime:
        return self.standpoint.now

    @property
    def last_ended(self) -> Run | None:
        return next((run for run in self.covering if run.ended), None)

    @property
    def last_whole(self) -> Run | None:
        """The last run over all tables that nobody interrupted.

        A person who interrupts a command knows it, and what it had not begun is as it was.
        """
        whole = (run for run in self.covering if run.ended and not _is_interrupted(run))
        return next(whole, None)

    @property
    def error(self) -> Finding | None:
        """The error of that run, if its cause is not gone."""
        return None if self.last_whole is None else open_error(self.last_whole, self.seen)

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms that hold now, those first that tell of something wrong."""
        found = [*self.timers.alarms, *open_alarms(self.seen, self.now.date())]
        return sorted(found, key=lambda alarm: alarm.code in WARNINGS)


def _is_interrupted(run: Run) -> bool:
    return run.error is not None and run.error.code == codes.INTERRUPTED


def overview(situation: Situation, about_of: AboutOf) -> Context:
    """Return what the template shows."""
    facts = [*_facts(situation)]
    mood, headline = _headline(situation, facts)
    todos, left_out = _todos(situation, about_of)
    return {
        "mood": mood,
        "headline": headline,
        "facts": facts,
        "tables": len(situation.tables),
        "todos": todos[:MOST],
        "todos_left_out": left_out + len(todos[MOST:]),
    }


def _todos(situation: Situation, about_of: AboutOf) -> tuple[list[Todo], int]:
    """Return what a person can do, the worst first, and how many entries are left out."""
    last, error = situation.last_whole, situation.error
    of_run = [todo_of_run(last, error)] if last and error else []
    # The error of the run says which sources it could not read. The check says the same of each.
    said = {(error.code, source) for source in last.unusable} if last and error else set()
    alarms = [alarm for alarm in situation.alarms if (alarm.code, alarm.about) not in said]
    worst_first = Choice().found(situation.tables)
    of_tables, left_out = todos_of_tables(worst_first, about_of)

    # An alarm about the app may explain what is wrong with many tables.
    found = [*of_run, *todos_of_alarms(alarms), *of_tables]
    return sorted(found, key=lambda todo: -list(Mood).index(todo.mood)), left_out


def _headline(situation: Situation, facts: Sequence[Context]) -> tuple[Mood, str]:
    """Say the worst thing first. Red means that something is wrong now."""
    judged = [one for one in situation.tables if one.state is not State.OFF]
    if not judged:
        return Mood.WATCH, "No route table is registered and enabled"
    bad = _bad_headline(situation, judged)
    return (Mood.BAD, bad) if bad else _calm_headline(situation, judged, facts)


def _bad_headline(situation: Situation, judged: Sequence[Judged]) -> str | None:
    if any(one.mood is Mood.BAD for one in judged):
        needy = sum(one.mood is Mood.BAD or one.state is State.WAITING for one in judged)
        return f"{_share(needy, judged)} a person"

    if situation.error is not None:
        return f"The last run over all tables failed: {situation.error.code}"
    raised = (alarm.code.name for alarm in situation.alarms if alarm.code not in WARNINGS)
    names = ", ".join(dict.fromkeys(raised))
    return f"Alarm: {names}" if names else None


def _calm_headline(
    situation: Situation, judged: Sequence[Judged], facts: Sequence[Context]
) -> tuple[Mood, str]:
    """Nothing is wrong, but something may still be worth a look."""
    waiting = sum(one.state is State.WAITING for one in judged)
    watched = sum(one.mood is Mood.WATCH for one in judged)
    if waiting:
        return Mood.WATCH, f"{_share(waiting, judged)} an approval"
    if watched:
        return Mood.WATCH, f"{watched} of {_number(len(judged))} to look at"

    remark = _remark(situation.alarms, facts)
    calm = (
        f"All {_number(len(judged))} are right" if len(judged) > 1 else "The route table is right"
    )
    return (Mood.WATCH, f"{calm}, {remark}") if remark else (Mood.GOOD, calm)


def _remark(warnings: Sequence[Alarm], facts: Sequence[Context]) -> str | None:
    if any(fact["mood"] is Mood.WATCH for fact in facts):
        return "but a timer is late"
    names = ", ".join(dict.fromkeys(one.code.name for one in warnings))
    return f"with a warning: {names}" if names else None


def _share(number: int, judged: Sequence[Judged]) -> str:
    return f"{number} of {_number(len(judged))} {'needs' if number == 1 else 'need'}"


def _number(tables: int) -> str:
    return f"{tables} route table{'' if tables == 1 else 's'}"


def _facts(situation: Situation) -> Iterator[Context]:
    """Yield when something happened last, and when it is going to happen next."""
    now, timers, check = situation.now, situation.timers, situation.seen.check
    yield from _run_facts(situation)
    last = situation.covering[0].started_at if situation.covering else None
    yield _next_fact("Next run", timers.sync, last, now)

    said = ago(now - check.at) if check else "none yet"
    yield _fact("Last check", said)
    yield _next_fact("Next check", timers.check, check.at if check else None, now)

    newest = max(situation.seen.newest, key=lambda v: v.recorded_at, default=None)
    if newest is not None:
        number = number_of(newest.version_id)
        yield _fact("Newest version", f"{number}, seen {ago(now - newest.recorded_at)}")


def _run_facts(situation: Situation) -> Iterator[Context]:
    """Yield the last success of a run over all tables, and the last failure if it came later."""
    last, now = situation.last_ended, situation.now
    good = next((run for run in situation.covering if run.status is RunStatus.SUCCEEDED), None)
    if good is not None:
        as_plan = ", as a plan" if good.request.mode is Mode.PLAN else ""
        yield _fact("Last success", f"{_ended(good, now)}{as_plan}", good)
    elif situation.seen.runs:
        yield _fact("Last success", f"none in the last {situation.days} days")
    else:
        yield _fact("Last success", "none yet")

    if last is not None and last is not good:
        yield _fact("Last run over all tables", f"failed {_ended(last, now)}", last)


def _ended(run: Run, now: datetime) -> str:
    return ago(now - (run.finished_at or run.started_at))


def _next_fact(name: str, schedule: str | None, last: datetime | None, now: datetime) -> Context:
    """Say when the timer fires next, and whether it should have fired since the last time."""
    following = next_time(schedule or "", now)
    if following is None:
        return _fact(name, "never: see the alarm")

    said = f"{following:%Y-%m-%d %H:%M} UTC, {ago(now - following)}"
    due = None if last is None else next_time(schedule or "", last)
    if due is None or now - due < LATE_AFTER:
        return _fact(name, said)
    return {
        **_fact(name, f"{said}; the one of {due:%Y-%m-%d %H:%M} UTC is late"),
        "mood": Mood.WATCH,
    }


def _fact(name: str, text: str, run: Run | None = None) -> Context:
    return {"name": name, "text": text, "run_id": run and run.run_id, "mood": Mood.GOOD}
