"""Timers of the local host on Azurite: what is fired, when, and by which host."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from local.host.blobs import LEASE_SECONDS, BlobError, Blobs
from local.host.config import HostError, resolve
from local.host.timers import Timer, is_indexed
from local.host.worker import Function, InvocationFailed

from .loop import on_a_loop, settled

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAILY = "0 20 5 * * *"
FIRST, SECOND, THIRD = (datetime(2026, 11, day, 5, 20, tzinfo=UTC) for day in (24, 25, 26))
SECOND_OF_TIME = timedelta(seconds=1)
WAIT_SECONDS = 60
STATUS = "timers/local/Host.Functions.tick/status"
LOCK = "locks/local/Host.Functions.tick.Listener"
NO_STORAGE = "AccountName=a;AccountKey=eA==;BlobEndpoint=http://127.0.0.1:1/a"


def timer(schedule=DAILY, **binding):
    trigger = {"type": "timerTrigger", "name": "timer", "schedule": schedule, **binding}
    return Function("tick", "id", [trigger])


class Calls:
    """Notes the calls of a host. Each call goes on as long as it may not end."""

    def __init__(self):
        self.fail = False
        self.values: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def invoke(self, _function, datum):
        self.values.put_nowait(json.loads(datum.value))
        await self.may_end.wait()
        if self.fail:
            raise InvocationFailed("trace")

    async def next(self):
        return await asyncio.wait_for(self.values.get(), WAIT_SECONDS)


@asynccontextmanager
async def host(storage, clock, schedule=DAILY, **binding) -> AsyncIterator[Calls]:
    blobs, calls = Blobs(storage), Calls()
    listener = Timer(timer(schedule, **binding), blobs, clock, calls.invoke)
    await listener.start()
    task = asyncio.create_task(listener.keep())
    await settled()
    yield calls
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await blobs.close()


async def status(storage, **expected):
    """Return the status that is stored. Wait until it is as expected."""
    blobs = Blobs(storage)
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            stored = json.loads(await blobs.read(STATUS) or "{}")
            found = {name: datetime.fromisoformat(text) for name, text in stored.items()}
            if expected.items() <= found.items():
                await blobs.close()
                return found
            await asyncio.sleep(0.01)


@on_a_loop
async def test_nothing_fires_at_the_very_first_start(storage, host_clock):
    host_clock.set(START)
    async with host(storage, host_clock) as calls:
        stored = await status(storage, Next=FIRST)
        assert stored["Last"].year == 1
        assert abs(stored["LastUpdated"] - START) < SECOND_OF_TIME * 60
        assert calls.values.empty()

        host_clock.set(FIRST)
        assert (await calls.next())["IsPastDue"] is False
        await status(storage, Next=SECOND)
    assert calls.values.empty()


@on_a_loop
async def test_what_was_missed_while_no_host_ran_is_made_up_for_once(storage, host_clock):
    host_clock.set(START)
    async with host(storage, host_clock):
        pass
    host_clock.set(SECOND + SECOND_OF_TIME)
    async with host(storage, host_clock) as calls:
        call = await calls.next()
        assert call["IsPastDue"] is True
        assert datetime.fromisoformat(call["ScheduleStatus"]["Next"]) == FIRST
        await status(storage, Next=THIRD)

        host_clock.set(THIRD)
        assert (await calls.next())["IsPastDue"] is False
    assert calls.values.empty()


@pytest.mark.parametrize(("early", "missed"), [(-SECOND_OF_TIME * 60, 0), (SECOND_OF_TIME, 1)])
@on_a_loop
async def test_only_what_is_over_was_missed(storage, host_clock, early, missed):
    host_clock.set(START)
    async with host(storage, host_clock):
        pass
    host_clock.set(FIRST + early)
    async with host(storage, host_clock) as calls:
        await settled()
        assert calls.values.qsize() == missed


@on_a_loop
async def test_without_the_monitor_nothing_is_made_up_for(storage, host_clock):
    host_clock.set(START)
    async with host(storage, host_clock, useMonitor=False):
        pass
    host_clock.set(SECOND + SECOND_OF_TIME)
    async with host(storage, host_clock, useMonitor=False) as calls:
        assert await status(storage) == {}
        host_clock.set(THIRD)
        call = await calls.next()
        assert (call["IsPastDue"], call["ScheduleStatus"]) == (False, None)
    assert calls.values.empty()


@on_a_loop
async def test_no_status_is_kept_of_what_fires_every_second(storage, host_clock):
    host_clock.set(START)
    async with host(storage, host_clock, "* * * * * *") as calls:
        host_clock.set(FIRST)
        assert (await calls.next())["ScheduleStatus"] is None
        assert await status(storage) == {}


@on_a_loop
async def test_a_new_schedule_has_missed_nothing(storage, host_clock):
    host_clock.set(START)
    async with host(storage, host_clock):
        pass
    host_clock.set(SECOND + SECOND_OF_TIME)
    async with host(storage, host_clock, "0 0 4 * * *") as calls:
        await status(storage, Next=THIRD.replace(hour=4, minute=0))
        assert calls.values.empty()
    async with host(storage, host_clock, "0 0 3 * * *") as calls:
        await status(storage, Next=THIRD.replace(hour=3, minute=0))
        assert calls.values.empty()


@on_a_loop
async def test_a_failure_is_logged_and_not_made_up_for(storage, host_clock, caplog):
    host_clock.set(START)
    async with host(storage, host_clock) as calls:
        calls.fail = True
        host_clock.set(FIRST)
        await calls.next()
        await status(storage, Next=SECOND)
    async with host(storage, host_clock) as calls:
        host_clock.set(SECOND)
        assert (await calls.next())["IsPastDue"] is False
    assert [record.message for record in caplog.records] == ["tick failed:\ntrace"]


@on_a_loop
async def test_invocations_come_one_after_the_other(storage, host_clock):
    host_clock.set(START)
    async with host(storage, host_clock) as calls:
        calls.may_end.clear()
        host_clock.set(FIRST)
        await calls.next()
        for at in (SECOND, THIRD):
            host_clock.set(at)
            for _ in range(5):  # the host needs two requests to write that it has fired
                assert (await status(storage))["Next"] == FIRST
            assert calls.values.empty()

        # One call follows for both. It is not past due, because a host was there.
        calls.may_end.set()
        assert (await calls.next())["IsPastDue"] is False
        await status(storage, Next=THIRD + timedelta(days=1))
    assert calls.values.empty()


@on_a_loop
async def test_a_clock_that_jumps_over_several_occurrences_fires_once(storage, host_clock):
    host_clock.set(START)
    async with host(storage, host_clock) as calls:
        host_clock.set(THIRD)
        assert (await calls.next())["IsPastDue"] is False
        await status(storage, Next=THIRD + timedelta(days=1))
    assert calls.values.empty()


@on_a_loop
async def test_a_clock_that_is_set_back_chooses_the_occurrence_anew(storage, host_clock):
    host_clock.set(SECOND)
    async with host(storage, host_clock) as calls:
        host_clock.set(START)
        await status(storage, Next=FIRST)
        host_clock.set(FIRST)
        await calls.next()
    assert calls.values.empty()


@on_a_loop
async def test_two_hosts_fire_once_and_the_other_takes_over(storage, host_clock):
    host_clock.set(START)
    async with AsyncExitStack() as first:
        calls = await first.enter_async_context(host(storage, host_clock))
        async with host(storage, host_clock) as others:
            host_clock.set(FIRST)
            await calls.next()
            await status(storage, Next=SECOND)
            await first.aclose()
            assert others.values.empty()

            # The other host looks for a free lock each minute.
            for minute in range(WAIT_SECONDS * 10):
                host_clock.set(SECOND + timedelta(minutes=minute))
                if not others.values.empty():
                    break
                await asyncio.sleep(0.1)
            await others.next()
            await status(storage, Next=THIRD)
    assert calls.values.empty()
    assert others.values.empty()


@on_a_loop
async def test_the_lock_is_a_lease_that_ends_with_the_host(storage, host_clock):
    blobs = Blobs(storage)
    async with host(storage, host_clock):
        assert await blobs.acquire(LOCK) is None
    lease = str(await blobs.acquire(LOCK))
    await blobs.renew(LOCK, lease)
    with pytest.raises(BlobError, match="409"):
        await blobs.renew(LOCK, "00000000-0000-0000-0000-000000000000")
    await blobs.close()


@on_a_loop
async def test_the_lock_is_renewed_half_way(storage, host_clock, monkeypatch):
    renewed: asyncio.Queue[str] = asyncio.Queue()

    async def note(_blobs, name, _lease):
        renewed.put_nowait(name)

    monkeypatch.setattr(Blobs, "renew", note)
    half = timedelta(seconds=LEASE_SECONDS / 2)
    host_clock.set(START)
    async with host(storage, host_clock):
        for number in (1, 2):
            host_clock.set(START + (number - 0.5) * half)
            await settled()
            assert renewed.empty()
            host_clock.set(START + number * half + SECOND_OF_TIME)
            assert await asyncio.wait_for(renewed.get(), WAIT_SECONDS) == LOCK


@on_a_loop
async def test_status_and_lock_are_blobs_of_the_hosts_own_container(host_clock):
    lines: list[str] = []
    with Azurite(on_request=lines.append) as azurite:
        async with host(azurite.connection_string(), host_clock):
            pass
    for blob in (STATUS, LOCK):
        assert any(f"/azure-webjobs-hosts/{blob}" in line for line in lines)


@on_a_loop
async def test_a_schedule_that_never_comes_is_waited_for(storage, host_clock):
    host_clock.set(START)
    async with host(storage, host_clock, "0 0 6 31 2 *") as calls:
        assert (await status(storage))["Next"].year == 9999
        host_clock.set(datetime(2099, 3, 1, tzinfo=UTC))
        await settled()
        assert calls.values.empty()


@on_a_loop
async def test_without_storage_the_host_lives_and_says_so(host_clock, caplog):
    async with host(NO_STORAGE, host_clock) as calls:
        assert calls.values.empty()
    [record] = caplog.records
    assert "'tick' did not start" in record.message
    assert "sig=" not in record.message


@pytest.mark.parametrize("schedule", ["0 0 6 * * 7", "%NO_SUCH_SETTING%", "%EMPTY%", ""])
def test_a_timer_with_a_wrong_schedule_is_one_error_and_one_warning(schedule, caplog, monkeypatch):
    monkeypatch.setenv("EMPTY", "")
    assert not is_indexed(timer(schedule))
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert all("Functions.tick" in record.message for record in caplog.records)


def test_every_other_function_is_indexed(caplog):
    assert is_indexed(timer())
    assert is_indexed(Function("x", "id", [{"type": "httpTrigger"}]))
    assert caplog.records == []


def test_a_setting_that_a_binding_names_must_be_there(monkeypatch):
    monkeypatch.setenv("SOME_SCHEDULE", "x")
    assert resolve("%SOME_SCHEDULE%") == "x"
    with pytest.raises(HostError, match="NO_SUCH_SETTING"):
        resolve("%NO_SUCH_SETTING%")
