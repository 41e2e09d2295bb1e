"""Lists for others: the newest version, and what is still in its grace."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.addresses import Version
from shared.domain.routing.grace import SourceHistory, departures, retained_until
from shared.domain.routing.plain_list import Family, PlainList

A, B, C, D = "20.0.0.0/24", "20.0.1.0/24", "20.0.10.0/24", "2603:1030::/48"
START = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
LEFT = date(2026, 1, 8)


def history(*contents: tuple[str, ...]) -> list[Version]:
    """A week between each."""
    return [
        Version(f"v-{n:06}", "c", "t", str(n), START + timedelta(weeks=n), (), c, None, "r")
        for n, c in enumerate(contents)
    ]


def listed(*contents, today, grace_days=28):
    return PlainList.of(history(*contents), grace_days=grace_days, today=today)


@pytest.mark.parametrize(("days", "stays"), [(0, True), (27, True), (28, False)])
def test_what_left_stays_until_its_grace_is_over(days, stays):
    found = listed((A, B), (B, C), today=LEFT + timedelta(days=days))
    assert found.prefixes(Family.ALL) == ((A, B, C) if stays else (B, C))
    assert found.retained == ({A: LEFT + timedelta(days=28)} if stays else {})


def test_without_grace_nothing_stays():
    assert listed((A, B), (B,), today=LEFT, grace_days=0).prefixes(Family.ALL) == (B,)


def test_what_came_back_is_not_retained():
    found = listed((A, B), (B,), (A, B), today=date(2026, 1, 15))
    assert (found.prefixes(Family.ALL), found.retained) == ((A, B), {})


@pytest.mark.parametrize(
    ("days", "changed_at"),
    [
        (27, datetime(2026, 1, 8, 23, 30, tzinfo=UTC)),
        (28, datetime(2026, 2, 5, tzinfo=UTC)),
        (90, datetime(2026, 2, 5, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_grace_changes_the_list(days, changed_at):
    found = listed((A, B), (B,), today=LEFT + timedelta(days=days))
    assert found.changed_at == changed_at


def test_a_family_has_its_own_prefixes_in_numerical_order():
    found = listed((D, C, A, B), today=LEFT)
    assert found.prefixes(Family.ALL) == (A, B, C, D)
    assert found.prefixes(Family.IPV4) == (A, B, C)
    assert found.prefixes(Family.IPV6) == (D,)


contents = st.lists(st.sets(st.sampled_from([A, B, C, D])).map(tuple), min_size=1, max_size=7)


@given(contents, st.integers(0, 60), st.integers(0, 100))
def test_a_list_keeps_exactly_what_a_route_table_keeps(contents, grace_days, day):
    versions, today = history(*contents), START.date() + timedelta(days=day)
    gone = {prefix for version in versions for prefix in version.address_prefixes}
    gone -= set(versions[-1].address_prefixes)
    routes = retained_until(gone, [SourceHistory(versions)], grace_days=grace_days, today=today)
    found = PlainList.of(versions, grace_days=grace_days, today=today)
    assert found.retained == routes
    assert set(departures(versions)) == gone
