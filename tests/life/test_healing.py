"""A worker or an instance that dies in mid-run: the messages of its tables come again."""

import os
import signal
import threading

import pytest

from local.azurite import ROOT, Azurite
from local.host.config import queue_options
from local.host.queues import LEASE_SECONDS
from tests.builders.azure import add_table
from tests.builders.clocks import LONGEST_SECONDS
from tests.builders.runs import register

TABLES = ("one", "two", "three")
PAUSE_SECONDS = queue_options(ROOT, {}).visibility_timeout.total_seconds()
POLLING = "AzureFunctionsJobHost__extensions__queues__maxPollingInterval"


class Watched(Azurite):
    """Storage whose clock a test moves. It tells what the host asks of the queue of tables."""

    def __init__(self) -> None:
        super().__init__(on_request=self._note)
        self._polled, self._given_back = threading.Semaphore(0), threading.Semaphore(0)

    def _note(self, line: str) -> None:
        if "/route-table-sync/messages" in line:
            if f"visibilitytimeout={PAUSE_SECONDS:g} " in line:
                self._given_back.release()
            if "numofmessages" in line:
                self._polled.release()

    def wait_until_given_back(self, count: int) -> None:
        for _ in range(count):
            assert self._given_back.acquire(timeout=LONGEST_SECONDS)

    def wait_for_polls(self) -> None:
        """Wait until the host has looked twice from now on: the first look may have been begun."""
        while self._polled.acquire(blocking=False):
            pass
        for _ in range(2):
            assert self._polled.acquire(timeout=LONGEST_SECONDS)


@pytest.fixture
def watched():
    with Watched() as running:
        yield running


@pytest.fixture
def storage(watched):
    return watched.connection_string()


@pytest.fixture
def start_host(azure, app, make_host):
    for name in TABLES:
        add_table(azure.state, name)
    register(app, *TABLES)
    return lambda: make_host(**{POLLING: "00:00:00.1"})


def begin(host, held):
    """Begin a run. When this returns, each table waits for Azure."""
    run_id = host.request("POST", "/api/sync", json={}).raise_for_status().json()["runId"]
    held.wait_for(len(TABLES))
    return run_id


def heals(azure, watched, held, host, run_id, after):
    """See that the tables begin again after so many seconds, not after half of them, and are right
    in the end.
    """
    watched.forward(after / 2)
    watched.wait_for_polls()
    assert held.none_begun
    watched.forward(after / 2)
    held.wait_for(len(TABLES))
    held.let_go()
    assert host.ended_run(run_id)["status"] == "Succeeded"
    writes = [call for call in azure.state.log if call["method"] == "PUT"]
    assert len(writes) == len(TABLES)


def test_the_tables_of_a_killed_worker_begin_again_after_the_pause(
    azure, watched, held, start_host
):
    host = start_host()
    run_id = begin(host, held)
    os.kill(host.worker_pid, signal.SIGKILL)
    watched.wait_until_given_back(len(TABLES))
    heals(azure, watched, held, host, run_id, after=PAUSE_SECONDS)


def test_the_tables_of_an_instance_that_died_begin_again_when_their_lease_ends(
    azure, watched, held, start_host
):
    died = start_host()
    run_id = begin(died, held)
    os.kill(died.pid, signal.SIGKILL)
    heals(azure, watched, held, start_host(), run_id, after=LEASE_SECONDS)
