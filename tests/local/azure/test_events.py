"""The events of writes, as Event Grid brings them to a storage queue."""

import base64
import json
import threading
import time
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from local.azure.event_topic import EVENT_TYPES, OPERATIONS, QUEUE, Delivery
from local.azure.faults import FailOperation, HangOperation, InjectedFault
from local.azure.identity import AZURE_CLI, TENANT
from local.azure.server import SimulatedAzure
from local.azurite import Azurite
from tests.builders.azure import (
    SUBSCRIPTION,
    add_environment,
    add_table,
    ask_azure,
    subnet_id_of,
    table_id,
    table_with,
)
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.routes import route, to_firewall
from tests.infra.deployed import DEPLOYED

WITHIN_SECONDS = 60
WRITE = "Microsoft.Resources.ResourceWriteSuccess"
DELETE = "Microsoft.Resources.ResourceDeleteSuccess"
ENTRA = "http://schemas.microsoft.com/identity/claims"
XML_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
ROUTE = {"properties": to_firewall()["properties"]}


class Inbox:
    """The queue of the events."""

    def __init__(self, connection_string):
        self.queue = QueueClient.from_connection_string(connection_string, QUEUE)

    def take(self, count):
        """Wait for so many events, and take them off the queue."""
        events: list[dict[str, Any]] = []
        ends = time.monotonic() + WITHIN_SECONDS
        while len(events) < count:
            assert time.monotonic() < ends, f"only {events}"
            for message in self.queue.receive_messages(max_messages=count - len(events)):
                events.append(json.loads(base64.b64decode(message.content, validate=True)))
                self.queue.delete_message(message)
        return events

    def is_empty(self):
        return not self.queue.peek_messages()


@pytest.fixture
def inbox(azure, storage):
    azure.state.topic.send_to(storage)
    return Inbox(storage)


def test_the_event_of_an_update_says_who_did_what(azure, ask_as_person, inbox):
    add_table(azure.state, "one")
    answer = ask_as_person("PUT", table_id("one"), json=table_with(to_firewall()))
    [event] = inbox.take(1)
    assert event.pop("id")
    assert event.pop("eventTime").endswith("Z")

    data = event.pop("data")
    claims = data.pop("claims")
    http_request = data.pop("httpRequest")

    resource_id = table_id("one").replace("resourceGroups", "resourcegroups")
    operation = "Microsoft.Network/routeTables/write"
    assert event == {
        "topic": f"/subscriptions/{SUBSCRIPTION}",
        "subject": resource_id,
        "eventType": WRITE,
        "dataVersion": "2",
        "metadataVersion": "1",
    }
    assert data == {
        "authorization": {
            "scope": resource_id,
            "action": operation,
            "evidence": {"role": "Owner"},
        },
        "correlationId": answer.headers["x-ms-correlation-request-id"],
        "resourceProvider": "Microsoft.Network",
        "resourceUri": resource_id,
        "operationName": operation,
        "status": "Succeeded",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
    }

    person = azure.state.identities.person
    assert claims["appid"] == AZURE_CLI
    assert claims[f"{ENTRA}/objectidentifier"] == person.object_id
    assert claims[f"{XML_SOAP}/upn"] == person.sign_in_name
    assert not {"oid", "tid", "upn"} & claims.keys()
    assert {type(claim) for claim in claims.values()} == {str}
    assert (http_request["method"], http_request["url"]) == ("PUT", str(answer.request.url))


def test_the_app_is_named_by_its_application_and_its_object(azure, ask, inbox):
    add_table(azure.state, "one")
    ask("PUT", table_id("one"), json=table_with(to_firewall()))
    [event] = inbox.take(1)
    claims, app = event["data"]["claims"], azure.state.identities.app
    assert claims["appid"] == app.client_id
    assert claims[f"{ENTRA}/objectidentifier"] == app.object_id


@needs_recordings
def test_an_event_has_the_keys_of_the_documented_one(azure, ask, inbox):
    add_table(azure.state, "one")
    ask("PUT", table_id("one"), json=table_with(to_firewall()))
    [event] = inbox.take(1)
    file = RECORDINGS / "eventgrid_routeTable_ResourceWriteSuccess_DERIVED.json"
    [documented] = json.loads(file.read_text())["request"]["body"]
    assert event.keys() == documented.keys()
    assert event["data"].keys() == documented["data"].keys()
    for part in ("authorization", "httpRequest"):
        assert event["data"][part].keys() == documented["data"][part].keys()
    assert event["data"]["claims"].keys() >= documented["data"]["claims"].keys()


SUBNET = {"properties": {"addressPrefix": "10.1.0.0/24"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "event_type", "operation", "is_update"),
    [
        ("PUT", table_id("new"), table_with(), WRITE, "routeTables/write", False),
        ("PUT", table_id("one"), table_with(), WRITE, "routeTables/write", True),
        ("PATCH", table_id("one"), {"tags": {}}, WRITE, "routeTables/write", True),
        ("DELETE", table_id("one"), None, DELETE, "routeTables/delete", True),
        ("PUT", f"{table_id('one')}/routes/b", ROUTE, WRITE, "routeTables/routes/write", False),
        ("PUT", f"{table_id('one')}/routes/a", ROUTE, WRITE, "routeTables/routes/write", True),
        ("DELETE", f"{table_id('one')}/routes/a", None, DELETE, "routeTables/routes/delete", True),
        ("PUT", subnet_id_of("one"), SUBNET, WRITE, "virtualNetworks/subnets/write", True),
        ("DELETE", subnet_id_of("one"), None, DELETE, "virtualNetworks/subnets/delete", True),
    ],
)
def test_each_write_and_each_delete_has_one_event(
    azure, ask, inbox, method, path, body, event_type, operation, is_update
):
    azure.state.add_group(SUBSCRIPTION, "rg-new")
    table = add_table(azure.state, "one", [route("a", "10.9.0.0/16")])
    table.subnets = []
    add_environment(azure.state, "one")
    ask(method, path, **({} if body is None else {"json": body})).raise_for_status()
    [event] = inbox.take(1)
    assert inbox.is_empty()
    assert event["eventType"] == event_type
    assert event["data"]["operationName"] == f"Microsoft.Network/{operation}"
    assert event["subject"].lower() == event["data"]["resourceUri"].lower() == path.lower()
    assert ("httpRequest" in event["data"]) is is_update


