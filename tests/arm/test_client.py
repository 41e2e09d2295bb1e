"""API versions and waits of the SDKs, over real HTTP."""

from urllib.parse import urlsplit

import pytest
from azure.mgmt.web.operations._operations import build_app_service_environments_get_request

from local.azure.faults import refusal
from shared.arm.environments import ArmInboundDependencies
from shared.arm.service_tags import ServiceTagDiscovery
from shared.domain.armid import EnvironmentId
from shared.domain.errors import PermanentError, TransientError, UnusableServiceTag
from shared.domain.routing.routes import internet_route
from tests.builders.azure import SUBSCRIPTION, add_environment, add_table, ase_id_of, rid

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


def test_without_a_setting_environments_are_asked_by_the_sdks_own_api_version(azure, app):
    environment_id = EnvironmentId.parse(add_environment(azure.state, "one").resource_id)
    app.azure.environments.read(environment_id)
    sdks = build_app_service_environments_get_request("g", "n", SUBSCRIPTION)
    [asked] = azure.state.log
    assert asked["query"] == urlsplit(sdks.url).query


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


OLD = "2024-04-01"


@pytest.fixture
def lagging(azure):
    """A cloud whose Microsoft.Web is as old as that of US Government is in 2026."""
    azure.state.newest_api_versions["microsoft.web"] = OLD
    add_environment(azure.state, "one", management=[P])
    return EnvironmentId.parse(ase_id_of("one"))


def environment_requests(app, environment_id):
    return {
        "read": lambda: app.azure.environments.read(environment_id),
        "list": lambda: list(app.azure.environments.list(environment_id.subscription_id)),
        "addresses": lambda: ArmInboundDependencies(app.clients).read(environment_id),
    }


@pytest.mark.parametrize("request_", ["read", "list", "addresses"])
def test_a_provider_that_lags_behind_is_named_with_its_newest_version_and_the_setting(
    app, lagging, request_
):
    with pytest.raises(PermanentError) as raised:
        environment_requests(app, lagging)[request_]()
    assert raised.value.code.name == "ApiVersionNotSupported"
    assert "Microsoft.Web has no API version 2025-05-01 here" in raised.value.message
    assert f"set ARM_API_VERSION_WEB to {OLD}" in raised.value.message


@pytest.mark.parametrize("request_", ["read", "list", "addresses"])
def test_it_is_asked_by_the_version_of_the_setting(azure, make_app, lagging, request_):
    app = make_app(ARM_API_VERSION_WEB=OLD)
    assert environment_requests(app, lagging)[request_]()
    assert [e["status"] for e in azure.state.log] == [200]
    assert f"api-version={OLD}" in azure.state.log[0]["query"]


def test_the_network_has_its_own_setting(azure, app):
    azure.state.newest_api_versions["microsoft.network"] = "2023-04-01"
    add_table(azure.state, "one")
    with pytest.raises(PermanentError, match="set ARM_API_VERSION_NETWORK to 2023-04-01"):
        app.route_tables.read(rid("one"))
    with pytest.raises(UnusableServiceTag, match="set ARM_API_VERSION_NETWORK to 2023-04-01"):
        ServiceTagDiscovery(app.clients, SUBSCRIPTION).read("westeurope")
