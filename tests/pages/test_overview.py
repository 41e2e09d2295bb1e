"""The headline of the first page: red means that something is wrong now."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import codes
from shared.domain.findings import Finding
from shared.domain.people.health import Alarm
from shared.domain.people.next_steps import About
from shared.domain.people.open_alarms import Seen
from shared.domain.people.overview import Mood, Standpoint, State
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import LastOutcome, Reading, Status
from shared.domain.runs.outcome import OutcomeStatus
from shared.domain.runs.run import Mode, Run, RunRequest, RunStatus, Trigger
from shared.pages.overview import Situation, Timers, overview
from shared.pages.todo import MOST
from tests.builders.azure import rid
from tests.builders.runs import TAG

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEKLY, DAILY = "0 0 6 * * 3", "0 20 5 * * *"
ERROR = Finding(codes.TAG_UNAVAILABLE, "no")
BROKEN = Alarm(codes.SCHEDULE_WRONG, "why")


def table(name="one", **status):
    return RegisteredTable(rid(name), Registration((TAG,)), Status(**status))


RIGHT = table(verified_at=NOW)
NEW = table()
FULL = table(verified_at=NOW, reading=Reading("westeurope", 399, 400))
FAILED = table(last_outcome=LastOutcome("run", NOW, OutcomeStatus.FAILED))
WAITING = table(
    verified_at=NOW, last_outcome=LastOutcome("plan-1", NOW, OutcomeStatus.PLANNED, waits=True)
)
OFF = replace(FAILED, registration=Registration((TAG,), enabled=False))


def run(number, status=RunStatus.SUCCEEDED, *, mode=Mode.APPLY, **known):
    started_at = NOW - number * HOUR
    ended = None if status is RunStatus.RUNNING else started_at
    return Run(
        f"run-{number}",
        RunRequest(Trigger.TIMER, mode),
        started_at,
        status=status,
        finished_at=ended,
        **known,
    )


def shown(*tables, covering=(), alarms=(), sync=WEEKLY, check=DAILY, now=NOW):
    standpoint = Standpoint(now, {}, 2)
    return overview(
        Situation(
            standpoint=standpoint,
            tables=[standpoint.judge(one) for one in tables],
            seen=Seen(
                check=None,
                runs=covering,
                tables=[one for one in tables if one.registration.enabled],
                newest=(),
                locations=(),
            ),
            covering=covering,
            days=35,
            timers=Timers(sync=sync, check=check, alarms=alarms),
        ),
        lambda table: About(route_table_id=table.route_table_id),
    )


def fact(found, name):
    [text] = [one["text"] for one in found["facts"] if one["name"] == name]
    return text


@pytest.mark.parametrize(
    ("tables", "others", "mood", "headline"),
    [
        ((), {}, "watch", "No route table is registered and enabled"),
        ((OFF,), {}, "watch", "No route table is registered and enabled"),
        ((RIGHT,), {}, "good", "The route table is right"),
        ((RIGHT, RIGHT, OFF), {}, "good", "All 2 route tables are right"),
        ((RIGHT, NEW), {}, "watch", "1 of 2 route tables to look at"),
        (
            (RIGHT, FULL),
            {},
            "watch",
            "All 2 route tables are right, with a warning: CapacityLow",
        ),
        ((RIGHT, FULL), {"alarms": [BROKEN]}, "bad", "Alarm: ScheduleWrong"),
        (
            (RIGHT, NEW),
            {"covering": [run(1, RunStatus.FAILED, error=ERROR)], "alarms": [BROKEN]},
            "bad",
            "The last run over all tables failed: TagUnavailable",
        ),
        (
            (RIGHT, FAILED),
            {"covering": [run(1, RunStatus.FAILED, error=ERROR)]},
            "bad",
            "1 of 2 route tables needs a person",
        ),
        ((FAILED, FAILED), {}, "bad", "2 of 2 route tables need a person"),
        ((FAILED, WAITING, NEW), {}, "bad", "2 of 3 route tables need a person"),
        ((RIGHT, WAITING, NEW), {}, "watch", "1 of 3 route tables needs an approval"),
        ((WAITING,), {"alarms": [BROKEN]}, "bad", "Alarm: ScheduleWrong"),
    ],
)
def test_the_worst_comes_first(tables, others, mood, headline):
    found = shown(*tables, **others)
    assert (found["mood"], found["headline"]) == (mood, headline)


INTERRUPTED = Finding(codes.INTERRUPTED, "at the command line")


@pytest.mark.parametrize(
    ("before", "mood"),
    [(run(2), "good"), (run(2, RunStatus.FAILED, error=ERROR), "bad")],
)
def test_an_interrupted_command_neither_is_a_fault_nor_hides_one(before, mood):
    stopped = run(1, RunStatus.FAILED, error=INTERRUPTED)
    found = shown(RIGHT, covering=[stopped, before])
    assert found["mood"] == mood
    assert "Interrupted" not in str(found["todos"])
    assert fact(found, "Last run over all tables") == "failed 60 min ago"


def test_what_an_interrupted_command_does_not_hide_is_told_of_the_run_that_had_it():
    stopped = run(1, RunStatus.FAILED, error=INTERRUPTED)
    failed = run(2, RunStatus.FAILED, error=ERROR, unusable={TAG: "no"})
    same = Alarm(codes.TAG_UNAVAILABLE, "no", about=TAG)
    found = shown(RIGHT, covering=[stopped, failed], alarms=[same])
    assert [todo.code for todo in found["todos"]] == [codes.TAG_UNAVAILABLE]


def test_a_failure_that_only_tables_caused_is_judged_by_the_tables():
    covering = [run(1, RunStatus.FAILED), run(2)]
    found = shown(RIGHT, covering=covering)
    assert found["mood"] == "good"
    assert fact(found, "Last success") == "2 h ago"
    assert fact(found, "Last run over all tables") == "failed 60 min ago"


@pytest.mark.parametrize(
    ("covering", "said"),
    [
        ([], "none yet"),
        ([run(1, RunStatus.RUNNING)], "none in the last 35 days"),
        ([run(1, RunStatus.FAILED)], "none in the last 35 days"),
        ([run(1, RunStatus.RUNNING), run(3)], "3 h ago"),
        ([run(3, mode=Mode.PLAN)], "3 h ago, as a plan"),
    ],
)
def test_the_last_success_is_said(covering, said):
    assert fact(shown(RIGHT, covering=covering), "Last success") == said


@pytest.mark.parametrize(
    ("schedule", "minutes", "said"),
    [
        (None, 0, "never: see the alarm"),
        ("@weekly", 0, "never: see the alarm"),
        (WEEKLY, 59, "2026-03-11 06:00 UTC, in 7 days"),
        (
            WEEKLY,
            60,
            "2026-03-11 06:00 UTC, in 7 days; the one of 2026-03-04 06:00 UTC is late",
        ),
    ],
)
def test_a_run_that_did_not_come_is_late_after_an_hour(schedule, minutes, said):
    last = run(24)
    now = NOW + timedelta(minutes=minutes)
    found = shown(RIGHT, covering=[last], sync=schedule, now=now)
    assert fact(found, "Next run") == said
    assert (found["mood"] == "watch") is ("late" in said)


def test_a_run_that_is_under_way_is_not_late():
    now = NOW + 90 * timedelta(minutes=1)
    found = shown(RIGHT, covering=[run(0, RunStatus.RUNNING), run(168)], now=now)
    assert "late" not in fact(found, "Next run")


def test_what_to_do_begins_with_what_is_wrong_and_the_rest_is_counted():
    late = replace(NEW, status=Status(watched_since=NOW - 72 * HOUR))
    failed_run = run(1, RunStatus.FAILED, error=ERROR)
    found = shown(FULL, late, WAITING, NEW, covering=[failed_run], alarms=[BROKEN])
    assert [(one.mood, one.code and one.code.name, one.state) for one in found["todos"]] == [
        (Mood.BAD, "TagUnavailable", None),
        (Mood.BAD, "ScheduleWrong", None),
        (Mood.BAD, None, State.STALE),
        (Mood.WATCH, "CapacityLow", None),
        (Mood.WATCH, None, State.WAITING),
        (Mood.WATCH, None, State.NEW),
    ]
    assert found["todos_left_out"] == 0
    alarms = [replace(BROKEN, message=str(number)) for number in range(MOST + 2)]
    found = shown(NEW, alarms=alarms)
    assert (len(found["todos"]), found["todos_left_out"]) == (MOST, 3)


def test_if_all_is_right_there_is_nothing_to_do():
    found = shown(RIGHT, OFF)
    assert (found["todos"], found["todos_left_out"]) == ([], 0)
