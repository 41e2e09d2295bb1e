"""The waits of a listener whose queue is empty."""

import pytest

from local.host.backoff import Backoff


def waits(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next_wait() for _ in range(count)]


def test_each_wait_adds_about_twice_as_much_and_the_longest_one_is_exact():
    for _ in range(50):
        first, *middle, last, after = waits(Backoff(2), 8)
        assert first == 0.1
        for wait, added in zip(middle, (0.1, 0.2, 0.4, 0.8, 1.6), strict=True):
            assert min(2, 0.1 + 0.8 * added) <= wait <= min(2, 0.1 + 1.2 * added)
        assert (last, after) == (2, 2)


def test_the_waits_of_two_listeners_differ():
    assert len({tuple(waits(Backoff(60), 5)) for _ in range(20)}) == 20


def test_after_a_message_the_waits_begin_anew():
    backoff = Backoff(2)
    assert waits(backoff, 8)[-1] == 2
    backoff.found()
    assert waits(backoff, 8)[0] == 0.1


@pytest.mark.parametrize("longest", [0.1, 0.15, 1, 30])
def test_no_wait_is_longer_than_the_longest(longest):
    backoff = Backoff(longest)
    assert max(waits(backoff, 2000)) == longest
