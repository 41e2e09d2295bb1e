"""A storm of alerts on the local host: the time to answer each, and the runs that it starts."""

import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from pydantic.alias_generators import to_camel

from local import sample
from local.azure.resources import RouteTable
from local.azure.state import State
from local.azurite import Azurite
from local.stack import HostProcess

from .groups import hosts_by_group
from .world import POSITION, World, world

ALERTS = 1000
DISTINCT = 200
TABLES = 200
CALLERS = 10
"""All of them send at the same time."""
MOST_AT_A_TIME = 16
"""The requests that an instance serves at a time (`perInstanceConcurrency`)."""
STORMS = 3
"""The storms under the limits of a real host."""
SPEEDUP = 2
GOAL_SECONDS = 1.0
"""The goal for the 99th percentile of the answers."""


@dataclass(frozen=True, slots=True)
class Storm:
    """The result of one storm. Times are in seconds."""

    alerts: int
    distinct: int
    tables: int
    callers: int
    at_a_time: int
    answered_within_p50: float
    answered_within_p99: float
    answered_within_max: float
    errors: int
    runs: int
    tables_written: int
    settled_after: float
    """The time from the first alert until the last run had ended."""

    @property
    def nothing_lost(self) -> bool:
        return not self.errors and self.tables_written == self.tables

    @property
    def goal_met(self) -> bool:
        is_quick = self.answered_within_p99 <= GOAL_SECONDS
        return is_quick and self.nothing_lost and self.runs <= self.distinct


def measure() -> dict[str, Any]:
    """One instance does everything, and serves as many requests at a time as the app allows."""
    return _measure(_one_host, MOST_AT_A_TIME)


def measure_one_at_a_time() -> dict[str, Any]:
    """The real host has its least: one instance for each group, and one request at a time.

    All of them share the cores of one machine here, so the median of some storms counts.
    """
    storms = [_measure(hosts_by_group, 1) for _ in range(STORMS)]
    storms.sort(key=lambda storm: float(storm["answeredWithinP99"]))
    of_each = [storm["answeredWithinP99"] for storm in storms]
    return {**storms[STORMS // 2], "answeredWithinP99OfEach": of_each}


@contextmanager
def _one_host(here: World) -> Iterator[HostProcess]:
    with here.hosts(1) as [host]:
        yield host


def _measure(
    start_hosts: Callable[[World], AbstractContextManager[HostProcess]], at_a_time: int
) -> dict[str, Any]:
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=SPEEDUP) as here:
        tables = fill(here.state)
        with start_hosts(here) as host:
            for table in tables:
                host.request("PUT", f"/api/route-tables{table}", json={}).raise_for_status()
            storm = _storm(here.state, host, _bodies(tables), at_a_time)
    measured = {to_camel(name): value for name, value in asdict(storm).items()}
    return {**measured, "goalMet": storm.goal_met}


def fill(state: State) -> list[str]:
    """Add the tables, four in each resource group, to the sample's subscriptions."""
    ids = []
    for number in range(TABLES):
        subscription = sample.SUBSCRIPTIONS[number % len(sample.SUBSCRIPTIONS)]
        group = f"/subscriptions/{subscription}/resourceGroups/rg-{number // 12}"
        resource_id = f"{group}/providers/Microsoft.Network/routeTables/rt-{number}"
        state.add_table(RouteTable(resource_id=resource_id, location="westeurope"))
        ids.append(resource_id)
    return ids


def _bodies(tables: Sequence[str]) -> list[dict[str, Any]]:
    """Make the alerts, each several times. They name tables, resource groups and subscriptions."""
    targets = [
        *tables[: DISTINCT // 2],
        *(table.split("/providers/")[0] for table in tables[: DISTINCT // 4]),
        *("/".join(table.split("/")[:3]) for table in tables[: DISTINCT // 4]),
    ]
    bodies = [alert_body(number, target) for number, target in enumerate(targets)]
    storm = bodies * (ALERTS // DISTINCT)
    random.Random(1).shuffle(storm)
    return storm


def alert_body(number: int, target: str) -> dict[str, Any]:
    """Return an alert of Azure Monitor's common schema, about something that others did."""
    essentials = {
        "alertId": f"/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/{number}",
        "alertRule": "storm",
        "monitorCondition": "Fired",
        "monitoringService": "Activity Log - Administrative",
        "alertTargetIDs": [target],
    }
    context = {"status": "Succeeded", "caller": "pipeline@example"}
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": essentials, "alertContext": context},
    }


def _storm(
    state: State, host: HostProcess, bodies: Sequence[dict[str, Any]], at_a_time: int
) -> Storm:
    # The first alert of a process waits for the imports, which must not count here.
    host.request("POST", "/api/alerts", json={}).raise_for_status()

    began = time.monotonic()
    answers = asyncio.run(_send_all(host, bodies, at_a_time))
    run_ids = {answer.run_id for answer in answers if answer.run_id}
    for run_id in run_ids:
        host.ended_run(run_id, within=600)
    settled_after = time.monotonic() - began

    seconds = [answer.seconds for answer in answers]
    percentiles = statistics.quantiles(seconds, n=100)
    return Storm(
        alerts=len(bodies),
        distinct=DISTINCT,
        tables=TABLES,
        callers=CALLERS,
        at_a_time=at_a_time,
        answered_within_p50=round(percentiles[49], 3),
        answered_within_p99=round(percentiles[98], 3),
        answered_within_max=round(max(seconds), 3),
        errors=sum(not answer.run_id for answer in answers),
        runs=len(run_ids),
        tables_written=sum(bool(table.routes) for table in state.below(RouteTable, "")),
        settled_after=round(settled_after, 1),
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    seconds: float
    run_id: str | None


async def _send_all(
    host: HostProcess, bodies: Sequence[dict[str, Any]], at_a_time: int
) -> list[_Answer]:
    # All callers take the next body from the same iterator.
    remaining = iter(bodies)
    # Azure's front end holds a request until the instance may take it.
    free = asyncio.Semaphore(at_a_time)
    headers = {"x-functions-key": host.key}
    async with httpx.AsyncClient(base_url=host.url, headers=headers, timeout=60) as client:

        async def caller() -> list[_Answer]:
            return [await _send(client, free, body) for body in remaining]

        answer_lists = await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return list(itertools.chain(*answer_lists))


async def _send(
    client: httpx.AsyncClient, free: asyncio.Semaphore, body: dict[str, Any]
) -> _Answer:
    began = time.monotonic()
    async with free:
        response = await client.post("/api/alerts", json=body)
    seconds = time.monotonic() - began

    run_id = response.json().get("runId") if response.status_code == 202 else None
    if run_id is None:
        print(f"  refused: {response.status_code} {response.text}", flush=True)
    return _Answer(seconds, run_id)
