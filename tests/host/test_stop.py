"""A host that is told to stop."""

import os
import signal

from azure.storage.queue import QueueClient

import function_app
from local.azure.faults import Delay, InjectedFault
from tests.builders.azure import add_table, table_writes, tag_document
from tests.builders.clocks import LONGEST_SECONDS, wait_until
from tests.builders.runs import run_report

A = "20.0.0.0/24"


def test_the_table_in_hand_is_brought_to_its_end_and_its_message_is_deleted(
    azure, make_app, make_host, storage
):
    app = make_app()
    table = add_table(azure.state, "one")
    azure.state.tags.answers["westeurope"] = tag_document([A])
    host = make_host()
    host.request("PUT", f"/api/route-tables{table.resource_id}", json={}).raise_for_status()

    slow = InjectedFault(method="PUT", path="/routeTables/one$", effect=Delay(seconds=1))
    azure.state.faults.append(slow)
    run_id = host.request("POST", "/api/sync", json={}).raise_for_status().json()["runId"]
    wait_until(lambda: slow.times == 0)
    os.kill(host.pid, signal.SIGTERM)
    host._process.wait(LONGEST_SECONDS)

    found = run_report(app, run_id)
    assert (found["status"], found["counts"]["changed"]) == ("Succeeded", 1)
    assert len(table_writes(azure.state)) == 1
    for name in (function_app.RUNS, function_app.TABLES):
        queue = QueueClient.from_connection_string(storage, name)
        assert queue.get_queue_properties().approximate_message_count == 0
