from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.addresses import Version
from shared.domain.routing.grace import SourceHistory, retained_until

A, B = "20.0.0.0/24", "20.0.1.0/24"
START = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)


def versions(*contents: tuple[str, ...]) -> list[Version]:
    """A week between each."""
    return [
        Version(f"v-{n:06}", "c", "t", str(n), START + timedelta(weeks=n), (), c, None, "r")
        for n, c in enumerate(contents)
    ]


def kept(prefix, history, today, grace_days=28):
    until = retained_until([prefix], [SourceHistory(history)], grace_days=grace_days, today=today)
    return until.get(prefix)


@pytest.mark.parametrize(("days", "stays"), [(27, True), (28, False)])
def test_a_route_stays_until_its_grace_is_over(days, stays):
    history = versions((A, B), (B,))
    left = date(2026, 1, 8)
    until = kept(A, history, left + timedelta(days=days))
    assert until == (left + timedelta(days=28) if stays else None)


def test_without_grace_nothing_stays():
    assert kept(A, versions((A, B), (B,)), date(2026, 1, 8), grace_days=0) is None


def test_an_address_that_came_back_left_with_its_last_departure():
    history = versions((A,), (B,), (A,), (B,))
    assert kept(A, history, date(2026, 1, 22)) == date(2026, 1, 22) + timedelta(days=28)


def test_what_no_version_holds_left_with_the_first_one():
    assert kept("20.9.9.0/24", versions((A,), (B,)), date(2026, 1, 2)) == date(2026, 1, 29)


def test_with_no_version_at_all_nothing_is_known():
    assert retained_until([A], [SourceHistory([])], grace_days=28, today=date(2026, 1, 1)) == {}


def test_the_latest_departure_of_several_sources_counts():
    early, late = versions((A,), (B,)), versions((A,), (A,), (A,), (B,))
    histories = [SourceHistory(early), SourceHistory(late)]
    until = retained_until([A], histories, grace_days=28, today=date(2026, 1, 22))
    assert until == {A: date(2026, 1, 22) + timedelta(days=28)}


@pytest.mark.parametrize(
    ("weeks", "left_after"),
    [
        (1.5, 1.5),  # it had the address when the registration lost it
        (3.5, 3),  # it had left by itself before that
    ],
)
def test_what_a_lost_source_had_left_when_it_was_lost(weeks, left_after):
    other = SourceHistory(versions((B,)))
    ended_at = START + timedelta(weeks=weeks)
    lost = SourceHistory(versions((A,), (A, B), (A,), (B,), (A,)), ended_at)
    until = retained_until([A], [other, lost], grace_days=28, today=ended_at.date())
    left = START + timedelta(weeks=left_after)
    assert until == {A: left.date() + timedelta(days=28)}


DAYS = st.integers(0, 60)


@given(st.lists(st.booleans(), min_size=1, max_size=12), DAYS, DAYS)
def test_whatever_came_and_went_the_last_departure_and_whole_days_count(there, grace, after):
    history = versions(*((A, B) if there_now else (B,) for there_now in there))
    departures = [n for n in range(1, len(there)) if there[n - 1] and not there[n]]
    left = (START + timedelta(weeks=max(departures, default=0))).date()
    today = left + timedelta(days=after)
    assert (kept(A, history, today, grace) is not None) == (after < grace)
