"""A host whose worker has five threads: tables that wait for Azure keep nobody else waiting."""

import asyncio
import threading
from typing import ClassVar

import pytest

from local.azure.faults import Delay, InjectedFault
from tests.builders.azure import add_table
from tests.builders.clocks import LONGEST_SECONDS
from tests.builders.runs import register

TABLES = 24


class Held(Delay):
    """Keeps each request until all may go on."""

    begun: ClassVar = threading.Semaphore(0)
    may_go_on: ClassVar = threading.Event()

    async def before(self, call):
        self.begun.release()
        # The event is set by another thread.
        while not self.may_go_on.is_set():  # noqa: ASYNC110
            await asyncio.sleep(self.seconds)


@pytest.fixture
def host(azure, app, make_host):
    """A host with registered tables. Azure does not answer to any read of them."""
    names = [f"rt-{number}" for number in range(TABLES)]
    for name in names:
        add_table(azure.state, name)
    register(app, *names)

    held = InjectedFault(method="GET", path="routeTables/", effect=Held(seconds=0.01), times=999)
    azure.state.faults.append(held)
    yield make_host(PYTHON_THREADPOOL_THREAD_COUNT="5")
    Held.may_go_on.set()


def test_an_alert_is_answered_while_every_table_waits_for_azure(host):
    run_id = host.request("POST", "/api/sync", json={}).raise_for_status().json()["runId"]
    assert sum(Held.begun.acquire(timeout=LONGEST_SECONDS) for _ in range(TABLES)) == TABLES
    answer = host.request("POST", "/api/alerts", json={}, timeout=LONGEST_SECONDS)
    assert answer.status_code == 202
    assert host.request("GET", f"/api/runs/{run_id}").json()["status"] == "Running"
    Held.may_go_on.set()
    assert host.ended_run(run_id)["status"] == "Succeeded"
