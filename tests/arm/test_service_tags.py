"""Each page of the Service Tag Discovery API, over real HTTP."""

import pytest

from local.azure.faults import refusal
from shared.arm.service_tags import ServiceTagDiscovery
from shared.domain.errors import TransientError, UnusableServiceTag
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, tag_document

P = "20.0.0.0/24"


@pytest.fixture
def discovery(app) -> ServiceTagDiscovery:
    return ServiceTagDiscovery(app.clients, SUBSCRIPTION)


def names(document):
    return [value["name"] for value in document["values"]]


def link_to(azure, link):
    azure.state.tags.answers["westeurope"] = {**tag_document([P]), "nextLink": link}


def test_every_page_of_the_service_tags_is_read(azure, discovery):
    document = discovery.read("westeurope")
    assert len(names(document)) == 5
    pages = [e for e in azure.state.log if e["path"].endswith("/serviceTags")]
    assert [("skipToken" in page["query"]) for page in pages] == [False, True, True]


def test_a_link_to_another_host_is_not_followed(azure, discovery):
    link_to(azure, "http://127.0.0.1:9/steal-the-token")
    with pytest.raises(UnusableServiceTag, match="LinkNotFollowed"):
        discovery.read("westeurope")


def test_a_link_that_leads_to_itself_is_not_followed_for_ever(azure, discovery):
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope"
    link_to(azure, f"{azure.url}{path}/serviceTags?api-version=2025-05-01")
    with pytest.raises(UnusableServiceTag, match="bad nextLink"):
        discovery.read("westeurope")


def test_a_later_page_that_fails_is_not_taken_for_the_end(azure, discovery):
    link_to(azure, f"{azure.url}/subscriptions/{OTHER_SUBSCRIPTION}/nowhere?api-version=1")
    with pytest.raises(UnusableServiceTag):
        discovery.read("westeurope")


def test_a_later_page_that_may_pass_is_passing_trouble(azure, discovery):
    azure.state.faults.append(
        refusal("GET", "serviceTags", 200, {**tag_document([P]), "nextLink": _tags_url(azure)})
    )
    azure.state.faults.append(
        refusal("GET", "serviceTags", 503, {}, times=9, headers={"Retry-After": "31"})
    )
    with pytest.raises(TransientError):
        discovery.read("westeurope")


def _tags_url(azure):
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/x/serviceTags"
    return f"{azure.url}{path}?api-version=2025-05-01"
