"""Somebody changes what Azure has, and the event of this brings it back.

The simulated Azure sends the event of every write to the host's queue, ours too.
"""

import copy
import json
import time

import pytest

from local.azure.event_topic import Delivery
from local.drift import HandDeletion
from tests.builders.azure import (
    add_environment,
    add_table,
    ase_id_of,
    subnet_id_of,
    subnet_of,
    table_id,
    table_writes,
    tag_document,
)
from tests.builders.routes import foreign_routes, owned, route, to_firewall
from tests.builders.settings import event_queues

A, B = "20.0.0.0/24", "20.0.1.7/32"
WITHIN_SECONDS = 60
OURS = "it is about what this app did itself"


@pytest.fixture
def host(make_host):
    return make_host(LOG_LEVEL="INFO", **event_queues("false"))


@pytest.fixture
def add(azure, host):
    """Add a registered table that is right, with somebody else's routes before ours and after."""
    azure.state.tags.answers["westeurope"] = tag_document([A, B])

    def added(name):
        routes = [to_firewall(), owned(A), owned(B), route("theirs", "10.9.0.0/16", "VnetLocal")]
        table = add_table(azure.state, name, routes)
        register(host, name)
        return table

    return added


def register(host, name, **body):
    host.request("PUT", f"/api/route-tables{table_id(name)}", json=body).raise_for_status()


def delete_by_hand(azure, name, prefix=A):
    """Return the deletion, which has happened."""
    deletion = HandDeletion(azure, f"{table_id(name)}/routes/{owned(prefix)['name']}")
    deletion.delete()
    return deletion


def event_records(host, count):
    """Wait until the host has dealt with so many events. Return its records of them."""
    ends = time.monotonic() + WITHIN_SECONDS
    while True:
        lines = [line for line in list(host.errors) if '{"record": "event"' in line]
        if len(lines) >= count:
            return [json.loads(line[line.index("{") :]) for line in lines]
        assert time.monotonic() < ends, "\n".join(host.errors)
        time.sleep(0.05)


def in_order(routes):
    """The routes as somebody wrote them, without what the service adds."""
    return sorted([(route["name"], route["properties"]) for route in routes], key=str)


def runs_of_events(host):
    runs = host.request("GET", "/api/runs").json()["value"]
    return [host.ended_run(run["runId"]) for run in runs if run["trigger"] == "event"]


def sync(host):
    answer = host.request("POST", "/api/sync", json={}).raise_for_status()
    return host.ended_run(answer.json()["runId"])


def test_a_route_deleted_by_hand_is_back_by_its_event_and_nothing_else_is_touched(
    azure, host, storage, add
):
    table = add("one")
    azure.state.topic.send_to(storage)
    before = copy.deepcopy(table.routes)
    deletion = delete_by_hand(azure, "one")
    deletion.wait_until_back(WITHIN_SECONDS)

    theirs, ours = event_records(host, 2)
    [run] = runs_of_events(host)
    assert theirs["name"] == "Microsoft.Network/routeTables/routes/delete"
    assert (theirs["runId"], theirs["ignored"]) == (run["runId"], None)
    assert (ours["runId"], ours["ignored"]) == (None, OURS)

    assert (run["status"], run["mode"], run["counts"]["changed"]) == ("Succeeded", "apply", 1)
    [outcome] = run["outcomes"]
    assert outcome["routeTableId"] == table_id("one")
    assert [outcome[kind] for kind in ("added", "removed", "updated")] == [[A], [], []]

    deleted, put = table_writes(azure.state)
    assert (deleted["method"], put["method"]) == ("DELETE", "PUT")
    sent = put["body"]["properties"]["routes"]
    assert in_order(sent) == in_order(table.routes) == in_order(before)


def test_our_own_writes_send_events_that_start_no_run(azure, host, storage, add):
    table = add("one")
    azure.state.topic.send_to(storage)
    table.routes = [to_firewall()]
    assert sync(host)["counts"]["changed"] == 1
    [record] = event_records(host, 1)
    assert (record["runId"], record["ignored"], record["error"]) == (None, OURS, None)
    assert runs_of_events(host) == []
    assert [write["method"] for write in table_writes(azure.state)] == ["PUT"]


def test_events_that_come_twice_late_and_out_of_order_repair_each_table_once(
    azure, host, storage, add
):
    names = ["one", "two", "three"]
    tables = [add(name) for name in names]
    azure.state.topic.send_to(storage, Delivery(twice=1, late=1, late_seconds=2))
    theirs = [foreign_routes(table) for table in tables]
    for deletion in [delete_by_hand(azure, name) for name in names]:
        deletion.wait_until_back(WITHIN_SECONDS)

    # Three deletions and three repairs have two deliveries each.
    records = event_records(host, 12)
    assert len(records) == 12
    assert [record["ignored"] for record in records].count(OURS) == 6
    runs = runs_of_events(host)
    assert {record["runId"] for record in records if record["runId"]} == {
        run["runId"] for run in runs
    }
    assert {run["status"] for run in runs} == {"Succeeded"}
    assert sum(run["counts"]["changed"] for run in runs) == 3
    methods = [write["method"] for write in table_writes(azure.state)]
    assert sorted(methods) == ["DELETE"] * 3 + ["PUT"] * 3
    assert [foreign_routes(table) for table in tables] == theirs


def test_a_table_that_is_not_registered_stays_as_somebody_left_it(azure, host, storage, add):
    add("one")
    azure.state.topic.send_to(storage)
    add_table(azure.state, "another", [owned(A), to_firewall()])
    delete_by_hand(azure, "another")
    [record] = event_records(host, 1)
    assert record["ignored"] == "it concerns no registered route table"
    assert runs_of_events(host) == []
    assert [write["method"] for write in table_writes(azure.state)] == ["DELETE"]


def test_while_the_app_is_paused_an_event_only_plans(azure, storage, make_host):
    host = make_host(LOG_LEVEL="INFO", PAUSED="true", **event_queues("false"))
    azure.state.tags.answers["westeurope"] = tag_document([A])
    add_table(azure.state, "one", [owned(A), to_firewall()])
    register(host, "one")
    azure.state.topic.send_to(storage)
    delete_by_hand(azure, "one")
    [record] = event_records(host, 1)
    [run] = runs_of_events(host)
    assert record["runId"] == run["runId"]
    assert (run["mode"], run["counts"]["planned"]) == ("plan", 1)
    assert run["outcomes"][0]["added"] == [A]
    assert [write["method"] for write in table_writes(azure.state)] == ["DELETE"]


def test_a_subnet_that_loses_its_table_is_reported_and_left_alone(
    azure, host, storage, add, ask_as_person
):
    table = add("one")
    table.subnets.clear()
    add_environment(azure.state, "one", table=table)
    register(host, "one", aseId=ase_id_of("one"))
    assert sync(host)["counts"]["unchanged"] == 1
    azure.state.topic.send_to(storage)
    subnet = ask_as_person("GET", subnet_id_of("one")).json()
    del subnet["properties"]["routeTable"]
    ask_as_person("PUT", subnet_id_of("one"), json=subnet).raise_for_status()

    [record] = event_records(host, 1)
    assert record["name"] == "Microsoft.Network/virtualNetworks/subnets/write"
    [run] = runs_of_events(host)
    [outcome] = run["outcomes"]
    assert (outcome["routeTableId"], outcome["status"]) == (table_id("one"), "unchanged")
    assert "NotAttached" in {finding["code"] for finding in outcome["findings"]}
    assert [write["method"] for write in azure.state.writes()] == ["PUT"]
    assert "routeTable" not in subnet_of(azure.state, "one")
