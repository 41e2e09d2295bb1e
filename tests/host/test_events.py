"""Events of Event Grid, in the queue of the local host."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue import QueueClient

from local.azure.resources import new_etag
from shared.sync.run.events import WINDOW
from shared.transport import Transport
from tests.builders.alerts import event
from tests.builders.azure import add_table, table_id, tag_document
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.routes import owned_prefixes, to_firewall
from tests.builders.runs import START
from tests.builders.settings import event_queues

A = "20.0.0.0/24"


class EventQueue:
    """The queue into which Event Grid puts events, in Base64."""

    def __init__(self, storage: str) -> None:
        self._client = QueueClient.from_connection_string(
            storage, "resource-events", transport=Transport()
        )
        self._client.create_queue()

    def send(self, body: object) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._client.send_message(base64.b64encode(content).decode())

    @property
    def is_empty(self) -> bool:
        return self._client.get_queue_properties().approximate_message_count == 0


@pytest.fixture
def host(make_host):
    return make_host(**event_queues("false"))


@pytest.fixture
def events(storage):
    return EventQueue(storage)


@pytest.fixture
def table(azure, host):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    return table


def runs(host):
    return host.request("GET", "/api/runs").json()["value"]


@pytest.fixture
def tables(azure, host):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    made = {f"t{number:02}": add_table(azure.state, f"t{number:02}") for number in range(8)}
    for name in made:
        host.request("PUT", f"/api/route-tables{table_id(name)}", json={}).raise_for_status()
    return made


@needs_recordings
@pytest.mark.parametrize(
    "kind",
    ["Microsoft.Resources.ResourceWriteSuccess", "Microsoft.Resources.ResourceDeleteSuccess"],
)
def test_an_event_as_azure_sends_it_starts_a_run_of_its_table(azure, host, table, events, kind):
    name = "eventgrid_routeTable_ResourceWriteSuccess_DERIVED"
    [body] = json.loads((RECORDINGS / f"{name}.json").read_text())["request"]["body"]
    body["eventType"] = kind
    body["subject"] = body["data"]["resourceUri"] = f"{table_id('one')}/routes/some"
    events.send(body)
    whole = host.newest_run()
    assert (whole["trigger"], whole["status"]) == ("event", "Succeeded")
    assert whole["reason"] == "event Microsoft.Network/routeTables/write"
    assert owned_prefixes(table) == {A}


def test_what_concerns_no_table_of_ours_ends_with_a_record(azure, make_host, events):
    host = make_host(LOG_LEVEL="INFO", **event_queues("false"))
    ours = azure.state.identities.app
    for body, reason in (
        (b'{"eventType": "\\ud800"}', "not an event"),
        ({"eventType": "x" * 40_000}, "changes no resource"),
        (event(claims={"appid": ours.client_id.upper()}), "what this app did itself"),
        (event(uri=table_id("unregistered")), "it concerns no registered route table"),
    ):
        events.send(body)
        assert '{"record": "event"' in host.line_with(reason)
    assert runs(host) == []


def test_a_storm_loses_no_event_and_has_one_run_for_each_window(azure, host, tables, events):
    """Somebody writes each of 8 tables three times, and Azure tells each write several times.

    408 events come. Most are about other tables, or about what the app did itself.
    """
    azure.state.log.clear()
    began = datetime.now(UTC)
    for number, (name, table) in enumerate([*tables.items()] * 3):
        table.routes, table.etag = [to_firewall()], new_etag()
        send_all(events, storm_of(name, number, azure.state.identities.app.client_id))

    until(lambda: events.is_empty)
    begun = [run["runId"] for run in runs(host)]
    assert {host.ended_run(run_id)["trigger"] for run_id in begun} == {"event"}

    # Each table was looked at after it was written for the last time.
    assert [name for name, table in tables.items() if owned_prefixes(table) != {A}] == []

    windows = {window_of(run_id) for run_id in begun}
    assert len(windows) == len(begun)
    assert began - WINDOW < min(windows) <= max(windows) < datetime.now(UTC) + WINDOW

    assert 429 not in {entry["status"] for entry in azure.state.log}
    pulls = [entry for entry in azure.state.log if entry["path"].endswith("serviceTags")]
    assert len(pulls) == len(begun)


def window_of(run_id):
    """The begin of the window; a run that is no window's has another id."""
    begins = datetime.strptime(run_id, "%Y%m%d%H%M%S%f-00000000").replace(tzinfo=UTC)
    assert (begins - START) % WINDOW == timedelta()
    return begins


def storm_of(name, number, app_id):
    about = f"{table_id(name)}/routes/r"
    return [
        *[event(uri=about, number=f"{number}")] * 5,
        *(event(uri=table_id(f"foreign{n}"), number=f"{number}-{n}") for n in range(8)),
        *[event(uri=about, number=f"{number}-ours", claims={"appid": app_id})] * 4,
    ]


def send_all(events, bodies):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(events.send, bodies))


def until(done, within=120):
    deadline = time.monotonic() + within
    while not done() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert done()
