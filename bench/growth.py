"""Growth: 1 to 1,000 tables in 1 to 50 subscriptions, with 1 to 4 workers."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.azurite import Azurite
from local.stack import HostProcess

from .bound import bound
from .calibration import loop_ms
from .meter import Meter
from .runs import count_requests, seconds_of_tables, seconds_until_end, start, wait_for_end
from .storage_calls import operations, read_call
from .world import (
    FAST_SERVICE,
    LANES,
    POSITION,
    SLOW_SERVICE,
    World,
    let_listeners_rest,
    world,
)


@dataclass(frozen=True, slots=True)
class Case:
    """Cases with more workers have less speed, so that a second has about the same work.

    All workers, the queues and the simulated Azure share the cores of one machine.
    """

    tables: int
    subscriptions: int
    workers: int
    speedup: float = 1.0
    service: tuple[float, float] = SLOW_SERVICE


SLOW_CASES = (
    Case(1, 1, 1),
    Case(10, 10, 1),
    Case(100, 50, 1),
    Case(100, 50, 2),
    Case(100, 50, 4),
    Case(1000, 50, 1, speedup=2),
    Case(1000, 50, 2, speedup=1.5),
    Case(1000, 50, 4),
)
FAST_CASES = (
    Case(1, 1, 1, service=FAST_SERVICE),
    Case(10, 10, 1, service=FAST_SERVICE),
    Case(100, 50, 1, service=FAST_SERVICE),
    Case(1000, 50, 1, service=FAST_SERVICE),
)


def measure() -> dict[str, Any]:
    return {
        "lanes": LANES,
        "rows": [_measure_case(case) for case in SLOW_CASES],
        "fastRows": [_measure_case(case) for case in FAST_CASES],
    }


def _measure_case(case: Case) -> dict[str, Any]:
    storage_calls: list[str] = []
    calibration = loop_ms()
    with (
        Azurite(on_request=storage_calls.append) as azurite,
        world(azurite, position=POSITION, speedup=case.speedup, service=case.service) as here,
    ):
        tables = here.add_tables(case.tables, subscriptions=case.subscriptions)
        here.register(tables)
        with here.hosts(case.workers) as hosts:
            unchanged = _measure_run(case, here, hosts, storage_calls)
            let_listeners_rest(case.speedup)
            here.state.tags.step()
            changed = _measure_run(case, here, hosts, storage_calls)
            changed["loopsATable"] = round(changed["cpuMsATable"] / calibration, 1)

    lowest = bound(
        case.tables,
        subscriptions=case.subscriptions,
        workers=case.workers,
        state=here.state,
    )
    seconds = lowest.seconds / case.speedup
    row = {
        "tables": case.tables,
        "subscriptions": case.subscriptions,
        "workers": case.workers,
        "speedup": case.speedup,
        "operationSeconds": list(case.service),
        "calibrationMs": calibration,
        "boundSeconds": round(seconds, 1),
        "boundBy": lowest.by,
        "timesBound": round(changed["seconds"] / seconds, 2),
        "changed": changed,
        "unchanged": unchanged,
    }
    print(f"  {_line(row)}", flush=True)
    return row


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
        began = datetime.now(UTC)
        run = wait_for_end(hosts[0], start(hosts[0]))
        usage, host_usage = workers.usage(), local_hosts.usage()

    count = case.tables
    requests = count_requests(here.state)
    calls = operations(filter(None, map(read_call, storage_calls)))
    return {
        "seconds": round(seconds_until_end(run, began), 1),
        "tableSeconds": round(statistics.median(seconds_of_tables(hosts[0], run["runId"])), 1),
        **{name: round(requests[name] / count, 2) for name in ("reads", "writes", "polls")},
        "met429": requests["429"],
        "storageCallsATable": round(calls["tableOperations"] / count, 1),
        "queueCallsATable": round(calls["queueOperations"] / count, 1),
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
