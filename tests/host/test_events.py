"""Events of Event Grid, in the queue of the local host."""

import base64
import json
from collections.abc import Callable

import pytest
from azure.storage.queue import QueueClient

from shared.transport import Transport
from tests.builders.alerts import event
from tests.builders.azure import add_table, table_id, tag_document
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.routes import owned_prefixes, to_firewall

A = "20.0.0.0/24"

type Send = Callable[..., None]


@pytest.fixture
def send(storage: str) -> Send:
    """Put a message into the events' queue, in Base64, as Event Grid does."""
    queue = QueueClient.from_connection_string(storage, "resource-events", transport=Transport())
    queue.create_queue()

    def put(body: object) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        queue.send_message(base64.b64encode(content).decode())

    return put


@pytest.fixture
def table(azure, host):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    return table


def runs(host):
    return host.request("GET", "/api/runs").json()["value"]


@needs_recordings
@pytest.mark.parametrize(
    "kind",
    ["Microsoft.Resources.ResourceWriteSuccess", "Microsoft.Resources.ResourceDeleteSuccess"],
)
def test_an_event_as_azure_sends_it_starts_a_run_of_its_table(azure, host, table, send, kind):
    name = "eventgrid_routeTable_ResourceWriteSuccess_DERIVED"
    [body] = json.loads((RECORDINGS / f"{name}.json").read_text())["request"]["body"]
    body["eventType"] = kind
    body["subject"] = body["data"]["resourceUri"] = f"{table_id('one')}/routes/some"
    send(body)
    whole = host.newest_run()
    assert (whole["trigger"], whole["status"]) == ("event", "Succeeded")
    assert whole["reason"] == "event Microsoft.Network/routeTables/write"
    assert owned_prefixes(table) == {A}


def test_what_concerns_no_table_of_ours_ends_with_a_record(azure, make_host, send):
    host = make_host(LOG_LEVEL="INFO")
    ours = azure.state.identities.app.client_id
    for body, reason in (
        (b'{"eventType": "\\ud800"}', "not an event"),
        ({"eventType": "x" * 40_000}, "changes no resource"),
        (event(claims={"appid": ours}), "it is about what this app did itself"),
        (event(uri=table_id("unregistered")), "it concerns no registered route table"),
    ):
        send(body)
        assert '{"record": "event"' in host.line_with(reason)
    assert runs(host) == []
