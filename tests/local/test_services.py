"""The services that need routes, held against Microsoft's newest file of the public cloud."""

import gzip
import json
from ipaddress import ip_network

import pytest

from local import services
from shared.domain.routing.published_tags import PUBLISHED
from shared.domain.services.known import SERVICES
from shared.domain.services.service import REGION
from tests.builders.recorded import DOCUMENTS, needs_documents

BY_NAME = {service.name: service for service in SERVICES}
PUBLIC = PUBLISHED["AzureCloud"]


def tags_in(name, region):
    return [tag.replace(REGION, region) for tag in BY_NAME[name].service_tags]


def test_the_page_is_what_the_list_says():
    assert services.PAGE.read_text() == services.text(), "make services writes it anew"


def test_the_readme_has_each_service_and_when_it_is_needed():
    page = services.README.read_text()
    assert page == services.readme(page), "make services writes it anew"
    for service in SERVICES:
        assert f"`{service.name}`" in page
        assert service.needed_when in page


def test_no_service_is_in_the_list_twice():
    assert len(BY_NAME) == len(SERVICES)


@pytest.mark.parametrize("name", BY_NAME)
def test_each_tag_of_a_service_is_one_that_microsoft_publishes(name):
    said = {tag: PUBLIC.says(tag) for tag in tags_in(name, "westeurope")}
    assert [tag for tag, routable in said.items() if routable is None] == []


@pytest.mark.parametrize("name", BY_NAME)
def test_each_service_names_the_page_that_confirms_it(name):
    service = BY_NAME[name]
    assert service.sources
    assert all(each.url.startswith("https://learn.microsoft.com/") for each in service.sources)
    assert service.inbound is None or service.inbound.service_tag in service.service_tags


@pytest.mark.parametrize(
    ("name", "routable"),
    [
        ("appServiceEnvironment", [True]),
        ("apiManagement", [True]),
        ("databricks", [True, True, True, True]),
        ("batch", [False]),
        ("azureMachineLearning", [True]),
        ("hdInsight", [True]),
        ("entraDomainServices", [True]),
        ("azureVirtualDesktop", [True]),
        ("dataFactoryIntegrationRuntime", [False]),
    ],
)
def test_which_tags_of_a_service_can_be_one_route(name, routable):
    assert [PUBLIC.says(tag) for tag in tags_in(name, "westeurope")] == routable


@needs_documents
def test_databricks_in_west_europe_is_four_tag_routes_or_many_prefixes():
    raw = (DOCUMENTS / "ServiceTags_Public_20251027.json.gz").read_bytes()
    published = {
        value["name"].lower(): value["properties"]["addressPrefixes"]
        for value in json.loads(gzip.decompress(raw))["values"]
    }
    tags = tags_in("databricks", "westeurope")
    prefixes = {prefix for tag in tags for prefix in published[tag.lower()]}
    assert len(tags) == 4
    assert len([p for p in prefixes if ip_network(p).version == 4]) == 715
