"""Which location of the service tags moves, stands still, or flips."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.locations import (
    FLIP_NOTICE,
    STALE_AFTER,
    Standing,
    stale_locations,
    standing_after,
)
from tests.builders.azure import tag_document

START = datetime(2026, 3, 4, 6, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def numbered(number):
    return {**tag_document(["20.0.0.0/24"]), "changeNumber": str(number)}


def standing(*answers):
    """How a location stands that answered these numbers, each on its day."""
    found = None
    for day, number in answers:
        found = standing_after(found, numbered(number), START + day * DAY)
    return found


def stale(now, **locations):
    standings = {name: standing(*answers) for name, answers in locations.items()}
    return stale_locations(standings, START + now)


@pytest.mark.parametrize(("now", "expected"), [(STALE_AFTER - SECOND, set()), (STALE_AFTER, {"a"})])
def test_it_stands_still_for_35_days_while_another_moves(now, expected):
    assert stale(now, a=[(0, 1)], b=[(0, 1), (1, 2)]) == expected


@pytest.mark.parametrize(("days", "expected"), [(6, set()), (7, {"a"})])
def test_a_location_has_a_week_to_follow(days, expected):
    assert stale((100 + days) * DAY, a=[(0, 1)], b=[(0, 1), (100, 2)]) == expected
    assert stale((100 + days) * DAY, a=[(0, 1)], b=[(0, 1), (100, 2), (104, 3)]) == expected


def test_where_none_moves_all_count():
    assert stale(400 * DAY, a=[(0, 1)], b=[(0, 2)]) == set()


def test_a_location_that_was_only_earlier_with_the_same_counts():
    assert stale(400 * DAY, a=[(0, 1), (7, 2)], b=[(0, 1), (8, 2)]) == set()


def test_a_location_that_flips_between_what_it_had_stands_still():
    flips = [(day, 1 + day % 2) for day in range(40)]
    assert stale(40 * DAY, a=flips, b=[(0, 1), (7, 3)]) == {"a"}


def test_what_was_seen_while_the_clock_ran_ahead_hides_nothing():
    frozen, moving = standing((0, 1), (400, 2)), standing((0, 1), (400, 2), (401, 1))
    repaired = START + DAY
    frozen, moving = frozen.until(repaired), moving.until(repaired)
    assert (frozen.moved_at, moving.moved_at) == (repaired, repaired)
    assert not moving.flips(repaired + FLIP_NOTICE + SECOND)
    for at, number in ((7, 3), (14, 4)):
        moving = standing_after(moving, numbered(number), START + at * DAY)
    later = repaired + STALE_AFTER
    assert stale_locations({"a": frozen, "b": moving}, later) == {"a"}
    assert moving.until(later) == moving


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200), st.integers(1, 9)), min_size=1)
)
def test_the_location_that_moved_last_counts_whatever_happened(events):
    standings: dict[str, Standing] = {}
    for name, day, number in sorted(events, key=lambda event: event[1]):
        at = START + day * DAY
        standings[name] = standing_after(standings.get(name), numbered(number), at)
    last = max(standings, key=lambda name: standings[name].moved_at)
    assert last not in stale_locations(standings, START + 500 * DAY)


@pytest.mark.parametrize(
    ("answers", "flips"),
    [
        ([(0, 1)], False),
        ([(0, 1), (1, 2), (2, 3)], False),
        ([(0, 1), (1, 2), (2, 2)], False),
        ([(0, 1), (1, 2), (2, 1)], True),
        ([(0, 1), (1, 2), (2, 1), (3, 2)], True),
        ([(0, 1), (1, 2), (2, 1), (3, 3)], True),
    ],
)
def test_a_location_that_goes_back_flips(answers, flips):
    assert standing(*answers).flips(START + 3 * DAY) is flips


def test_a_flip_is_told_for_a_week():
    found = standing((0, 1), (1, 2), (2, 1))
    assert found.flips(START + 2 * DAY + FLIP_NOTICE)
    assert not found.flips(START + 2 * DAY + FLIP_NOTICE + SECOND)


def test_the_order_of_an_answer_is_no_move():
    first = standing_after(None, tag_document(["20.0.0.0/24", "20.0.1.0/24"]), START)
    turned = tag_document(["20.0.1.0/24", "20.0.0.0/24"])
    assert standing_after(first, turned, START + DAY) == first


def test_another_content_with_the_same_number_is_a_move():
    first = standing_after(None, tag_document(["20.0.0.0/24"]), START)
    moved = standing_after(first, tag_document(["20.0.1.0/24"]), START + DAY)
    assert moved.moved_at == START + DAY


def test_what_is_kept_has_a_bound():
    found = standing(*((day, day) for day in range(100)))
    assert len(found.first_seen) == 20
    assert found.moved_at == START + 99 * DAY


_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@given(_values, _values)
def test_whatever_a_location_answers_it_stands_somewhere(tag, values):
    for document in ({"values": values}, {"values": [{"properties": tag}, tag]}):
        assert standing_after(None, document, START).moved_at == START
