"""The first page: which tables are right, since when, what changed, and what needs a person."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..domain.people.check_report import CheckReport
from ..domain.people.health import Alarm, schedule_alarms
from ..domain.people.overview import Mood, Standpoint, State
from ..domain.registry.registered_table import RegisteredTable
from ..domain.runs.run import Run, RunStatus
from .tables import Context
from .times import ago

MOST_ALARMS = 10


def overview(
    tables: Sequence[RegisteredTable],
    runs: Sequence[Run],
    check: CheckReport | None,
    standpoint: Standpoint,
    *,
    wrong_schedules: Mapping[str, str],
    paused: bool,
) -> Context:
    """Return what the template shows. `runs` are the last ones, the newest first."""
    # If the schedule of the daily check is wrong, no check tells it.
    schedules = [*schedule_alarms(wrong_schedules)]
    told = check.alarms if check else ()
    alarms = [*schedules, *(alarm for alarm in told if alarm not in schedules)]
    states = Counter(standpoint.state_of(table) for table in tables)
    mood, headline = _headline(states, runs, alarms)
    return {
        "mood": mood,
        "headline": headline,
        "facts": [*_facts(states, runs, check, standpoint, paused=paused)],
        "alarms": alarms[:MOST_ALARMS],
        "alarms_left_out": max(0, len(alarms) - MOST_ALARMS),
    }


def _headline(
    states: Mapping[State, int], runs: Sequence[Run], alarms: Sequence[Alarm]
) -> tuple[Mood, str]:
    """Say the worst thing first."""
    moods = _mood_counts(states)
    bad, count = moods[Mood.BAD], moods.total()

    if not count:
        return Mood.WATCH, "No route table is registered and enabled"
    if bad:
        return Mood.BAD, f"{_share(bad, count)} {'needs' if bad == 1 else 'need'} a person"
    if _last_failed(runs):
        return Mood.BAD, "The last run failed"
    if alarms:
        return Mood.BAD, "There is an alarm"
    return _calm_headline(moods[Mood.WATCH], count)


def _calm_headline(watched: int, count: int) -> tuple[Mood, str]:
    if watched:
        return Mood.WATCH, f"{_share(watched, count)} to look at"
    return Mood.GOOD, f"All {count} route tables are right" if count > 1 else "The table is right"


def _mood_counts(states: Mapping[State, int]) -> Counter[Mood]:
    """Count the tables by mood. Tables that are switched off do not count."""
    moods: Counter[Mood] = Counter()
    for state, number in states.items():
        if state is not State.OFF:
            moods[state.mood] += number
    return moods


def _share(number: int, count: int) -> str:
    return f"{number} of {count} route table{'s' if count > 1 else ''}"


def _about_tables(runs: Iterable[Run]) -> Iterator[Run]:
    """Leave out the runs that only look around: they say nothing about the routes."""
    return (run for run in runs if run.request.action.is_about_tables)


def _last_failed(runs: Sequence[Run]) -> bool:
    last = next((run for run in _about_tables(runs) if run.ended), None)
    return last is not None and last.status is RunStatus.FAILED


def _facts(
    states: Mapping[State, int],
    runs: Sequence[Run],
    check: CheckReport | None,
    standpoint: Standpoint,
    *,
    paused: bool,
) -> list[str]:
    newest = max(standpoint.newest.values(), key=lambda v: v.recorded_at, default=None)
    return [
        *(["Paused: every run is a plan"] if paused else []),
        _last_success(runs, standpoint),
        *(f"{number} {state.words}" for state, number in states.items()),
        *([f"Newest version seen {ago(standpoint.now - newest.recorded_at)}"] if newest else []),
        f"Daily check {check.at:%Y-%m-%d}" if check else "No daily check yet",
    ]


def _last_success(runs: Sequence[Run], standpoint: Standpoint) -> str:
    good = next((run for run in _about_tables(runs) if run.status is RunStatus.SUCCEEDED), None)
    if good is not None:
        return f"Last success {ago(standpoint.now - (good.finished_at or good.started_at))}"
    return f"No success in the last {len(runs)} runs" if runs else "No success yet"
