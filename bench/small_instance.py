"""A run on a quarter of a core, as an instance of 512 MB has it: how near the deadlines are."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from local.azurite import Azurite
from local.stack import COLD, HostProcess, start_command
from shared.deadline import LONGEST_INVOCATION_SECONDS
from shared.domain.runs.run import MAX_RUN_TIME

from .meter import Meter
from .other_calls import OtherCalls
from .runs import seconds_of_tables, seconds_until_end, start, wait_for_end
from .share import CannotLimit, share
from .world import POSITION, World, world

TABLES = 24
CORES = 0.25
INSTANCE_MB, PLATFORM_MB = 512, 272
"""The memory of the smallest instance, and what Azure adds for the system and the host.

Source: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#instance-sizes
"""
HOST_MIB = 198
"""The Functions host 4.1037.0 took so much at most, beside the worker."""
START_SECONDS = 30.0
"""Flex Consumption gives an app so long to start, and nobody can change it (the same page)."""
ANSWER_SECONDS = 230.0
"""The front end of Azure answers an HTTP caller with an error then."""


def measure() -> dict[str, Any]:
    """Measure without a limit, and on a quarter of a core if this machine can limit it."""
    rows = [_measure_run(None, ())]
    try:
        with share(CORES) as limited:
            rows.append(_measure_run(CORES, limited))
    except CannotLimit as error:
        print(f"  the processor cannot be limited here: {error}", flush=True)

    return {
        "tables": TABLES,
        "instanceMb": INSTANCE_MB,
        "platformMb": PLATFORM_MB,
        "hostMib": HOST_MIB,
        "deadlines": {
            "startSeconds": START_SECONDS,
            "runSeconds": MAX_RUN_TIME.total_seconds(),
            "tableSeconds": LONGEST_INVOCATION_SECONDS,
            "answerSeconds": ANSWER_SECONDS,
        },
        "rows": rows,
    }


def _measure_run(cores: float | None, limited: Sequence[str]) -> dict[str, Any]:
    """Change all tables with a host that has just started, as on an instance that Azure adds."""
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=1) as here:
        here.register(here.add_tables(TABLES, subscriptions=1))
        here.state.tags.step()

        began = time.monotonic()
        with _host(here, limited) as host:
            host.request("GET", "/api/health").raise_for_status()
            seconds = time.monotonic() - began
            row = {"cores": cores, "startSeconds": round(seconds, 1), **_measure_changes(host)}
    print(f"  {row}", flush=True)
    return row


@contextmanager
def _host(here: World, limited: Sequence[str]) -> Iterator[HostProcess]:
    """Start a host whose process and worker share the limit."""
    with HostProcess(here.settings, start=partial(start_command, (*limited, *COLD))) as host:
        yield host
    for line in host.errors:
        print(f"  the host wrote: {line}", flush=True)


def _measure_changes(host: HostProcess) -> dict[str, Any]:
    with Meter([host.worker_pid]) as worker, Meter([host.pid]) as local_host:
        seconds, longest, slowest = _change_all(host)
        usage, host_usage = worker.usage(), local_host.usage()
    return {
        "runSeconds": round(seconds, 1),
        "tableSeconds": round(longest, 1),
        "answerSeconds": round(slowest, 2),
        "cpuSeconds": round(usage.cpu_seconds + host_usage.cpu_seconds, 1),
        "peakMibAWorker": usage.peak_mib,
    }


def _change_all(host: HostProcess) -> tuple[float, float, float]:
    """Return the seconds of the run, of its longest table, and of the slowest other answer."""
    began = datetime.now(UTC)
    with OtherCalls(host) as calls:
        run = wait_for_end(host, start(host))
    longest = max(seconds_of_tables(host, run["runId"]))
    return seconds_until_end(run, began), longest, calls.slowest
