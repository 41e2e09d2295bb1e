"""Timer triggers."""

import json
import logging
from collections.abc import Awaitable, Callable

from azure_functions_runtime.bindings.datumdef import Datum

from . import ncrontab
from .clock import Clock
from .config import HostError, resolve
from .ncrontab import Schedule
from .worker import Function

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


async def keep(function: Function, invoke: Invoke, clock: Clock) -> None:
    """Fire one timer until cancelled. After several missed occurrences, fire it once."""
    schedule = _schedule_of(function)

    while True:
        at = schedule.following(clock.now())
        if await clock.sleep_until(at):
            past_due = schedule.following(at) <= clock.now()
            await invoke(function, timer_datum(past_due=past_due))


def timer_datum(*, past_due: bool = False) -> Datum:
    return Datum(json.dumps({"IsPastDue": past_due, "Schedule": {}, "ScheduleStatus": {}}), "json")
