"""The host's clock: a test sets it, and whoever waits for a later time goes on."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from .loop import on_a_loop, settled

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def waiting(sleep):
    """Begin to sleep."""
    task = asyncio.create_task(sleep)
    await settled()
    return task


def test_the_clock_goes_on_from_where_it_is_set(host_clock):
    host_clock.set(NOON)
    first = host_clock.now()
    assert NOON <= first <= host_clock.now() < NOON + HOUR
    host_clock.reset()
    assert abs(host_clock.now() - datetime.now(UTC)) < HOUR


@pytest.mark.parametrize("name", ["sleep", "sleep_until"])
@pytest.mark.parametrize(("minutes", "ends"), [(59, False), (61, True)])
@on_a_loop
async def test_a_sleep_ends_when_the_clock_is_set_past_its_end(host_clock, name, minutes, ends):
    host_clock.set(NOON)
    sleep = host_clock.sleep(3600) if name == "sleep" else host_clock.sleep_until(NOON + HOUR)
    task = await waiting(sleep)
    assert not task.done()
    host_clock.set(NOON + timedelta(minutes=minutes))
    await settled()
    assert task.done() is ends
    task.cancel()


@on_a_loop
async def test_what_is_over_does_not_wait(host_clock):
    host_clock.set(NOON)
    await host_clock.sleep(0)
    assert await host_clock.sleep_until(NOON)


@on_a_loop
async def test_a_short_sleep_ends_by_itself_and_stays_short_if_the_clock_is_set_back(host_clock):
    host_clock.set(NOON)
    task = await waiting(host_clock.sleep(0.05))
    host_clock.set(NOON - HOUR)
    await task
    assert await host_clock.sleep_until(host_clock.now() + timedelta(seconds=0.05))


@on_a_loop
async def test_who_sleeps_until_a_moment_is_told_if_the_clock_is_set_back(host_clock):
    host_clock.set(NOON)
    task = await waiting(host_clock.sleep_until(NOON + HOUR))
    host_clock.set(NOON + HOUR / 2)
    await settled()
    assert not task.done()
    host_clock.set(NOON)
    assert await task is False
