"""A storm of events in the app's queue: its runs, and the time until all tables are right."""

import json
import math
import random
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from local.azure.event_topic import QUEUE
from local.azure.resources import RouteTable
from local.azurite import Azurite
from local.stack import HostProcess
from shared.sync.run.events import WINDOW
from shared.transport import Transport

from .runs import count_requests
from .storm import CALLERS, SPEEDUP, TABLES, fill
from .world import POSITION, World, world

EVENTS = 1000
_WITHIN_SECONDS = 600.0
_PAUSE_SECONDS = 1.0


def measure() -> dict[str, Any]:
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=SPEEDUP) as here:
        tables = fill(here.state)
        queue = QueueClient.from_connection_string(
            azurite.connection_string(),
            QUEUE,
            message_encode_policy=TextBase64EncodePolicy(),
            transport=Transport(),
        )
        queue.create_queue()
        with HostProcess(here.settings) as host:
            for table in tables:
                host.request("PUT", f"/api/route-tables{table}", json={}).raise_for_status()
            row = _storm(here, host, queue, tables)
    print(f"  {row}", flush=True)
    return row


def _storm(
    here: World, host: HostProcess, queue: QueueClient, tables: Sequence[str]
) -> dict[str, Any]:
    events = [_event(table) for table in tables for _ in range(EVENTS // TABLES)]
    random.Random(1).shuffle(events)

    began = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as senders:
        list(senders.map(queue.send_message, events))
    sent_after = time.monotonic() - began
    runs = _wait_until_settled(host, queue)
    settled_after = time.monotonic() - began

    written = sum(bool(table.routes) for table in here.state.below(RouteTable, ""))
    requests = count_requests(here.state)
    windows = math.ceil(settled_after / WINDOW.total_seconds()) + 1
    return {
        "events": EVENTS,
        "tables": TABLES,
        "sentAfter": round(sent_after, 1),
        "runs": runs,
        "tablesWritten": written,
        "settledAfter": round(settled_after, 1),
        "readsATable": round(requests["reads"] / TABLES, 1),
        "met429": requests["429"],
        "goalMet": written == TABLES and runs <= windows,
    }


def _event(table: str) -> str:
    """Return an event of Event Grid, about a route of the table that somebody else has written."""
    operation = "Microsoft.Network/routeTables/routes/write"
    data = {
        "operationName": operation,
        "resourceUri": f"{table}/routes/theirs",
        "claims": {"appid": "pipeline@example"},
    }
    event = {
        "id": str(uuid.uuid4()),
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "subject": data["resourceUri"],
        "data": data,
    }
    return json.dumps(event)


def _wait_until_settled(host: HostProcess, queue: QueueClient) -> int:
    """Wait until no event is left and every run has ended. Return the number of runs."""
    ends = time.monotonic() + _WITHIN_SECONDS
    while time.monotonic() < ends:
        time.sleep(_PAUSE_SECONDS)
        if queue.get_queue_properties().approximate_message_count == 0:
            runs = host.request("GET", "/api/runs?top=1000").raise_for_status().json()["value"]
            if runs and all(run["status"] != "Running" for run in runs):
                return len(runs)
    raise TimeoutError("the storm of events did not end")
