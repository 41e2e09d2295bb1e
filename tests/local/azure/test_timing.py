"""How long the simulated Azure takes, and how time that passes faster there is kept together."""

import time

import pytest

from local.azure.resources import RouteTable
from local.azure.throttles import BucketSize
from tests.builders.azure import SUBSCRIPTION, add_table, table_id, table_with
from tests.builders.routes import to_firewall


def test_it_takes_no_time_unless_told_to(azure, ask):
    add_table(azure.state, "one")
    begun = ask("PUT", table_id("one"), json=table_with(to_firewall()))
    assert ask("GET", begun.headers["azure-asyncoperation"]).json() == {"status": "Succeeded"}


@pytest.mark.parametrize(("method", "seconds"), [("GET", 0.2), ("PUT", 0.4)])
def test_reads_and_writes_take_their_time(azure, ask, method, seconds):
    add_table(azure.state, "one")
    azure.state.timing.read_seconds, azure.state.timing.write_seconds = 0.2, 0.4
    body = table_with(to_firewall()) if method == "PUT" else None
    began = time.monotonic()
    ask(method, table_id("one"), json=body)
    assert time.monotonic() - began >= seconds


def test_an_operation_ends_in_its_time_and_not_before(azure, ask):
    add_table(azure.state, "one")
    azure.state.timing.operation_seconds = (0.3, 0.3)
    begun = ask("PUT", table_id("one"), json=table_with(to_firewall()))
    began = time.monotonic()
    poll = begun.headers["azure-asyncoperation"]
    while ask("GET", poll).json() == {"status": "InProgress"}:
        time.sleep(0.02)
    # The clock of the operation began a little before this one.
    assert time.monotonic() - began >= 0.2


def test_with_a_speedup_others_are_asked_to_wait_as_much_less(azure, ask):
    add_table(azure.state, "one")
    azure.state.timing.speedup = 100
    azure.state.timing.operation_seconds = (6000, 6000)
    begun = ask("PUT", table_id("one"), json=table_with(to_firewall()))
    assert ask("GET", begun.headers["azure-asyncoperation"]).headers["retry-after"] == "0.1"


def test_with_a_speedup_throttles_let_go_as_much_sooner(azure, ask):
    add_table(azure.state, "one")
    azure.state.throttles.limits.buckets["read"] = BucketSize(1, 0.0005)
    azure.state.timing.speedup = 1000
    statuses = [ask("GET", table_id("one")).status_code for _ in range(2)]
    assert statuses == [200, 429]
    ends = time.monotonic() + 30
    while ask("GET", table_id("one")).status_code != 200:
        assert time.monotonic() < ends  # 2,000 s of its own
        time.sleep(0.1)


def test_reads_and_references_find_a_new_resource_only_when_it_is_replicated(azure, ask):
    azure.state.timing.replication_seconds = 60
    network = table_id("net").replace("routeTables", "virtualNetworks")
    for name in ("one", "net"):
        azure.state.add_group(SUBSCRIPTION, f"rg-{name}")
    made = ask("PUT", table_id("one"), json=table_with(to_firewall()))
    assert made.status_code == 201
    assert ask("GET", made.headers["azure-asyncoperation"]).json() == {"status": "Succeeded"}
    assert ask("GET", table_id("one")).json()["error"]["code"] == "ResourceNotFound"
    assert ask("GET", table_id("one").rpartition("/")[0]).json() == {"value": []}
    reference = {"routeTable": {"id": table_id("one")}, "addressPrefix": "10.1.0.0/24"}
    networks = {
        "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
        "subnets": [{"name": "a", "properties": reference}],
    }
    body = {"location": "westeurope", "properties": networks}
    refused = ask("PUT", network, json=body)
    assert refused.json()["error"]["code"] == "InvalidResourceReference"
    azure.state.find(RouteTable, table_id("one").lower()).visible_at = 0
    assert ask("GET", table_id("one")).status_code == 200
    assert ask("PUT", network, json=body).status_code == 201
