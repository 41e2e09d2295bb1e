"""How cost grows: from 1 to 1,000 tables, over 1 to 50 subscriptions, with 1 to 4 workers."""

import collections
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.azure.operations import OperationApi
from local.azure.state import State
from local.azurite import Azurite
from local.host.config import queue_options
from local.stack import HostProcess

from .bound import bound
from .meter import Meter
from .world import World, world

POSITION = 32
"""In the tag's history: five versions are left to step through."""
_LOOKED_EVERY_SECONDS = 1.0


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
    Case(1000, 50, 1, 4),
    Case(100, 50, 2, 2),
    Case(100, 50, 4, 1),
    Case(1000, 50, 4, 1),
)
_QUEUES = queue_options(Path(__file__).parents[1], {})
LANES = _QUEUES.batch_size + _QUEUES.new_batch_threshold
"""Tables that one worker has in hand at a time, as host.json says."""


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


def requests_of(state: State) -> dict[str, int]:
    """What Azure was asked: of route tables, of operations, and what it refused for too many."""
    counts = dict.fromkeys(("reads", "writes", "polls", "429"), 0)
    for entry in state.log:
        if entry["status"] == 429:
            counts["429"] += 1
        elif f"/{OperationApi.kind.rsplit('/', 1)[1]}/" in entry["path"]:
            counts["polls"] += 1
        elif "/routeTables/" in entry["path"]:
            counts["reads" if entry["method"] == "GET" else "writes"] += 1
    return counts


def start(host: HostProcess, tables: Sequence[str] | None = None) -> str:
    body = {} if tables is None else {"routeTables": list(tables)}
    answer = host.request("POST", "/api/sync", json=body).raise_for_status()
    return str(answer.json()["runId"])


def ended(host: HostProcess, run_id: str, within: float = 600) -> dict[str, Any]:
    """The run as the list has it: a report of a thousand tables is work of its own."""
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        time.sleep(_LOOKED_EVERY_SECONDS)
        listed = host.request("GET", "/api/runs?top=5").raise_for_status().json()["value"]
        for run in listed:
            if run["runId"] == run_id and run["status"] != "Running":
                found: dict[str, Any] = run
                return found
    raise TimeoutError(f"run {run_id} not ended within {within} s")


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
