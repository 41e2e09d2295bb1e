"""Growth: 1 to 1,000 tables in 1 to 50 subscriptions, with 1 to 4 workers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.azurite import Azurite
from local.stack import HostProcess

from .bound import bound
from .meter import Meter
from .runs import count_requests, start, wait_for_end
from .world import LANES, POSITION, World, world


@dataclass(frozen=True, slots=True)
class Case:
    """Cases with more workers have less speed, so that a second has about the same work.

    All workers, the queues and the simulated Azure share the cores of one machine.
    """

    tables: int
    subscriptions: int
    workers: int
    speedup: float


CASES = (
    Case(1, 1, 1, 1),
    Case(10, 10, 1, 1),
    Case(100, 50, 1, 1.5),
    Case(100, 50, 2, 1.5),
    Case(100, 50, 4, 1),
    Case(1000, 50, 1, 3),
    Case(1000, 50, 2, 2),
    Case(1000, 50, 4, 1),
)


def measure() -> dict[str, Any]:
    rows = []
    for case in CASES:
        rows.append(_measure_case(case))
        print(f"  {_line(rows[-1])}", flush=True)
    return {"lanes": LANES, "rows": rows}


def _measure_case(case: Case) -> dict[str, Any]:
    storage_calls: list[str] = []
    with (
        Azurite(on_request=storage_calls.append) as azurite,
        world(azurite, position=POSITION, speedup=case.speedup) as here,
    ):
        tables = here.add_tables(case.tables, subscriptions=case.subscriptions)
        here.register(tables)
        with here.hosts(case.workers) as hosts:
            unchanged = _measure_run(case, here, hosts, storage_calls)
            here.state.tags.step()
            changed = _measure_run(case, here, hosts, storage_calls)

    lowest = bound(
        case.tables,
        subscriptions=case.subscriptions,
        workers=case.workers,
        state=here.state,
    )
    seconds = lowest.seconds / case.speedup
    return {
        "tables": case.tables,
        "subscriptions": case.subscriptions,
        "workers": case.workers,
        "speedup": case.speedup,
        "boundSeconds": round(seconds, 1),
        "boundBy": lowest.by,
        "timesBound": round(changed["seconds"] / seconds, 2),
        "changed": changed,
        "unchanged": unchanged,
    }


def _measure_run(
    case: Case, here: World, hosts: Sequence[HostProcess], storage_calls: list[str]
) -> dict[str, Any]:
    """Sync all tables, and return the costs, most of them per table."""
    here.state.log.clear()
    storage_calls.clear()
    with (
        Meter(host.worker_pid for host in hosts) as workers,
        Meter(host.pid for host in hosts) as local_hosts,
    ):
        began = time.monotonic()
        run = wait_for_end(hosts[0], start(hosts[0]))
        seconds = time.monotonic() - began
        usage, host_usage = workers.usage(), local_hosts.usage()
    if run["status"] != "Succeeded":
        raise RuntimeError(f"the run did not succeed: {run}")

    count = case.tables
    requests = count_requests(here.state)
    return {
        "seconds": round(seconds, 1),
        **{name: round(requests[name] / count, 2) for name in ("reads", "writes", "polls")},
        "met429": requests["429"],
        "storageCallsATable": round(len(storage_calls) / count, 1),
        "cpuMsATable": round(usage.cpu_seconds * 1000 / count, 1),
        "localHostCpuMsATable": round(host_usage.cpu_seconds * 1000 / count, 1),
        "peakMibAWorker": usage.peak_mib,
    }


def _line(row: dict[str, Any]) -> str:
    changed = row["changed"]
    return (
        f"{row['tables']:>5} tables {row['subscriptions']:>3} subscriptions {row['workers']} "
        f"workers (speedup {row['speedup']:g}): {changed['seconds']} s, {row['timesBound']} x the "
        f"bound of {row['boundSeconds']} s ({row['boundBy']}); {changed['cpuMsATable']} ms CPU and "
        f"{changed['storageCallsATable']} storage calls per table, {changed['met429']} 429s; "
        f"{changed['peakMibAWorker']} MiB per worker"
    )
