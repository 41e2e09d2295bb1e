"""The host's clock. A waiting test sets it, instead of sleeping."""

import asyncio
from datetime import UTC, datetime, timedelta

import time_machine


class Clock:
    """Goes on by itself, as every clock does, and can be set for the whole process.

    Sleepers must run in the event loop of whoever sets it.
    """

    def __init__(self) -> None:
        self._travel: time_machine.travel | None = None
        self._changed = asyncio.Event()

    @property
    def is_set(self) -> bool:
        return self._travel is not None

    def now(self) -> datetime:
        return datetime.now(UTC)

    def set(self, now: datetime) -> None:
        self.reset()
        self._travel = time_machine.travel(now, tick=True)
        self._travel.start()

        # Everyone who sleeps looks at the clock again.
        self._changed.set()
        self._changed = asyncio.Event()

    def reset(self) -> None:
        """Show the real time again."""
        if self._travel is not None:
            self._travel.stop()
            self._travel = None

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds, or when the clock is set past their end.

        If the clock is set back, these seconds get no longer.
        """
        moment = self.now() + timedelta(seconds=seconds)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds

        while (left := min(end - loop.time(), self._seconds_until(moment))) > 0:
            await self._changes_within(left)

    async def sleep_until(self, moment: datetime) -> bool:
        """Return True when the clock shows this moment.

        Return False if the clock is set back meanwhile: then the caller may have to choose another
        moment.
        """
        left = self._seconds_until(moment)
        while left > 0:
            is_changed = await self._changes_within(left)
            before, left = left, self._seconds_until(moment)
            if is_changed and left > before:
                return False
        return True

    async def _changes_within(self, seconds: float) -> bool:
        """Wait until the clock is set. Return whether this happened within so many seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds()
