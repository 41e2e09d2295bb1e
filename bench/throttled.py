"""A run for a thousand tables in one subscription, and meanwhile one for a table of another."""

import time
from datetime import UTC, datetime
from typing import Any

from local.azurite import Azurite
from local.stack import HostProcess

from .bound import bound
from .runs import count_requests, seconds_until_end, start, wait_for_end
from .world import POSITION, World, world

TABLES, WORKERS, SPEEDUP = 1000, 4, 2.0
MEANWHILE_AFTER_SECONDS = 20.0


def measure() -> dict[str, Any]:
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=SPEEDUP) as here:
        many = here.add_tables(TABLES, subscriptions=1)
        other = here.add_table(1, "rt-other")
        here.register([*many, other])
        # Azure's limit of bytes is not published, so the simulation's guess must not set the pace.
        here.state.throttles.limits.network_read_bytes = 10**12
        with here.hosts(WORKERS) as hosts:
            row = _measure_runs(here, hosts[0], many, other)
    print(f"  {_line(row)}", flush=True)
    return row


def _measure_runs(here: World, host: HostProcess, many: list[str], other: str) -> dict[str, Any]:
    here.state.tags.step()
    alone, _ = _time_run(host, [other])

    here.state.tags.step()
    here.state.log.clear()
    began = datetime.now(UTC)
    run_id = start(host, many)
    time.sleep(MEANWHILE_AFTER_SECONDS)
    meanwhile, counts = _time_run(host, [other])
    run = wait_for_end(host, run_id)
    seconds = seconds_until_end(run, began)

    lowest = bound(TABLES, subscriptions=1, workers=WORKERS, state=here.state)
    return {
        "tables": TABLES,
        "workers": WORKERS,
        "speedup": SPEEDUP,
        "seconds": round(seconds, 1),
        "boundSeconds": round(lowest.seconds / SPEEDUP, 1),
        "boundBy": lowest.by,
        "timesBound": round(seconds * SPEEDUP / lowest.seconds, 2),
        "met429": count_requests(here.state)["429"],
        "changed": run["counts"]["changed"],
        "failed": run["counts"]["failed"],
        "otherAloneSeconds": round(alone, 1),
        "otherMeanwhileSeconds": round(meanwhile, 1),
        "otherChanged": counts["changed"],
    }


def _time_run(host: HostProcess, tables: list[str]) -> tuple[float, dict[str, int]]:
    """Return the seconds of a run for these tables, and its counts."""
    began = datetime.now(UTC)
    run = wait_for_end(host, start(host, tables))
    return seconds_until_end(run, began), run["counts"]


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['tables']} tables in one subscription: {row['seconds']} s, {row['timesBound']} x "
        f"the bound of {row['boundSeconds']} s ({row['boundBy']}), {row['met429']} 429s, "
        f"{row['changed']} changed, {row['failed']} failed; a table of another meanwhile "
        f"{row['otherMeanwhileSeconds']} s, alone {row['otherAloneSeconds']} s"
    )
