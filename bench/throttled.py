"""A thousand tables in one subscription, and a run meanwhile for a table of another."""

import time
from typing import Any

from local.azurite import Azurite
from local.stack import HostProcess

from .bound import bound
from .runs import ended, requests_of, start
from .world import LANES, POSITION, World, world

TABLES, WORKERS, SPEEDUP = 1000, 4, 2.0
MEANWHILE_AFTER_SECONDS = 20.0


def measure() -> dict[str, Any]:
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=SPEEDUP) as here:
        many = here.add_tables(TABLES, subscriptions=1)
        other = here.add_table(1, "rt-other")
        here.register([*many, other])
        # How many bytes may be read is nowhere published: what the simulated Azure takes for it
        # would set the pace here.
        here.state.throttles.limits.network_read_bytes = 10**12
        with here.hosts(WORKERS) as hosts:
            measured = _measured(here, hosts[0], many, other)
    print(f"  {_line(measured)}", flush=True)
    return measured


def _measured(here: World, host: HostProcess, many: list[str], other: str) -> dict[str, Any]:
    here.state.tags.step()
    alone, _ = _timed(host, [other])
    here.state.tags.step()
    here.state.log.clear()
    began = time.monotonic()
    run_id = start(host, many)
    time.sleep(MEANWHILE_AFTER_SECONDS)
    meanwhile, counts = _timed(host, [other])
    run = ended(host, run_id)
    seconds = time.monotonic() - began
    least = bound(TABLES, subscriptions=1, lanes=LANES * WORKERS, state=here.state)
    return {
        "tables": TABLES,
        "workers": WORKERS,
        "speedup": SPEEDUP,
        "seconds": round(seconds, 1),
        "boundSeconds": round(least.seconds / SPEEDUP, 1),
        "boundBy": least.by,
        "timesBound": round(seconds * SPEEDUP / least.seconds, 2),
        "met429": requests_of(here.state)["429"],
        "changed": run["counts"]["changed"],
        "failed": run["counts"]["failed"],
        "otherAloneSeconds": round(alone, 1),
        "otherMeanwhileSeconds": round(meanwhile, 1),
        "otherChanged": counts["changed"],
    }


def _timed(host: HostProcess, tables: list[str]) -> tuple[float, dict[str, int]]:
    began = time.monotonic()
    run = ended(host, start(host, tables))
    return time.monotonic() - began, run["counts"]


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['tables']} tables in one subscription: {row['seconds']} s, {row['timesBound']} x "
        f"the bound of {row['boundSeconds']} s ({row['boundBy']}), {row['met429']} 429s, "
        f"{row['changed']} changed, {row['failed']} failed; a table of another meanwhile "
        f"{row['otherMeanwhileSeconds']} s, alone {row['otherAloneSeconds']} s"
    )