def test_the_filter_and_the_queue_are_those_of_the_template():
    kind = "Microsoft.EventGrid/systemTopics/eventSubscriptions"
    properties = DEPLOYED["default"].one(kind)["properties"]
    destination = properties["deliveryWithResourceIdentity"]["destination"]
    [operations] = properties["filter"]["advancedFilters"]
    assert destination["properties"]["queueName"] == QUEUE
    assert {*properties["filter"]["includedEventTypes"]} == EVENT_TYPES
    assert {operation.lower() for operation in operations["values"]} == OPERATIONS


def order(azure, path, effect):
    azure.state.faults.append(InjectedFault(method="PUT", path=path, effect=effect))


def test_what_fails_what_never_ends_and_what_is_not_watched_comes_not(azure, ask, inbox):
    """Only the last of these has an event that the filter lets through."""
    for name in ("fails", "hangs", "last"):
        add_table(azure.state, name)
    add_environment(azure.state, "last", rules=[])
    order(azure, "fails$", FailOperation())
    order(azure, "hangs$", HangOperation())
    network = subnet_id_of("last").split("/subnets/")[0]
    group = network.replace("virtualNetworks", "networkSecurityGroups")

    for path in (table_id("fails"), table_id("hangs")):
        assert ask("PUT", path, json=table_with(to_firewall())).status_code == 200
    for path in (network, group):
        assert ask("PUT", path, json=ask("GET", path).json()).status_code == 200
    assert ask("PUT", table_id("fails"), json={"properties": {}}).status_code == 400

    ask("PUT", table_id("last"), json=table_with(to_firewall()))
    [event] = inbox.take(1)
    assert event["subject"].lower() == table_id("last").lower()
    assert inbox.is_empty()


def test_an_event_comes_at_the_end_of_the_operation_and_not_when_it_is_accepted(azure, ask, inbox):
    for name in ("slow", "quick"):
        add_table(azure.state, name)
    azure.state.timing.operation_seconds = (3600, 3600)
    ask("PUT", table_id("slow"), json=table_with(to_firewall()))
    azure.state.timing.operation_seconds = (0.1, 0.1)
    ask("PUT", table_id("quick"), json=table_with(to_firewall()))

    [event] = inbox.take(1)
    assert event["subject"].endswith("/quick")
    quick, slow = (azure.state.running_on(table_id(n).lower()) for n in ("quick", "slow"))
    assert quick is None
    assert slow.status == "InProgress"
    assert inbox.is_empty()


def test_an_event_whose_answer_is_lost_comes_all_the_same(azure, ask, inbox):
    add_table(azure.state, "one")
    order(azure, "one$", {"kind": "refuse", "status": 500, "effected": True})
    assert ask("PUT", table_id("one"), json=table_with(to_firewall())).status_code == 500
    assert len(inbox.take(1)) == 1


def test_some_come_twice_some_late_and_out_of_order_and_a_seed_draws_the_same(azure, ask, storage):
    add_table(azure.state, "one")
    routes = [f"r{number}" for number in range(10)]
    twice = []
    for _ in range(2):
        azure.state.topic.send_to(storage, Delivery(twice=0.3, late=0.5, late_seconds=1, seed=4))
        for number, name in enumerate(routes):
            body = {"properties": route(name, f"10.{number}.0.0/16")["properties"]}
            ask("PUT", f"{table_id('one')}/routes/{name}", json=body).raise_for_status()

        events = Inbox(storage).take(15)
        names = [event["subject"].rpartition("/")[2] for event in events]
        in_order_of_arrival = list(dict.fromkeys(names))
        assert sorted(in_order_of_arrival) == routes
        assert in_order_of_arrival != routes
        assert len({event["id"] for event in events}) == len(routes)
        twice.append({name for name in names if names.count(name) == 2})
    assert twice[0] == twice[1]
    assert len(twice[0]) == 5


def test_an_event_waits_until_the_queue_takes_it(azure, ask):
    add_table(azure.state, "one")
    azure.state.timing.speedup = 100
    refused = threading.Event()

    def on_request(line):
        if f"/{QUEUE}/messages" in line and " 404 " in line:
            refused.set()

    with Azurite(on_request=on_request) as storage:
        azure.state.topic.send_to(storage.connection_string())
        inbox = Inbox(storage.connection_string())
        inbox.queue.delete_queue()
        ask("PUT", table_id("one"), json=table_with(to_firewall())).raise_for_status()
        assert refused.wait(WITHIN_SECONDS)
        inbox.queue.create_queue()
        assert len(inbox.take(1)) == 1


def test_a_topic_ends_with_its_server_whatever_it_still_waits_for(storage):
    with SimulatedAzure() as azure:
        azure.state.topic.send_to(storage, Delivery(late=1, late_seconds=10**6))
        add_table(azure.state, "one")
        ask_azure(azure, "PUT", table_id("one"), json=table_with(to_firewall())).raise_for_status()
    azure._thread.join(WITHIN_SECONDS)
    assert not azure._thread.is_alive()
    assert Inbox(storage).is_empty()
