"""A service is registered by one word over HTTP, and the host brings its table to its tags."""

import pytest

from tests.builders.azure import add_table, tag_document
from tests.builders.recorded import needs_documents, weekly_file
from tests.builders.routes import to_firewall
from tests.host.test_functions import register, run_to_end

DATABRICKS = {"service": "databricks", "region": "westeurope"}
TAGS = {"AzureDatabricks", "Sql.WestEurope", "Storage.WestEurope", "EventHub.WestEurope"}
pytestmark = needs_documents


@pytest.fixture
def host(azure, make_host):
    values = weekly_file("ServiceTags_Public_20251027.json")["values"]
    published = [value for value in values if value["name"] in TAGS]
    azure.state.tags.answers["westeurope"] = {**tag_document([]), "values": published}
    azure.state.limits["RoutesPerRouteTable"] = 1000
    return make_host(ALLOWED_SERVICE_TAGS="databricks")


@pytest.mark.parametrize(("style", "count"), [("serviceTag", 4), ("prefixes", 715)])
def test_databricks_in_west_europe_is_one_word(azure, host, style, count):
    table = add_table(azure.state, "one", [to_firewall()])
    answer = register(host, "one", **DATABRICKS, routeStyle=style)
    assert answer.status_code == 201
    shown = answer.json()["registration"]
    assert shown.items() >= (DATABRICKS | {"serviceTags": []}).items()
    assert register(host, "one", **shown).json()["registration"] == shown

    assert run_to_end(host)["status"] == "Succeeded"
    ours = [each for each in table.routes if each["name"].startswith("asemgmt--")]
    assert (len(ours), len(table.routes)) == (count, count + 1)
    if style == "serviceTag":
        assert {each["properties"]["addressPrefix"] for each in ours} == TAGS


def test_a_wrong_service_is_a_400_that_lists_the_names(azure, host):
    answer = register(host, "one", service="databrick", region="westeurope")
    assert answer.status_code == 400
    [detail] = answer.json()["error"]["details"]
    assert detail["target"] == "service"
    for name in ("databricks", "apiManagement", "azureVirtualDesktop"):
        assert name in detail["message"]
