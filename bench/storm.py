"""A storm of alerts on the local host: how soon each is answered, and how many runs it starts."""

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from local import sample
from local.azure.resources import RouteTable
from local.azure.state import State
from local.azurite import Azurite
from local.stack import HostProcess

from .world import POSITION, world

ALERTS = 1000
DISTINCT = 200
TABLES = 200
CALLERS = 10
"""At once."""
SPEEDUP = 2
GOAL_SECONDS = 1.0
"""For the 99th percentile of the answers."""


@dataclass(frozen=True, slots=True)
class Storm:
    """What one storm came to. Times are in seconds."""

    alerts: int
    distinct: int
    tables: int
    callers: int
    answered_within_p50: float
    answered_within_p99: float
    answered_within_max: float
    errors: int
    runs: int
    settled_after: float
    """From the first alert until the last run had ended."""

    @property
    def goals_met(self) -> bool:
        quick = self.answered_within_p99 <= GOAL_SECONDS
        return quick and self.runs <= self.distinct and not self.errors


def measure() -> dict[str, Any]:
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=SPEEDUP) as here:
        tables = _fill(here.state)
        with HostProcess(here.settings) as host:
            for table in tables:
                host.request("PUT", f"/api/route-tables{table}", json={}).raise_for_status()
            storm = _storm(host, _bodies(tables))
    return {**asdict(storm), "goals_met": storm.goals_met}


def _fill(state: State) -> list[str]:
    """Tables in groups of four, in as many subscriptions as the sample has."""
    ids = []
    for number in range(TABLES):
        subscription = sample.SUBSCRIPTIONS[number % len(sample.SUBSCRIPTIONS)]
        group = f"/subscriptions/{subscription}/resourceGroups/rg-{number // 12}"
        resource_id = f"{group}/providers/Microsoft.Network/routeTables/rt-{number}"
        state.add_table(RouteTable(resource_id=resource_id, location="westeurope"))
        ids.append(resource_id)
    return ids


def _bodies(tables: Sequence[str]) -> list[dict[str, Any]]:
    """Each alert as often as it is distinct times over: single tables, whole groups, everything."""
    targets = [
        *tables[: DISTINCT // 2],
        *(table.split("/providers/")[0] for table in tables[: DISTINCT // 4]),
        *("/".join(table.split("/")[:3]) for table in tables[: DISTINCT // 4]),
    ]
    bodies = [_body(number, target) for number, target in enumerate(targets)]
    storm = bodies * (ALERTS // DISTINCT)
    random.Random(1).shuffle(storm)
    return storm


def _body(number: int, target: str) -> dict[str, Any]:
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


def _storm(host: HostProcess, bodies: Sequence[dict[str, Any]]) -> Storm:
    # The first alert of a process pays for its imports: no storm's business.
    host.request("POST", "/api/alerts", json={}).raise_for_status()
    began = time.monotonic()
    answers = asyncio.run(_send_all(host, bodies))
    run_ids = {answer.run_id for answer in answers if answer.run_id}
    for run_id in run_ids:
        host.ended_run(run_id, within=600)
    settled = time.monotonic() - began
    seconds = sorted(answer.seconds for answer in answers)
    hundredths = statistics.quantiles(seconds, n=100)
    return Storm(
        alerts=len(bodies),
        distinct=DISTINCT,
        tables=TABLES,
        callers=CALLERS,
        answered_within_p50=round(hundredths[49], 3),
        answered_within_p99=round(hundredths[98], 3),
        answered_within_max=round(seconds[-1], 3),
        errors=sum(not answer.run_id for answer in answers),
        runs=len(run_ids),
        settled_after=round(settled, 1),
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    seconds: float
    run_id: str | None


async def _send_all(host: HostProcess, bodies: Sequence[dict[str, Any]]) -> list[_Answer]:
    waiting = iter(bodies)
    answers: list[_Answer] = []
    headers = {"x-functions-key": host.key}
    async with httpx.AsyncClient(base_url=host.url, headers=headers, timeout=60) as client:

        async def caller() -> None:
            for body in waiting:
                began = time.monotonic()
                answer = await client.post("/api/alerts", json=body)
                seconds = time.monotonic() - began
                run_id = answer.json().get("runId") if answer.status_code == 202 else None
                if run_id is None:
                    print(f"  not taken: {answer.status_code} {answer.text}", flush=True)
                answers.append(_Answer(seconds, run_id))

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return answers
