"""Whether Azure takes one route for a tag: its answer, its file or only Azure itself knows."""

import pytest

from shared.domain.registry.choices import RouteStyle
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from tests.builders.azure import add_table, rid, table_writes, tag_document
from tests.builders.routes import foreign_routes, owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, codes, keep, outcome_of, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"
REGIONAL, NEW = f"{TAG}.WestEurope", "AtlantisManagement"
ROUTABLE, NOT_ROUTABLE = ["API", "NSG", "UDR", "FW"], ["API", "NSG"]


@pytest.fixture
def app(make_app):
    return make_app(ALLOWED_SERVICE_TAGS=f"{TAG},{REGIONAL},{NEW},ApiManagement.WestEurope")


@pytest.fixture
def table(azure):
    return add_table(azure.state, "one", [to_firewall(), owned(A)])


def answer(azure, tag, *prefixes, **said):
    azure.state.tags.answers["westeurope"] = tag_document(prefixes or [A], tag, **said)


def run(app, tag):
    keep(app, RegisteredTable(rid("one"), Registration((tag,), route_style=RouteStyle.SERVICE_TAG)))
    return outcome_of(sync(app), "one")


@pytest.mark.parametrize("tag", [TAG, "ApiManagement.WestEurope"])
def test_a_tag_of_the_file_gets_its_route(azure, app, table, tag):
    answer(azure, tag)
    outcome = run(app, tag)
    assert (outcome["status"], outcome["findings"]) == ("changed", [])
    assert owned_prefixes(table) == {tag}


def test_a_tag_that_the_answer_allows_gets_its_route_whatever_the_file_says(azure, app, table):
    azure.state.tags.newly_routable.add(REGIONAL)
    answer(azure, REGIONAL, networkFeatures=ROUTABLE)
    outcome = run(app, REGIONAL)
    assert (outcome["status"], outcome["findings"]) == ("changed", [])
    assert owned_prefixes(table) == {REGIONAL}


def test_a_tag_that_the_answer_refuses_is_never_sent_whatever_the_file_says(azure, app, table):
    answer(azure, TAG, networkFeatures=NOT_ROUTABLE)
    outcome = run(app, TAG)
    assert outcome["error"]["code"] == "ServiceTagNotRoutable"
    assert outcome["error"]["message"].startswith("the Service Tag Discovery API says")
    assert azure.state.writes() == []
    assert owned_prefixes(table) == {A}


def test_a_route_that_stands_stays_if_the_answer_does_not_allow_it_any_more(azure, app, table):
    answer(azure, TAG, networkFeatures=ROUTABLE)
    assert run(app, TAG)["status"] == "changed"
    azure.state.log.clear()
    answer(azure, TAG, networkFeatures=NOT_ROUTABLE)
    assert outcome_of(sync(app), "one")["error"]["code"] == "ServiceTagNotRoutable"
    assert owned_prefixes(table) == {TAG}
    assert table_writes(azure.state) == []


def test_a_tag_that_neither_knows_gets_its_route_and_a_finding_until_azure_has_it(
    azure, app, table
):
    azure.state.tags.newly_routable.add(NEW)
    answer(azure, NEW)
    outcome = run(app, NEW)
    assert (outcome["status"], codes(outcome)) == ("changed", ["TagRouteUnconfirmed"])
    assert outcome["findings"][0]["message"].endswith(f": {NEW}")
    assert owned_prefixes(table) == {NEW}
    later = outcome_of(sync(app), "one")
    assert (later["status"], later["findings"]) == ("unchanged", [])


def test_if_azure_refuses_such_a_tag_the_table_stays_as_it_is(azure, app, table):
    answer(azure, NEW)
    before = list(table.routes)
    outcome = run(app, NEW)
    assert outcome["status"] == "failed"
    assert outcome["error"]["code"] == "InvalidAddressPrefixFormat"
    assert NEW in outcome["error"]["message"]
    assert table.routes == before
    keep(app, RegisteredTable(rid("one"), Registration((NEW,))))
    answer(azure, NEW, A, B)
    assert outcome_of(sync(app), "one")["findings"] == []
    assert owned_prefixes(table) == {A, B}
    assert foreign_routes(table) == [to_firewall()]
