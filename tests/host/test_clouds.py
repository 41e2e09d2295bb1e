"""Each cloud from end to end: its ARM, its token, its tag, and the tag's real history."""

from datetime import datetime

import pytest

from local.azure.resources import RouteTable
from local.azure.server import SimulatedAzure
from shared.app import App
from shared.settings import Settings
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    ase_id_of,
    history,
    published_ipv4,
    table_id,
    table_writes,
    unthrottled,
)
from tests.builders.routes import foreign_routes, owned_prefixes, route, to_firewall
from tests.builders.settings import run_queues

VERSIONS = {"AzureCloud": 38, "AzureUSGovernment": 8, "AzureChinaCloud": 6}


@pytest.fixture(params=VERSIONS)
def cloud(request):
    return request.param


@pytest.fixture
def azure(cloud):
    with SimulatedAzure(cloud) as running:
        for subscription in (SUBSCRIPTION, OTHER_SUBSCRIPTION):
            running.state.add_group(subscription, "rg")
        running.state.poll_seconds = 0  # so that no run waits before it looks again
        yield running


@pytest.fixture
def host(make_host, cloud):
    """In the national clouds Microsoft.Web lags behind."""
    web = "" if cloud == "AzureCloud" else "2024-04-01"
    return make_host(AZURE_CLOUD=cloud, ARM_API_VERSION_WEB=web)


def post(host, path, **body):
    answer = host.request("POST", f"/api/{path}", json=body)
    assert answer.status_code == 202, answer.text
    return host.ended_run(answer.json()["runId"])


@pytest.mark.local_clock
def test_through_a_clouds_whole_history_every_table_follows_with_one_write(azure, host, cloud):
    unthrottled(azure.state)
    foreign = {
        "plain": [to_firewall()],
        "mixed": [
            to_firewall(),
            route("sign-in", "AzureActiveDirectory"),
            route("datacentre", "172.16.0.0/12", "VirtualNetworkGateway"),
        ],
    }
    tables = {name: add_table(azure.state, name, routes) for name, routes in foreign.items()}
    for name in tables:
        host.request("PUT", f"/api/route-tables{table_id(name)}", json={}).raise_for_status()
    before: set[str] = set()
    published = history(cloud)
    for position, version in enumerate(published):
        azure.state.tags.position = position
        azure.state.log.clear()
        host.set_clock(datetime.fromisoformat(version["published"] + "T06:00:00+00:00"))
        whole = post(host, "sync")
        wanted = published_ipv4(version)
        assert whole["status"] == "Succeeded", version["published"]
        assert {v["cloud"] for v in whole["versions"]} == {cloud}
        for name, table in tables.items():
            assert owned_prefixes(table) == wanted, version["published"]
            assert foreign_routes(table) == foreign[name], version["published"]
        writes = table_writes(azure.state)
        assert len(writes) == (0 if wanted == before else len(tables)), version["published"]
        assert {w["method"] for w in writes} <= {"PUT"}
        before = wanted
    assert len(published) == VERSIONS[cloud]
    recorded = host.request("GET", "/api/versions?top=1000").json()["value"]
    assert [v["changeNumber"] for v in reversed(recorded)] == [
        str(version["tagChangeNumber"]) for version in published
    ]


def test_an_environment_of_each_cloud_is_provisioned_and_follows_it(azure, host, cloud):
    add_environment(azure.state, "ase", rules=[], management=["20.0.0.0/24"])
    whole = post(host, "provision", aseId=ase_id_of("ase"), nsg="ensure")
    assert whole["status"] == "Succeeded"
    [outcome] = whole["outcomes"]
    table = azure.state.find(RouteTable, outcome["routeTableId"].lower())
    assert owned_prefixes(table) == published_ipv4(history(cloud)[0])
    by_tag = {"routeStyle": "serviceTag"}
    answer = host.request("PUT", f"/api/route-tables{ase_id_of('ase')}", json=by_tag)
    if cloud == "AzureChinaCloud":
        [fault] = answer.json()["error"]["details"]
        assert "no route in AzureChinaCloud may have AppServiceManagement" in fault["message"]
    else:
        assert answer.status_code == 200
        assert post(host, "sync")["counts"]["changed"] == 1
        assert owned_prefixes(table) == {"AppServiceManagement"}


@pytest.mark.parametrize("cloud", ["AzureChinaCloud"], indirect=True)
def test_a_cloud_that_lags_behind_is_asked_by_an_older_api_version(azure, make_host, cloud):
    azure.state.newest_api_versions["microsoft.network"] = "2025-05-01"
    table = add_table(azure.state, "one", [to_firewall()])
    one = f"/api/route-tables{table_id('one')}"
    # It would take the other's messages.
    refused = make_host(AZURE_CLOUD=cloud, ARM_API_VERSION_NETWORK="", **run_queues("true"))
    assert refused.request("PUT", one, json={}).status_code == 400
    host = make_host(AZURE_CLOUD=cloud, ARM_API_VERSION_NETWORK="2025-05-01")
    assert host.request("PUT", one, json={}).status_code == 201
    assert post(host, "sync")["status"] == "Succeeded"
    assert owned_prefixes(table) == published_ipv4(history(cloud)[0])
    asked = [e for e in azure.state.log if "Microsoft.Network" in e["path"] and e["status"] < 300]
    assert {query for e in asked for query in e["query"].split("&") if "api-version" in query} == {
        "api-version=2025-05-01"
    }


def test_by_itself_a_cloud_is_asked_at_its_own_endpoint_for_its_own_token(cloud, app_settings):
    given = {k: v for k, v in app_settings.items() if k != "ARM_ENDPOINT"}
    app = App(Settings.read({**given, "AZURE_CLOUD": cloud}))
    network = app.clients.network(SUBSCRIPTION)._config
    web = app.clients.web(SUBSCRIPTION)._config
    endpoint, scope = {
        "AzureCloud": ("management.azure.com", "management.azure.com"),
        "AzureUSGovernment": ("management.usgovcloudapi.net", "management.core.usgovcloudapi.net"),
        "AzureChinaCloud": ("management.chinacloudapi.cn", "management.chinacloudapi.cn"),
    }[cloud]
    for config in (network, web):
        assert config.base_url == f"https://{endpoint}"
        assert config.credential_scopes == [f"https://{scope}/.default"]
