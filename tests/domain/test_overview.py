"""How a table stands, at a glance."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.addresses import VersionHead
from shared.domain.armid import RouteTableId
from shared.domain.people.overview import Mood, Standpoint, State
from shared.domain.registry.contest import Contest
from shared.domain.registry.holds import Hold
from shared.domain.registry.registration import Registration
from shared.domain.registry.state import LastOutcome
from shared.domain.runs.outcome import OutcomeStatus
from tests.builders import table_id

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TAG = "AppServiceManagement"
FIRST = VersionHead("AzureCloud.AppServiceManagement-000001", TAG, "1", NOW)
RIGHT = Registration(
    RouteTableId.parse(table_id("one")),
    (TAG,),
    applied_version_ids=(FIRST.version_id,),
    verified_at=NOW,
)
HOLD = Hold("20.0.0.0/24", True, "a", "b")
MINUTE = timedelta(minutes=1)


def state(table, newest=FIRST):
    return Standpoint(NOW, {TAG: newest}, 2).state_of(table)


def ended(status, at=NOW + MINUTE):
    return LastOutcome("run", at, status)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (RIGHT, State.RIGHT),
        (replace(RIGHT, enabled=False, last_outcome=ended(OutcomeStatus.FAILED)), State.OFF),
        (replace(RIGHT, verified_at=None), State.NEW),
        (replace(RIGHT, verified_at=None, watched_since=NOW - timedelta(days=2)), State.NEW),
        (replace(RIGHT, verified_at=None, watched_since=NOW - timedelta(days=3)), State.STALE),
        (replace(RIGHT, verified_at=NOW - timedelta(days=2)), State.RIGHT),
        (replace(RIGHT, verified_at=NOW - timedelta(days=2) - MINUTE), State.STALE),
        (replace(RIGHT, holds=(HOLD,)), State.HELD),
        (replace(RIGHT, contest=Contest((), NOW)), State.CONTESTED),
        (replace(RIGHT, contest=Contest((), NOW), holds=(HOLD,)), State.CONTESTED),
        (replace(RIGHT, last_outcome=ended(OutcomeStatus.CHANGED)), State.RIGHT),
        (replace(RIGHT, last_outcome=ended(OutcomeStatus.PLANNED)), State.WAITING),
        (replace(RIGHT, last_outcome=ended(OutcomeStatus.CONFLICT)), State.CONFLICT),
        (replace(RIGHT, last_outcome=ended(OutcomeStatus.BLOCKED)), State.BLOCKED),
        (replace(RIGHT, last_outcome=ended(OutcomeStatus.FAILED)), State.FAILED),
        (replace(RIGHT, last_outcome=ended(OutcomeStatus.FAILED, NOW - MINUTE)), State.RIGHT),
    ],
)
def test_the_worst_that_is_known_counts(table, expected):
    assert state(table) is expected


def test_a_version_seen_and_not_applied_is_behind():
    second = replace(FIRST, version_id="AzureCloud.AppServiceManagement-000002")
    assert state(RIGHT, second) is State.BEHIND


@pytest.mark.parametrize(
    ("mood", "states"),
    [
        (Mood.GOOD, {State.RIGHT, State.OFF}),
        (Mood.WATCH, {State.NEW, State.BEHIND, State.HELD, State.WAITING}),
        (
            Mood.BAD,
            {State.STALE, State.CONTESTED, State.CONFLICT, State.BLOCKED, State.FAILED},
        ),
    ],
)
def test_what_needs_a_person_is_told_from_what_does_not(mood, states):
    assert {state for state in State if state.mood is mood} == states
