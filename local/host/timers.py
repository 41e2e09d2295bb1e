"""Timer triggers by NCRONTAB: six fields, seconds first. Day and weekday must both match."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from azure_functions_runtime.bindings.datumdef import Datum
from croniter import croniter

from .config import HostError, resolve
from .worker import Function

TICK_SECONDS = 0.2
"""Tests may set the clock at any moment, so look often instead of sleeping long."""

type Invoke = Callable[[Function, Datum], Awaitable[object]]


def schedule_of(function: Function) -> str:
    """Raise HostError if the setting is missing or is not NCRONTAB."""
    text = resolve(function.trigger["schedule"])
    if len(text.split()) != 6 or not croniter.is_valid(text, second_at_beginning=True):
        raise HostError(f"{function.name}: the schedule expression '{text}' is not valid.")
    return text


def due(schedule: str, after: datetime) -> datetime:
    """Return the next occurrence."""
    occurrences = croniter(
        schedule, after, ret_type=datetime, second_at_beginning=True, day_or=False
    )
    following: datetime = occurrences.get_next()
    return following


async def keep(function: Function, invoke: Invoke) -> None:
    """Fire one timer until cancelled. After several missed occurrences, fire it once."""
    schedule = schedule_of(function)
    now = datetime.now(UTC)
    at = due(schedule, now)

    while True:
        await asyncio.sleep(TICK_SECONDS)
        before, now = now, datetime.now(UTC)
        if now < before:  # the clock was set back
            at = due(schedule, now)

        if now >= at:
            past_due = due(schedule, at) <= now
            at = due(schedule, now)
            await invoke(function, timer_datum(past_due=past_due))


def timer_datum(*, past_due: bool = False) -> Datum:
    return Datum(json.dumps({"IsPastDue": past_due, "Schedule": {}, "ScheduleStatus": {}}), "json")
