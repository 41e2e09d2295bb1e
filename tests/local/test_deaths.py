"""A worker or a whole host that dies with a table in hand, and how soon another one goes on."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from azure.storage.queue import QueueClient

import function_app
from local.azure.faults import Delay, InjectedFault
from local.azure.server import SimulatedAzure
from local.azurite import ROOT, Azurite
from local.host.config import queue_options
from local.host.queues import LEASE_SECONDS
from local.stack import HostProcess
from tests.builders.azure import add_table, table_writes, tag_document
from tests.conftest import MakeHost

WITHIN_SECONDS = 60
MARGIN_SECONDS = 20
"""The test itself takes some of the time for which a message is hidden."""
VISIBILITY_SECONDS = queue_options(ROOT, {}).visibility_timeout.total_seconds()


@pytest.fixture
def moved_azurite() -> Iterator[Azurite]:
    with Azurite() as running:
        yield running


def begin(azure: SimulatedAzure, host: HostProcess) -> str:
    """Start a run, and return its id while a read of its table is slow."""
    table = add_table(azure.state, "one")
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    host.request("PUT", f"/api/route-tables{table.resource_id}", json={}).raise_for_status()

    slow = InjectedFault(method="GET", path="/routeTables/one$", effect=Delay(seconds=2))
    azure.state.faults.append(slow)
    run_id = str(host.request("POST", "/api/sync", json={}).raise_for_status().json()["runId"])
    until(lambda: slow.times == 0)
    return run_id


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def is_hidden(storage: Azurite) -> bool:
    queue = QueueClient.from_connection_string(storage.connection_string(), function_app.TABLES)
    return not queue.peek_messages() and queue.get_queue_properties().approximate_message_count == 1


def test_if_the_worker_dies_its_table_goes_on_after_the_visibility_timeout(
    azure: SimulatedAzure, make_host: MakeHost, moved_azurite: Azurite
) -> None:
    host = make_host(AzureWebJobsStorage=moved_azurite.connection_string())
    run_id = begin(azure, host)
    worker = host.worker_pid
    os.kill(worker, signal.SIGKILL)
    until(lambda: host.worker_pid != worker)
    until(lambda: any("sync_route_table failed" in line for line in host.errors))

    moved_azurite.forward(VISIBILITY_SECONDS - MARGIN_SECONDS)
    assert is_hidden(moved_azurite)
    moved_azurite.forward(MARGIN_SECONDS)
    assert host.ended_run(run_id)["status"] == "Succeeded"
    assert len(table_writes(azure.state)) == 1


def test_if_the_host_dies_its_table_goes_on_when_the_lease_has_ended(
    azure: SimulatedAzure, make_host: MakeHost, moved_azurite: Azurite
) -> None:
    storage = {"AzureWebJobsStorage": moved_azurite.connection_string()}
    dead = make_host(**storage)
    run_id = begin(azure, dead)
    os.kill(dead.pid, signal.SIGKILL)

    other = make_host(**storage)
    moved_azurite.forward(LEASE_SECONDS - MARGIN_SECONDS)
    assert is_hidden(moved_azurite)
    moved_azurite.forward(MARGIN_SECONDS)
    assert other.ended_run(run_id)["status"] == "Succeeded"
    assert len(table_writes(azure.state)) == 1
