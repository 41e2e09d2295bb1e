"""Changing tables on a host whose worker has five threads, and on one that has 32."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event
from typing import Any

from local.azurite import Azurite
from local.stack import HostProcess

from .runs import start, wait_for_end
from .world import POSITION, World, world

TABLES, SPEEDUP = 12, 2.0
FEW, MANY = 5, 32
TIMES = 2
"""The better of two runs counts."""
_POLLING = "AzureFunctionsJobHost__extensions__queues__maxPollingInterval"
BETWEEN_CALLS_SECONDS = 0.1


def measure() -> dict[str, Any]:
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=SPEEDUP) as here:
        here.register(here.add_tables(TABLES, subscriptions=1))
        many, _ = _measure_host(here, MANY)
        few, other = _measure_host(here, FEW)
    row = {
        "tables": TABLES,
        "speedup": SPEEDUP,
        "few": FEW,
        "many": MANY,
        "secondsWithFew": round(few, 1),
        "secondsWithMany": round(many, 1),
        "ratio": round(few / many, 2),
        "otherCallSeconds": round(other, 2),
    }
    print(f"  {row}", flush=True)
    return row


def _measure_host(here: World, threads: int) -> tuple[float, float]:
    """Return the seconds of the shortest run, and of the longest other call meanwhile."""
    # The waits of the host are random, so they must be short here.
    settings = {"PYTHON_THREADPOOL_THREAD_COUNT": str(threads), _POLLING: "00:00:00.1"}
    with here.hosts(1, **settings) as [host]:
        # The first run imports everything and changes nothing.
        _time_run(host)
        measured = [_time_changing_run(here, host) for _ in range(TIMES)]
    runs, calls = zip(*measured, strict=True)
    return min(runs), max(calls)


def _time_changing_run(here: World, host: HostProcess) -> tuple[float, float]:
    here.state.tags.step()
    ended = Event()
    with ThreadPoolExecutor(1) as beside:
        longest_call = beside.submit(_longest_call, host, ended)
        try:
            seconds = _time_run(host)
        finally:
            ended.set()
    return seconds, longest_call.result()


def _time_run(host: HostProcess) -> float:
    """Return the seconds by the run's own times: the bench looks for its end once a second."""
    run = wait_for_end(host, start(host))
    if run["status"] != "Succeeded":
        raise RuntimeError(f"the run did not succeed: {run}")
    began, finished = (datetime.fromisoformat(run[at]) for at in ("startedAt", "finishedAt"))
    return (finished - began).total_seconds()


def _longest_call(host: HostProcess, ended: Event) -> float:
    """Send alerts that are about nothing until the run has ended."""
    longest = 0.0
    while not ended.wait(BETWEEN_CALLS_SECONDS):
        began = time.monotonic()
        host.request("POST", "/api/alerts", json={}).raise_for_status()
        longest = max(longest, time.monotonic() - began)
    return longest
