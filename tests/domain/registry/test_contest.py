"""When a table is contested."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.registry.contest import (
    BETWEEN_WRITES,
    MOST_KEPT,
    WITHIN,
    Contest,
    Undoing,
    is_undone,
)
from shared.domain.routing.changes import Change, Changes
from tests.builders.routes import owned

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
A, B = "20.0.0.0/24", "20.0.1.0/24"
SECOND = timedelta(seconds=1)


def after(*times, by=()):
    contest = Contest()
    for at in times:
        contest = contest.with_undoing(Undoing(at, f"run-{at}", by))
    return contest


def test_undone_once_is_drift():
    assert after(NOW).since is None


@pytest.mark.parametrize(
    ("apart", "contested"),
    [(timedelta(0), True), (WITHIN, True), (WITHIN + SECOND, False)],
)
def test_undone_twice_within_seven_days_is_a_contest(apart, contested):
    assert (after(NOW, NOW + apart).since is not None) is contested


def test_a_contest_stays_one_however_long_it_is_quiet():
    contest = after(NOW, NOW + SECOND, NOW + timedelta(days=90))
    assert contest.since == NOW + SECOND


@pytest.mark.parametrize(
    ("later", "waits"),
    [(timedelta(0), True), (BETWEEN_WRITES - SECOND, True), (BETWEEN_WRITES, False)],
)
def test_a_contested_table_waits_for_an_hour(later, waits):
    contest = after(NOW, NOW + SECOND)
    assert contest.waits(NOW + SECOND + later) is waits
    assert not after(NOW).waits(NOW)


@given(ahead=st.timedeltas(min_value=SECOND, max_value=timedelta(days=4000)))
def test_what_was_recorded_while_the_clock_ran_ahead_makes_nothing_wait(ahead):
    contest = after(NOW + ahead, NOW + ahead + SECOND)
    assert contest.since is not None
    assert not contest.waits(NOW)


@given(ahead=st.timedeltas(min_value=SECOND, max_value=timedelta(days=4000)))
def test_what_was_recorded_while_the_clock_ran_ahead_is_not_recent(ahead):
    assert after(NOW + ahead, NOW).since is None


def test_it_names_who_was_seen_to_do_it():
    assert "pipeline" in str(after(NOW, NOW + SECOND, by=("pipeline",)))
    assert "whom no event and no alert has named" in str(after(NOW, NOW + SECOND))


def test_of_a_long_quarrel_only_the_end_is_kept():
    contest = after(*(NOW + timedelta(hours=n) for n in range(100)))
    assert len(contest.undone) == MOST_KEPT
    assert contest.since == NOW + timedelta(hours=1)


def changes(before, after_):
    return Changes({A: Change(before, after_)})


@pytest.mark.parametrize(
    ("left", "before", "after_", "undone"),
    [
        (None, None, owned(A), False),
        (set(), None, owned(A), False),
        ({A}, None, owned(A), True),
        ({B}, None, owned(A), False),
        ({A}, owned(A, "None"), owned(A), True),
        ({A}, owned(A), None, False),
        ({B}, owned(A), None, True),
    ],
)
def test_undone_is_what_has_to_be_done_again(left, before, after_, undone):
    left = None if left is None else frozenset(left)
    assert is_undone(left, changes(before, after_)) is undone


def test_nothing_to_do_is_nothing_undone():
    assert not is_undone(frozenset({A}), Changes())
