"""How a table stands, at a glance."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.addresses import VersionHead
from shared.domain.armid import RouteTableId
from shared.domain.people.overview import Mood, Standpoint, State
from shared.domain.registry.contest import Contest
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Pin, Registration
from shared.domain.registry.status import LastOutcome, Status
from shared.domain.runs.outcome import OutcomeStatus
from tests.builders.azure import table_id

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TAG = "AppServiceManagement"
FIRST = VersionHead("AzureCloud.AppServiceManagement-000001", TAG, "1", NOW)
RIGHT = RegisteredTable(
    RouteTableId.parse(table_id("one")),
    Registration((TAG,)),
    Status(applied_version_ids=(FIRST.version_id,), verified_at=NOW),
)
HOLD = Hold("20.0.0.0/24", True, "a", "b")
MINUTE = timedelta(minutes=1)


def seen(**status):
    return replace(RIGHT, status=replace(RIGHT.status, **status))


def state(table, newest=FIRST):
    return Standpoint(NOW, {TAG: newest}, 2).state_of(table)


def ended(status, at=NOW + MINUTE, *, waits=False):
    return LastOutcome("run", at, status, waits=waits)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (RIGHT, State.RIGHT),
        (
            replace(
                seen(last_outcome=ended(OutcomeStatus.FAILED)),
                registration=Registration((TAG,), enabled=False),
            ),
            State.OFF,
        ),
        (seen(verified_at=None), State.NEW),
        (seen(verified_at=None, watched_since=NOW - timedelta(days=2)), State.NEW),
        (seen(verified_at=None, watched_since=NOW - timedelta(days=3)), State.STALE),
        (seen(verified_at=NOW - timedelta(days=2)), State.RIGHT),
        (seen(verified_at=NOW - timedelta(days=2) - MINUTE), State.STALE),
        (seen(verified_at=NOW + MINUTE), State.RIGHT),
        (
            seen(verified_at=NOW + MINUTE, watched_since=NOW - timedelta(days=3)),
            State.STALE,
        ),
        (
            seen(
                verified_at=NOW + 2 * MINUTE,
                last_outcome=ended(OutcomeStatus.FAILED),
            ),
            State.FAILED,
        ),
        (seen(holds=(HOLD,)), State.HELD),
        (seen(contest=Contest((), NOW)), State.CONTESTED),
        (seen(contest=Contest((), NOW), holds=(HOLD,)), State.CONTESTED),
        (seen(last_outcome=ended(OutcomeStatus.CHANGED)), State.RIGHT),
        (seen(last_outcome=ended(OutcomeStatus.PLANNED)), State.PLANNED),
        (seen(last_outcome=ended(OutcomeStatus.PLANNED, waits=True)), State.WAITING),
        (seen(last_outcome=ended(OutcomeStatus.CHANGED, waits=True)), State.WAITING),
        (seen(last_outcome=ended(OutcomeStatus.CONFLICT, waits=True)), State.CONFLICT),
        (seen(last_outcome=ended(OutcomeStatus.PLANNED, NOW - MINUTE, waits=True)), State.RIGHT),
        (seen(last_outcome=ended(OutcomeStatus.CONFLICT)), State.CONFLICT),
        (seen(last_outcome=ended(OutcomeStatus.BLOCKED)), State.BLOCKED),
        (seen(last_outcome=ended(OutcomeStatus.FAILED)), State.FAILED),
        (seen(last_outcome=ended(OutcomeStatus.FAILED, NOW - MINUTE)), State.RIGHT),
        (seen(suspended=True), State.SUSPENDED),
        (seen(suspended=True, last_outcome=ended(OutcomeStatus.FAILED)), State.SUSPENDED),
    ],
)
def test_the_worst_that_is_known_counts(table, expected):
    assert state(table) is expected


def test_a_version_seen_and_not_applied_is_behind():
    second = replace(FIRST, version_id="AzureCloud.AppServiceManagement-000002")
    assert state(RIGHT, second) is State.BEHIND


@pytest.mark.parametrize(("number", "expected"), [(1, State.RIGHT), (2, State.BEHIND)])
def test_a_pinned_table_is_behind_its_own_version_and_no_other(number, expected):
    pin = Pin(f"AzureCloud.AppServiceManagement-00000{number}", "why", TAG, NOW)
    pinned = replace(RIGHT, registration=Registration((TAG,), pin=pin))
    third = replace(FIRST, version_id="AzureCloud.AppServiceManagement-000003")
    assert state(pinned, third) is expected


@pytest.mark.parametrize(
    ("mood", "states"),
    [
        (Mood.NEUTRAL, {State.OFF}),
        (Mood.GOOD, {State.RIGHT}),
        (Mood.WATCH, {State.NEW, State.BEHIND, State.HELD, State.PLANNED, State.WAITING}),
        (
            Mood.BAD,
            {
                State.STALE,
                State.CONTESTED,
                State.CONFLICT,
                State.BLOCKED,
                State.FAILED,
                State.SUSPENDED,
            },
        ),
    ],
)
def test_what_needs_a_person_is_told_from_what_does_not(mood, states):
    assert {state for state in State if state.mood is mood} == states


@pytest.mark.parametrize(
    ("waits", "state"), [(True, State.WAITING), (False, State.PLANNED)], ids=["waits", "paused"]
)
@pytest.mark.parametrize(
    ("age", "mood"),
    [(timedelta(days=2), Mood.WATCH), (timedelta(days=2) + MINUTE, Mood.BAD)],
    ids=["two days", "longer"],
)
def test_a_change_that_is_not_made_is_named_and_grave_when_the_table_is_stale(
    waits, state, age, mood
):
    table = seen(
        verified_at=NOW - age,
        last_outcome=ended(OutcomeStatus.PLANNED, NOW, waits=waits),
    )
    judged = Standpoint(NOW, {TAG: FIRST}, 2).judge(table)
    assert (judged.state, judged.mood) == (state, mood)


@pytest.mark.parametrize(("at", "run"), [(NOW + MINUTE, "run"), (NOW, "run"), (NOW - MINUTE, None)])
def test_an_outcome_counts_until_the_table_is_found_right(at, run):
    table = seen(last_outcome=ended(OutcomeStatus.FAILED, at))
    assert Standpoint(NOW, {}, 2).run_behind(table) == run
    assert Standpoint(NOW, {}, 2).run_behind(RIGHT) is None
