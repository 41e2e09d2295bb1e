"""What is only read, by real clients: Microsoft's SDKs and identity library."""

import pytest
from azure.identity import ManagedIdentityCredential
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.web import WebSiteManagementClient

from local.azure.hosting_environments import Environment
from local.azure.identity import HEADER
from local.plain_http import http
from shared.arm.client import _AllowPlainHttp
from tests.builders.azure import SUBSCRIPTION, add_table, table_id

SCOPE = "https://management.azure.com/.default"
LOCATION = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope"
ASE = table_id("ase").replace("Network/routeTables", "Web/hostingEnvironments")


@pytest.fixture
def client(azure, monkeypatch):
    for name, value in azure.environment().items():
        monkeypatch.setenv(name, value)

    def make(kind):
        return kind(
            ManagedIdentityCredential(),
            SUBSCRIPTION,
            base_url=azure.url,
            credential_scopes=[SCOPE],
            per_call_policies=[_AllowPlainHttp()],
        )

    return make


def add_environment(azure, name="ase"):
    resource_id = ASE.replace("/ase", f"/{name}")
    azure.state.add_group(SUBSCRIPTION, "rg-ase")
    azure.state.environments[resource_id.lower()] = Environment(
        resource_id=resource_id,
        location="West Europe",
        virtual_network={"id": f"{table_id('net')}/subnets/ase"},
        management=["70.37.57.58/32"],
    )


# -- Lists and pages --


def test_the_sdk_follows_the_pages_of_a_list(azure, client):
    names = [f"t{n}" for n in range(7)]
    for name in names:
        add_table(azure.state, name)
    azure.state.page_size = 3
    listed = [table.name for table in client(NetworkManagementClient).route_tables.list_all()]
    assert listed == names
    assert len(azure.state.log) == 3


def test_a_list_of_one_page_does_not_speak_of_the_next(azure, ask):
    add_table(azure.state, "one")
    answer = ask("GET", table_id("one").rsplit("/", 1)[0])
    assert answer.json().keys() == {"value"}
    assert "etag" not in answer.headers


def test_a_list_holds_what_is_in_its_scope_alone(azure, ask):
    for name in ("one", "two"):
        add_table(azure.state, name)
    azure.state.add_group(SUBSCRIPTION, "rg-one-more")
    in_group = ask("GET", table_id("one").rsplit("/", 1)[0]).json()["value"]
    assert [table["name"] for table in in_group] == ["one"]
    assert ask("GET", table_id("one-more").rsplit("/", 1)[0]).json()["value"] == []


# -- Service tags --


def test_service_tags_come_in_pages(azure, ask):
    seen, url = [], f"{LOCATION}/serviceTags"
    while url:
        page = ask("GET", url).json()
        seen += [tag["name"] for tag in page["values"]]
        url = page.get("nextLink")
    assert seen == [tag["name"] for tag in azure.state.tags.document("westeurope")["values"]]


def test_one_tag_is_asked_by_name(azure, client):
    tags = client(NetworkManagementClient).service_tag_information
    [tag] = tags.list("westeurope", tag_name="AppServiceManagement")
    assert tag.properties.address_prefixes == azure.state.tags.at("")["addressPrefixes"]
    [bare] = tags.list("westeurope", tag_name="AppServiceManagement", no_address_prefixes=True)
    assert not bare.properties.address_prefixes
    assert len(list(tags.list("westeurope"))) == 5


def test_the_tag_is_stepped_forward_and_a_location_may_lag(azure):
    azure.state.tags.lag["eastus2"] = 1
    step = http().post(f"{azure.url}/simulator/service-tags/step").json()
    assert step == {"published": "2019-12-09", "tagChangeNumber": 13}
    assert azure.state.tags.at("westeurope")["tagChangeNumber"] == 13
    assert azure.state.tags.at("eastus2")["tagChangeNumber"] == 11
    http().post(f"{azure.url}/simulator/service-tags/step?steps=99")
    assert azure.state.tags.at("westeurope")["published"] == "2022-12-12"


# -- Usages --


