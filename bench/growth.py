"""How cost grows: from 1 to 1,000 tables, over 1 to 50 subscriptions, with 1 to 4 workers."""

import collections
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.azurite import Azurite
from local.stack import HostProcess

from .bound import bound
from .meter import Meter
from .runs import ended, requests_of, start
from .world import LANES, POSITION, World, world


@dataclass(frozen=True, slots=True)
class Case:
    """More workers at less speed: in each second as much is computed."""

    tables: int
    subscriptions: int
    workers: int
    speedup: float


CASES = (
    Case(1, 1, 1, 1),
    Case(10, 10, 1, 1),
    Case(100, 50, 1, 2),
    Case(100, 50, 2, 2),
    Case(100, 50, 4, 1.5),
    Case(1000, 50, 1, 4),
    Case(1000, 50, 2, 2.5),
    Case(1000, 50, 4, 1.5),
)


def measure() -> dict[str, Any]:
    rows = []
    for case in CASES:
        rows.append(_measured(case))
        print(f"  {_line(rows[-1])}", flush=True)
    return {"lanes": LANES, "rows": rows}


def _measured(case: Case) -> dict[str, Any]:
    calls: collections.Counter[str] = collections.Counter()
    with (
        Azurite(on_request=lambda _line: calls.update(("storage",))) as azurite,
        world(azurite, position=POSITION, speedup=case.speedup) as here,
    ):
        tables = here.add_tables(case.tables, subscriptions=case.subscriptions)
        here.register(tables)
        with here.hosts(case.workers) as hosts:
            unchanged = _run(case, here, hosts, calls)
            here.state.tags.step()
            changed = _run(case, here, hosts, calls)
    least = bound(
        case.tables,
        subscriptions=case.subscriptions,
        lanes=LANES * case.workers,
        state=here.state,
    )
    seconds = least.seconds / case.speedup
    return {
        "tables": case.tables,
        "subscriptions": case.subscriptions,
        "workers": case.workers,
        "speedup": case.speedup,
        "boundSeconds": round(seconds, 1),
        "boundBy": least.by,
        "timesBound": round(changed["seconds"] / seconds, 2),
        "changed": changed,
        "unchanged": unchanged,
    }


def _run(
    case: Case, here: World, hosts: Sequence[HostProcess], calls: collections.Counter[str]
) -> dict[str, Any]:
    """Sync all tables, and count what that took."""
    here.state.log.clear()
    calls.clear()
    own = _own_cpu(hosts)
    with Meter(host.pid for host in hosts) as meter:
        began = time.monotonic()
        run_id = start(hosts[0])
        run = ended(hosts[0], run_id)
        seconds = time.monotonic() - began
        used = meter.used()
        own = _own_cpu(hosts) - own
    if run["status"] != "Succeeded":
        raise RuntimeError(f"the run did not succeed: {run}")
    count = case.tables
    asked = requests_of(here.state)
    return {
        "seconds": round(seconds, 1),
        **{name: round(number / count, 2) for name, number in asked.items() if name != "429"},
        "met429": asked["429"],
        "storageCallsATable": round(calls["storage"] / count, 1),
        "cpuMsATable": round((used.cpu_seconds - own) * 1000 / count, 1),
        "localHostCpuMsATable": round(own * 1000 / count, 1),
        "peakMibAWorker": used.peak_mib,
    }


def _own_cpu(hosts: Sequence[HostProcess]) -> float:
    """Seconds that the local hosts have used for themselves: they are not what is deployed."""
    answers = (host.request("GET", "/local/cpu").raise_for_status() for host in hosts)
    return sum(float(answer.json()["seconds"]) for answer in answers)


def _line(row: dict[str, Any]) -> str:
    changed = row["changed"]
    return (
        f"{row['tables']:>5} tables {row['subscriptions']:>3} subscriptions {row['workers']} "
        f"workers (speedup {row['speedup']:g}): {changed['seconds']} s, {row['timesBound']} x the "
        f"bound of {row['boundSeconds']} s ({row['boundBy']}); {changed['cpuMsATable']} ms CPU and "
        f"{changed['storageCallsATable']} storage calls a table, {changed['met429']} 429s; "
        f"{changed['peakMibAWorker']} MiB a worker"
    )
