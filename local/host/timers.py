"""Timer triggers by NCRONTAB: six fields, seconds first. Day and weekday must both match."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime

from azure_functions_runtime.bindings.datumdef import Datum
from croniter import croniter

from .clock import Clock
from .config import HostError, resolve
from .worker import Function

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


async def keep(function: Function, invoke: Invoke, clock: Clock) -> None:
    """Fire one timer until cancelled. After several missed occurrences, fire it once."""
    schedule = schedule_of(function)

    while True:
        at = due(schedule, clock.now())
        if await clock.sleep_until(at):
            past_due = due(schedule, at) <= clock.now()
            await invoke(function, timer_datum(past_due=past_due))


def timer_datum(*, past_due: bool = False) -> Datum:
    return Datum(json.dumps({"IsPastDue": past_due, "Schedule": {}, "ScheduleStatus": {}}), "json")