def test_usages_say_what_is_used_and_what_is_held(azure, client):
    add_table(azure.state, "one")
    add_table(azure.state, "abroad").location = "eastus"
    azure.state.limits["RoutesPerRouteTable"] = 600
    usages = {u.name.value: u for u in client(NetworkManagementClient).usages.list("westeurope")}
    assert usages["RoutesPerRouteTable"].limit == 600
    assert (usages["RouteTables"].current_value, usages["RouteTables"].limit) == (1, 200)


# -- App Service Environments --


def test_environments_are_listed_and_read(azure, client):
    azure.state.page_size = 1
    for name in ("ase", "ase2"):
        add_environment(azure, name)
    environments = client(WebSiteManagementClient).app_service_environments
    assert [e.name for e in environments.list()] == ["ase", "ase2"]
    assert [e.name for e in environments.list_by_resource_group("rg-ase")] == ["ase", "ase2"]
    read = environments.get("rg-ase", "ASE")
    # Microsoft.Web spells the segments in its own way.
    spelled = f"{table_id('net')}/Subnets/ase".replace("resourceGroups", "resourcegroups")
    assert (read.kind, read.virtual_network.id) == ("ASEV3", spelled)


def test_an_environment_says_who_manages_it(azure, client):
    add_environment(azure)
    environments = client(WebSiteManagementClient).app_service_environments
    entries = environments.get_inbound_network_dependencies_endpoints("rg-ase", "ase")
    assert {e.description: (e.endpoints, e.ports) for e in entries} == {
        "App Service management": (["70.37.57.58/32"], ["454", "455"]),
        "App Service Environment VIP": (["52.165.238.66/32"], ["454", "455", "16001"]),
        "App Service Environment subnet": (["192.168.250.0/24"], ["All"]),
    }


def test_an_environment_that_is_not_there(azure, ask):
    add_environment(azure)
    for path in (ASE.replace("/ase", "/b"), f"{ASE}2/inboundNetworkDependenciesEndpoints"):
        answer = ask("GET", path)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "ResourceNotFound"


# -- Subscriptions, identity, metadata --


def test_tenants_subscriptions_and_groups(azure, ask):
    azure.state.add_group(SUBSCRIPTION, "rg-New", "eastus")
    [tenant] = ask("GET", "/tenants").json()["value"]
    assert ask("GET", f"/subscriptions/{SUBSCRIPTION}").json()["tenantId"] == tenant["tenantId"]
    groups = f"/subscriptions/{SUBSCRIPTION}/resourcegroups"
    assert [g["name"] for g in ask("GET", groups).json()["value"]] == ["rg", "rg-New"]
    assert ask("GET", f"{groups}/RG-NEW").json()["location"] == "eastus"
    assert ask("GET", f"{groups}/nowhere").status_code == 404


@pytest.mark.parametrize("host", ["App Service", "IMDS"])
def test_a_managed_identity_gets_a_token(azure, ask, monkeypatch, host):
    add_table(azure.state, "one")
    if host == "App Service":
        for name, value in azure.environment().items():
            monkeypatch.setenv(name, value)
    else:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.url)
    token = ManagedIdentityCredential().get_token(SCOPE)
    headers = {"Authorization": f"Bearer {token.token}"}
    assert ask("GET", table_id("one"), headers=headers).status_code == 200
    assert azure.state.log[-1]["principal"] == azure.state.identities.app.object_id


def test_a_token_endpoint_that_is_asked_wrongly(azure):
    query = {"resource": "https://management.azure.com", "api-version": "2019-08-01"}
    app_service, imds = f"{azure.url}/msi/token", f"{azure.url}/metadata/identity/oauth2/token"
    assert http().get(app_service, params=query).status_code == 401
    own = {"x-identity-header": HEADER}
    assert http().get(app_service, headers=own).status_code == 400
    nobody = {**query, "client_id": "x"}
    assert http().get(app_service, params=nobody, headers=own).status_code == 400
    assert http().get(imds, params=query).status_code == 400
    assert http().get(imds, headers={"Metadata": "true"}).status_code == 400
    assert http().get(imds, params=nobody, headers={"Metadata": "true"}).status_code == 400


def test_the_cloud_says_where_it_is(azure):
    answer = http().get(f"{azure.url}/metadata/endpoints?api-version=2022-09-01").json()
    assert answer["resourceManager"] == azure.url
    assert answer["authentication"]["audiences"]
