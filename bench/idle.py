"""A run for one table on an idle app and an Azure without latency: the waits for the queues."""

import statistics
import time
from typing import Any

from local.azure.state import State
from local.azurite import Azurite
from local.stack import HostProcess

from .runs import start
from .world import POLL_SECONDS, POSITION, answer_at_once, let_listeners_rest, world

RUNS = 5
"""As many versions are left to step through."""
GOAL_SECONDS = 5.0


def measure() -> dict[str, Any]:
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=1) as here:
        answer_at_once(here.state)
        here.register(here.add_tables(1, subscriptions=1))
        with here.hosts(1) as [host]:
            _time_run(host)  # the first run waits for the imports
            seconds = [_time_changed_run(here.state, host) for _ in range(RUNS)]

    print(f"  {', '.join(f'{one:.1f}' for one in sorted(seconds))} s", flush=True)
    return {
        "runs": RUNS,
        "pollSeconds": POLL_SECONDS,
        "medianSeconds": round(statistics.median(seconds), 1),
        "longestSeconds": round(max(seconds), 1),
        "goalMet": max(seconds) < GOAL_SECONDS,
    }


def _time_changed_run(state: State, host: HostProcess) -> float:
    let_listeners_rest()
    state.tags.step()
    return _time_run(host)


def _time_run(host: HostProcess) -> float:
    began = time.monotonic()
    host.ended_run(start(host))
    return time.monotonic() - began
