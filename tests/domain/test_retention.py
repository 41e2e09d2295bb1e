from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain.addresses import Version
from shared.domain.retention import retained_until

A, B = "20.0.0.0/24", "20.0.1.0/24"
START = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)


def versions(*contents: tuple[str, ...]) -> list[Version]:
    """A week between each."""
    return [
        Version(f"v-{n:06}", "c", "t", str(n), START + timedelta(weeks=n), "s", (), c, None, "r")
        for n, c in enumerate(contents)
    ]


def kept(prefix, history, today, grace_days=28):
    until = retained_until([prefix], [history], grace_days=grace_days, today=today)
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
    assert retained_until([A], [[]], grace_days=28, today=date(2026, 1, 1)) == {}


def test_the_latest_departure_of_several_sources_counts():
    early, late = versions((A,), (B,)), versions((A,), (A,), (A,), (B,))
    until = retained_until([A], [early, late], grace_days=28, today=date(2026, 1, 22))
    assert until == {A: date(2026, 1, 22) + timedelta(days=28)}
