"""The runs and the check of a month: what they do that Azure bills, at two numbers of tables.

A part of each count depends on the tables, and a part does not. One number of tables cannot tell
them apart. `bench/bill.py` makes a month of these counts.
"""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from local.azure.event_topic import QUEUE as EVENTS
from local.azurite import Azurite
from local.stack import HostProcess

from .runs import count_requests
from .storage_calls import (
    StorageCall,
    are_settled,
    busy_seconds,
    executions,
    operations,
    read_call,
)
from .stored import stored_bytes
from .world import LANES, POSITION, QUEUE_SETTINGS, World, world

TABLES = (LANES, 3 * LANES)
"""One wave of tables, and three."""
SUBSCRIPTIONS = 4
SHORTEST_SECONDS = 1.0
"""Flex Consumption bills at least so many for a period in which an instance works.

Source: Microsoft's page "Azure Functions Flex Consumption plan hosting", Billing.
"""
_SETTINGS = {
    "LOG_LEVEL": "INFO",
    # The waits for polls are random, and Azure does not bill them.
    f"{QUEUE_SETTINGS}maxPollingInterval": "00:00:00.2",
}
_RECORD = re.compile(r"[A-Z]+ ase_route_sync: (.*)")
_WITHIN_SECONDS = 120.0
_PAUSE_SECONDS = 0.2
_QUIET_SECONDS = 1.0

type Counts = dict[str, Any]


def measure() -> dict[str, Any]:
    cases = [_measure_case(tables) for tables in TABLES]
    kinds = {kind: [case[kind] for case in cases] for kind in cases[0]}
    return {"tables": list(TABLES), **kinds}


def _measure_case(tables: int) -> dict[str, Counts]:
    calls: list[StorageCall] = []

    def note(line: str) -> None:
        if call := read_call(line):
            calls.append(call)

    with Azurite(on_request=note) as azurite, world(azurite, position=POSITION, speedup=1) as here:
        here.state.topic.send_to(azurite.connection_string())
        here.register(here.add_tables(tables, subscriptions=SUBSCRIPTIONS))
        with HostProcess({**here.settings, **_SETTINGS}) as host:
            return _measure_kinds(Watch(here, host, calls))


def _measure_kinds(watch: "Watch") -> dict[str, Counts]:
    # The first run and the first check import everything, and the first check also has alarms.
    watch.fire("scheduled_sync", "run")
    watch.fire("daily_check", "check")

    counts = {
        "unchanged": watch.fire("scheduled_sync", "run"),
        "check": watch.fire("daily_check", "check"),
    }
    watch.here.state.tags.step()
    counts["changed"] = watch.fire("scheduled_sync", "run")
    return counts


@dataclass(frozen=True, slots=True)
class Watch:
    """Fires timers and counts what follows."""

    here: World
    host: HostProcess
    calls: list[StorageCall]

    def fire(self, function: str, record: str) -> Counts:
        """Count from the timer until the app has logged this record and no message is left."""
        stored = stored_bytes(self.here.storage.connection_string())
        # Azurite tells of a call a moment after it has answered.
        time.sleep(_PAUSE_SECONDS)
        self.here.state.log.clear()
        self.calls.clear()
        first_line, began = len(self.host.errors), time.monotonic()
        self.host.fire(function)

        messages = self._until_settled(first_line, record)
        calls = list(self.calls)
        # The timer of a run only sends a message.
        seconds = _last_work(calls) - began if record == "check" else SHORTEST_SECONDS
        counts = _counts(calls, messages, seconds)
        counts["executions"][to_camel(function)] = 1
        counts["rowBytes"] = stored_bytes(self.here.storage.connection_string()) - stored
        print(f"  {function}, {record}: {counts}", flush=True)
        return counts

    def _until_settled(self, first_line: int, record: str) -> Sequence[str]:
        """Return the messages that the app has logged."""
        ends = time.monotonic() + _WITHIN_SECONDS
        while time.monotonic() < ends:
            time.sleep(_PAUSE_SECONDS)
            messages = _logged(self.host.errors[first_line:])
            if any(_kind(message) == record for message in messages) and self._is_settled():
                return messages
        raise TimeoutError(f"no end of {record} within {_WITHIN_SECONDS:g} s")

    def _is_settled(self) -> bool:
        """Each write has an event, which may come after the run has ended."""
        calls = list(self.calls)
        events = sum(call.sends for call in calls if call.queue == EVENTS)
        all_came = events == count_requests(self.here.state)["writes"]
        is_quiet = time.monotonic() - _last_work(calls) > _QUIET_SECONDS
        return all_came and is_quiet and are_settled(calls)


def _last_work(calls: Sequence[StorageCall]) -> float:
    """Return when the last call ended that was not only a look at a queue."""
    return max(call.at for call in calls if not call.looks)


def _counts(calls: Sequence[StorageCall], messages: Sequence[str], seconds: float) -> Counts:
    """Count what Azure bills. `seconds` is the time of the timer's own function."""
    of_functions = executions(calls)
    runs = [json.loads(message) for message in messages if _kind(message) == "run"]
    if any(run["status"] != "Succeeded" for run in runs):
        raise RuntimeError(f"a run did not succeed: {runs}")

    # Each group of functions has instances of its own, so their times add up.
    busy = sum(run["durationMs"] / 1000 for run in runs) + busy_seconds(calls, EVENTS)
    return {
        "executions": {to_camel(name): count for name, count in sorted(of_functions.items())},
        "seconds": round(seconds + busy + SHORTEST_SECONDS * of_functions["start_run"], 1),
        **operations(calls),
        "storageChanges": sum(call.changes for call in calls),
        "messagesSent": sum(call.sends for call in calls if call.queue != EVENTS),
        "events": sum(call.sends for call in calls if call.queue == EVENTS),
        "logRecords": len(messages),
        "logBytes": sum(len(message.encode()) for message in messages),
    }


def _logged(lines: Sequence[str]) -> list[str]:
    return [found[1] for found in map(_RECORD.fullmatch, lines) if found]


def _kind(message: str) -> str:
    """Return the kind of the record, which stands first in its JSON."""
    return message.removeprefix('{"record": "').partition('"')[0]
