"""API versions and waits of the SDKs, over real HTTP."""

import pytest

from local.azure.faults import refusal
from shared.arm.service_tags import ServiceTagDiscovery
from shared.domain.errors import TransientError
from shared.domain.routing.routes import internet_route
from tests.builders.azure import SUBSCRIPTION, add_table, rid

P = "20.0.0.0/24"


def test_the_api_version_can_be_overridden(azure, make_app):
    app = make_app(ARM_API_VERSION_NETWORK="2023-04-01")
    add_table(azure.state, "one")
    read = app.route_tables.read(rid("one"))
    body = app.route_tables.body(read, (internet_route("asemgmt", P),))
    app.route_tables.write(rid("one"), body, read.etag)
    ServiceTagDiscovery(app.clients, SUBSCRIPTION).read("westeurope")
    asked = [e for e in azure.state.log if "/operations/" not in e["path"]]
    assert len(asked) == 6  # the read, the write, the read of its end, and three pages of tags
    assert all("api-version=2023-04-01" in entry["query"] for entry in asked)


def test_without_a_setting_it_is_the_sdks_own_api_version(azure, app):
    add_table(azure.state, "one")
    app.route_tables.read(rid("one"))
    client = app.clients.network(SUBSCRIPTION)
    client.route_tables.get("rg-one", "one")
    ours, sdks = azure.state.log
    assert ours["query"] == sdks["query"]


def test_a_short_wait_that_azure_asks_for_is_waited(azure, app):
    add_table(azure.state, "one")
    azure.state.faults.append(refusal("GET", "one", 429, {}, headers={"Retry-After": "1"}))
    app.route_tables.read(rid("one"))
    assert len(azure.state.log) == 2


def test_a_long_wait_that_azure_asks_for_is_left_to_the_queue(azure, app):
    add_table(azure.state, "one")
    azure.state.faults.append(
        refusal("GET", "one", 429, {}, times=9, headers={"Retry-After": "31"})
    )
    with pytest.raises(TransientError):
        app.route_tables.read(rid("one"))
    assert len(azure.state.log) == 1
