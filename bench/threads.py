"""Changing tables on a host whose worker has five threads, and on one that has 32."""

from typing import Any

from local.azurite import Azurite
from local.stack import HostProcess

from .other_calls import OtherCalls
from .runs import time_run
from .world import FAST_SERVICE, LANES, POSITION, QUEUE_SETTINGS, World, world

TABLES, SPEEDUP = LANES, 1.0
TIMES = 2
"""The better of two runs counts."""


def measure() -> dict[str, Any]:
    with (
        Azurite() as azurite,
        world(azurite, position=POSITION, speedup=SPEEDUP, service=FAST_SERVICE) as here,
    ):
        here.register(here.add_tables(TABLES, subscriptions=1))
        many, _ = _measure_host(here, 32)
        few, other = _measure_host(here, 5)
    row = {
        "tables": TABLES,
        "speedup": SPEEDUP,
        "secondsFive": round(few, 1),
        "secondsThirtyTwo": round(many, 1),
        "ratio": round(few / many, 2),
        "otherCallSeconds": round(other, 2),
    }
    print(f"  {row}", flush=True)
    return row


def _measure_host(here: World, threads: int) -> tuple[float, float]:
    """Return the seconds of the shortest run, and of the longest other call meanwhile."""
    # The waits of the host are random, so they must be short here.
    settings = {
        "PYTHON_THREADPOOL_THREAD_COUNT": str(threads),
        f"{QUEUE_SETTINGS}maxPollingInterval": "00:00:00.1",
    }
    with here.hosts(1, **settings) as [host]:
        # The first run imports everything and changes nothing.
        time_run(host)
        measured = [_time_changing_run(here, host) for _ in range(TIMES)]
    runs, calls = zip(*measured, strict=True)
    return min(runs), max(calls)


def _time_changing_run(here: World, host: HostProcess) -> tuple[float, float]:
    here.state.tags.step()
    with OtherCalls(host) as calls:
        seconds = time_run(host)
    return seconds, calls.slowest
