"""Resources of services over HTTP: found, registered, routed."""

import httpx
import pytest

from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, table_id
from tests.builders.services import OF_SERVICES, add_each, publish

TAG = "AppServiceManagement"


def discover(host, **body):
    answer = host.request("POST", "/api/discover", json=body)
    assert answer.status_code == 202, answer.text
    return host.ended_run(answer.json()["runId"])


@pytest.fixture
def host(make_host):
    return make_host(ALLOWED_SERVICE_TAGS=",".join([TAG, *OF_SERVICES]))


def test_each_service_is_found_registered_and_routed_by_its_own_tags(azure, host):
    publish(azure.state, TAG)
    add_each(azure.state)
    add_each(azure.state, OTHER_SUBSCRIPTION)
    found = discover(host, subscriptions=[SUBSCRIPTION])
    assert (found["status"], found["result"]["errors"]) == ("Succeeded", [])
    [workspace] = [e for e in found["result"]["services"] if e["service"] == "databricks"]
    network = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-n1/providers/Microsoft.Network"
    assert workspace == {
        "resourceId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-n1/providers"
        "/Microsoft.Databricks/workspaces/n1",
        "service": "databricks",
        "location": "westeurope",
        "subnets": [
            {
                "subnetId": f"{network}/virtualNetworks/n1/subnets/{name}",
                "routeTableId": table_id("n1"),
                "networkSecurityGroupId": None,
                "registered": False,
            }
            for name in ("public", "private")
        ],
        "faults": [],
    }

    found = discover(host, register=True)
    assert len(found["result"]["services"]) == 8
    registered = host.request("GET", f"/api/route-tables{table_id('n1')}").json()
    assert registered["registration"]["service"] == "databricks"
    run = host.ended_run(host.request("POST", "/api/sync", json={}).json()["runId"])
    assert (run["status"], run["counts"]["changed"]) == ("Succeeded", 8)
    by_table = {o["routeTableId"]: len(o["added"]) for o in run["outcomes"]}
    assert by_table[table_id("n1")] == len(OF_SERVICES["databricks"])


def test_the_page_of_the_run_lists_them_beside_the_environments(azure, host):
    add_each(azure.state)
    run_id = discover(host)["runId"]
    page = host.request("GET", f"/api/dashboard?run={run_id}")
    assert page.status_code == httpx.codes.OK
    assert "Other services" in page.text and "entraDomainServices in westeurope" in page.text
