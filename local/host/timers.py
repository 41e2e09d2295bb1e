"""Timer triggers. If a timer missed occurrences while no host ran, it fires once at the next start.

The status is a blob, as in the real host. A lock takes care that only one of several hosts on the
same storage fires a timer.
Sources: TimerListener.cs, ScheduleMonitor.cs and StorageScheduleMonitor.cs of
Azure/azure-webjobs-sdk-extensions.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from azure_functions_runtime.bindings.datumdef import Datum

from . import ncrontab
from .blobs import LEASE_SECONDS, BlobError, Blobs
from .clock import Clock
from .config import HostError, resolve
from .ncrontab import Schedule
from .worker import Function, InvocationFailed

HOST_ID = "local"
LOCK_RETRY_SECONDS = 60

_NOT_YET = datetime.min.replace(tzinfo=UTC)

type Invoke = Callable[[Function, Datum], Awaitable[object]]

_log = logging.getLogger("local.host")


def is_indexed(function: Function) -> bool:
    """Return False and log it if the schedule of a timer is wrong. The other functions run on."""
    if function.trigger["type"] == "timerTrigger":
        try:
            _schedule_of(function)
        except HostError as error:
            _log.error("Error indexing method 'Functions.%s'. %s", function.name, error)
            _log.warning(
                "Function 'Functions.%s' failed indexing and will be disabled.", function.name
            )
            return False
    return True


def _schedule_of(function: Function) -> Schedule:
    """Raise HostError if the setting is missing, or if it is not a schedule."""
    text = resolve(function.trigger["schedule"])
    try:
        return ncrontab.parse(text)
    except ValueError:
        raise HostError(
            f"The schedule expression '{text}' was not recognized as a valid cron expression or"
            " timespan string."
        ) from None


@dataclass(frozen=True, slots=True)
class Status:
    """When a timer has fired last, when it fires next, and from which time this was reckoned."""

    last: datetime
    next: datetime
    updated: datetime

    @classmethod
    def first(cls, schedule: Schedule, now: datetime) -> Self:
        return cls(_NOT_YET, schedule.following(now), now)

    @classmethod
    def fired(cls, schedule: Schedule, at: datetime) -> Self:
        return cls(at, schedule.following(at), at)

    @classmethod
    def read(cls, text: str) -> Self:
        given = json.loads(text)
        last, following, updated = (
            datetime.fromisoformat(given[name]) for name in ("Last", "Next", "LastUpdated")
        )
        return cls(last, following, updated)

    def write(self) -> dict[str, str]:
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }

    def under(self, schedule: Schedule, now: datetime) -> Self:
        """Return the status under this schedule, which may have changed since.

        If a new schedule has occurrences in the past, it has not missed them.
        """
        base = self.updated if self.last == _NOT_YET else self.last
        expected = schedule.following(base)
        if expected == self.next:
            return self
        if now > expected:
            return type(self).first(schedule, now)
        return replace(self, last=_NOT_YET, next=expected, updated=base)


class Timer:
    def __init__(self, function: Function, blobs: Blobs, clock: Clock, invoke: Invoke) -> None:
        self._function = function
        self._schedule = _schedule_of(function)
        is_monitored = function.trigger.get("useMonitor", True)
        self._is_monitored = is_monitored and not self._schedule.is_frequent
        self._blobs = blobs
        self._clock = clock
        self._invoke = invoke

        name = f"Host.Functions.{function.name}"
        self._status_blob = f"timers/{HOST_ID}/{name}/status"
        self._lock_blob = f"locks/{HOST_ID}/{name}.Listener"
        self._lock: str | None = None
        self._status = Status.first(self._schedule, clock.now())
        self._is_past_due = False

    async def start(self) -> None:
        """Take the lock, if no other host has it, and look whether an occurrence was missed."""
        try:
            lock = await self._blobs.acquire(self._lock_blob)
            if lock is not None:
                await self._begin()
                self._lock = lock
        except BlobError as error:
            _log.error("The listener for function '%s' did not start. %s", self._name, error)

    async def keep(self) -> None:
        """Fire the timer until cancelled. The next invocation waits for the one before it."""
        while self._lock is None:
            await self._clock.sleep(LOCK_RETRY_SECONDS)
            await self.start()

        renewing = asyncio.create_task(self._renew(self._lock))
        try:
            while True:
                if self._is_past_due or await self._clock.sleep_until(self._status.next):
                    await self._fire()
                else:
                    await self._store(Status.first(self._schedule, self._clock.now()))
        finally:
            renewing.cancel()
            with suppress(BlobError):
                await self._blobs.release(self._lock_blob, self._lock)

    @property
    def _name(self) -> str:
        return self._function.name

    async def _begin(self) -> None:
        now = self._clock.now()
        text = await self._blobs.read(self._status_blob) if self._is_monitored else None
        if text is None:
            await self._store(Status.first(self._schedule, now))
            return

        stored = Status.read(text)
        self._status = stored.under(self._schedule, now)
        if self._status != stored:
            await self._store(self._status)
        self._is_past_due = now > self._status.next

    async def _fire(self) -> None:
        """Call the function. If it fails, that is not made up for."""
        is_past_due, self._is_past_due = self._is_past_due, False
        now = self._clock.now()
        status = self._status if self._is_monitored else None
        try:
            await self._invoke(self._function, timer_datum(status, past_due=is_past_due))
        except InvocationFailed as error:
            _log.error("%s failed:\n%s", self._name, error)

        at = now if is_past_due else max(now, self._status.next)
        await self._store(Status.fired(self._schedule, at))

    async def _store(self, status: Status) -> None:
        self._status = status
        if self._is_monitored:
            try:
                await self._blobs.write(self._status_blob, json.dumps(status.write()))
            except BlobError as error:
                _log.error(
                    "Function '%s' failed to update the timer trigger status. %s", self._name, error
                )

    async def _renew(self, lock: str) -> None:
        while True:
            await self._clock.sleep(LEASE_SECONDS / 2)
            try:
                await self._blobs.renew(self._lock_blob, lock)
            except BlobError as error:
                _log.warning("The lock of '%s' was not renewed. %s", self._name, error)


def timer_datum(status: Status | None = None, *, past_due: bool = False) -> Datum:
    value = {
        "IsPastDue": past_due,
        "Schedule": {},
        "ScheduleStatus": None if status is None else status.write(),
    }
    return Datum(json.dumps(value), "json")
