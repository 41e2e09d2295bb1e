"""What a person can do: each trouble once, with the command for it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain import codes
from shared.domain.findings import Finding
from shared.domain.people.health import Alarm
from shared.domain.people.next_steps import About
from shared.domain.people.overview import Judged, Mood, State
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import LastOutcome, Status
from shared.domain.runs.outcome import OutcomeStatus
from shared.pages.todo import MOST, todo_of, todos_of_alarms, todos_of_tables
from tests.builders.azure import rid
from tests.builders.runs import TAG

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
LAST = LastOutcome("run-1", NOW, OutcomeStatus.FAILED)
DENIED = Finding(codes.AUTHORIZATION_FAILED, "no")


def judged(name, state, last=None, **known):
    table = RegisteredTable(rid(name), Registration((TAG,)), Status(last_outcome=last))
    return Judged(replace(table, **known), state, state.mood)


def about(table):
    last = table.status.last_outcome
    return About(route_table_id=table.route_table_id, run_id=last.run_id if last else None)


def names(todo):
    return [table.name for table in todo.tables]


@pytest.mark.parametrize(
    ("state", "last", "code", "command"),
    [
        (State.FAILED, replace(LAST, error=DENIED), "AuthorizationFailed", "az role assignment"),
        (State.FAILED, LAST, None, "ase-route-sync apply --route-table /sub"),
        (
            State.BLOCKED,
            replace(LAST, violations=(codes.MAX_REMOVED_PERCENT, codes.NO_CAPACITY)),
            "MaxRemovedPercent",
            "ase-route-sync apply --plan run-1 --force MaxRemovedPercent",
        ),
        (State.CONFLICT, replace(LAST, error=DENIED), None, "ase-route-sync tables set /sub"),
        (State.WAITING, LAST, None, "ase-route-sync approve run-1"),
        (State.HELD, None, None, "ase-route-sync release /sub"),
        (State.OFF, None, None, "ase-route-sync tables set /sub"),
    ],
)
def test_the_code_counts_if_it_says_more_than_the_state(state, last, code, command):
    todo = todo_of([judged("one", state, last)], about)
    assert (todo.code and todo.code.name) == code
    assert str(todo.step.command).startswith(command)
    assert todo.said == todo.step.meaning
    assert todo.approves == ("run-1" if state is State.WAITING else None)


def test_a_row_that_cannot_be_read_says_so():
    unreadable = Finding(codes.ROW_UNREADABLE, "spoiled")
    todo = todo_of([judged("one", State.FAILED, unreadable=unreadable)], about)
    assert todo.code is codes.ROW_UNREADABLE


def test_tables_with_the_same_trouble_are_one_entry():
    denied = replace(LAST, error=DENIED)
    other = replace(LAST, run_id="run-2")
    tables = [
        judged("a", State.FAILED, denied),
        judged("b", State.FAILED, LAST),
        judged("c", State.FAILED, replace(denied, run_id="run-2")),
        judged("d", State.WAITING, LAST),
        judged("e", State.WAITING, other),
        judged("f", State.WAITING, LAST),
        judged("g", State.RIGHT),
        judged("h", State.OFF),
    ]
    found, left_out = todos_of_tables(tables, about)
    assert [names(todo) for todo in found] == [["a", "c"], ["b"], ["d", "f"], ["e"]]
    assert [todo.approves for todo in found] == [None, None, "run-1", "run-2"]
    assert left_out == 0


def test_only_the_first_entries_are_made_and_the_others_are_counted():
    read = []

    def noted(table):
        read.append(table)
        return about(table)

    states = [state for state in State if state.mood not in {Mood.NEUTRAL, Mood.GOOD}]
    found, left_out = todos_of_tables([judged("one", state) for state in states], noted)
    assert (len(found), left_out) == (MOST, len(states) - MOST)
    assert len(read) == MOST


def test_an_alarm_of_many_tables_is_one_entry_and_each_of_the_app_another():
    full = [Alarm(codes.CAPACITY_LOW, f"{n} of 400", rid(f"rt-{n}")) for n in (399, 398)]
    wrong = [Alarm(codes.SCHEDULE_WRONG, name) for name in ("SYNC_SCHEDULE", "CHECK_SCHEDULE")]
    first, second, third = todos_of_alarms([*wrong, *full])
    assert [one.said for one in (first, second)] == ["SYNC_SCHEDULE", "CHECK_SCHEDULE"]
    assert (first.mood, third.mood) == (Mood.BAD, Mood.WATCH)
    assert names(third) == ["rt-399", "rt-398"]
    assert third.said == codes.CAPACITY_LOW.meaning
    [alone] = todos_of_alarms(full[:1])
    assert alone.said == "399 of 400"


def test_what_is_said_already_is_not_said_again():
    said = f"35 days. {codes.DOCUMENT_UNCHANGED.remedy}"
    [todo] = todos_of_alarms([Alarm(codes.DOCUMENT_UNCHANGED, said)])
    assert todo.remedy is None
    [todo] = todos_of_alarms([Alarm(codes.DOCUMENT_UNCHANGED, "35 days")])
    assert todo.remedy == codes.DOCUMENT_UNCHANGED.remedy
