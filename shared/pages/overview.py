"""The first page: are the environments routed, since when, what changed, what needs a person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain.overview import Mood, Standpoint
from shared.domain.registration import Registration
from shared.domain.report import Run, RunStatus

from .tables import STATES
from .times import ago

MOST_ALARMS = 10


def overview(
    tables: Sequence[Registration],
    runs: Sequence[Run],
    check: Mapping[str, Any] | None,
    standpoint: Standpoint,
    *,
    paused: bool,
) -> dict[str, Any]:
    """`runs` are the last ones, the newest first; `check` is the last daily check's report."""
    alarms = check["alarms"] if check else []
    mood, headline = _headline(tables, runs, alarms, standpoint)
    return {
        "mood": mood,
        "headline": headline,
        "facts": [*_facts(tables, runs, check, standpoint, paused=paused)],
        "alarms": alarms[:MOST_ALARMS],
        "alarms_left_out": max(0, len(alarms) - MOST_ALARMS),
    }


def _headline(
    tables: Sequence[Registration],
    runs: Sequence[Run],
    alarms: Sequence[Mapping[str, Any]],
    standpoint: Standpoint,
) -> tuple[Mood, str]:
    enabled = [table for table in tables if table.enabled]
    moods = Counter(standpoint.state_of(table).mood for table in enabled)
    count = len(enabled)
    if not count:
        return Mood.WATCH, "No route table is registered and enabled"
    if moods[Mood.BAD]:
        needs = "needs" if moods[Mood.BAD] == 1 else "need"
        return Mood.BAD, f"{_of(moods[Mood.BAD], count)} {needs} a person"
    ended = [run for run in runs if run.ended]
    if ended and ended[0].status is RunStatus.FAILED:
        return Mood.BAD, "The last run failed"
    if alarms:
        return Mood.BAD, "The daily check raises an alarm"
    if moods[Mood.WATCH]:
        return Mood.WATCH, f"{_of(moods[Mood.WATCH], count)} to look at"
    return Mood.GOOD, f"All {count} route tables are right" if count > 1 else "The table is right"


def _of(number: int, count: int) -> str:
    return f"{number} of {count} route table{'s' if count > 1 else ''}"


def _facts(
    tables: Sequence[Registration],
    runs: Sequence[Run],
    check: Mapping[str, Any] | None,
    standpoint: Standpoint,
    *,
    paused: bool,
) -> list[str]:
    good = next((run for run in runs if run.status is RunStatus.SUCCEEDED), None)
    states = Counter(STATES[standpoint.state_of(table)] for table in tables)
    newest = max(standpoint.newest.values(), key=lambda v: v.recorded_at, default=None)
    return [
        *(["Paused: every run is a plan"] if paused else []),
        f"Last success {ago(standpoint.now - (good.finished_at or good.started_at))}"
        if good
        else "No success yet"
        if not runs
        else f"No success in the last {len(runs)} runs",
        *(f"{number} {state}" for state, number in states.items()),
        *([f"Newest version seen {ago(standpoint.now - newest.recorded_at)}"] if newest else []),
        f"Daily check {check['at'][:10]}" if check else "No daily check yet",
    ]
