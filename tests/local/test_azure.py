"""The simulated Azure answers as the real one was recorded to."""

import json
from typing import Any

import httpx
import pytest

from local.azure.identity import HEADER, TOKEN
from tests.builders import (
    RECORDINGS,
    SUBSCRIPTION,
    add_table,
    needs_recordings,
    route,
    table_id,
    to_firewall,
)

CALLER = {"Authorization": f"Bearer {TOKEN}"}
VERSION = {"api-version": "2025-05-01"}


@pytest.fixture
def ask(azure):
    def request(method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**CALLER, **options.pop("headers", {})}
        return httpx.request(method, azure.url + path, params=VERSION, headers=headers, **options)

    return request


def recorded(name: str) -> dict[str, Any]:
    response: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
    return response


def shape(value: object) -> object:
    """Keys in their order and types; of a list its first element."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def assert_as_recorded(answer: httpx.Response, name: str, *headers: str) -> None:
    expected = recorded(name)
    assert answer.status_code == expected["status"]
    assert shape(answer.json()) == shape(expected["body"])
    for header in ("azure-asyncoperation", "location", "etag", "x-ms-failure-cause", *headers):
        assert (header in answer.headers) == (header in expected["headers"]), header


@needs_recordings
def test_a_new_table(azure, ask):
    azure.state.add_group(SUBSCRIPTION, "rg-new")
    answer = ask("PUT", table_id("new"), json={"location": "eastus"})
    assert_as_recorded(answer, "routetable_put_create_201", "azure-asyncnotification")
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    poll = httpx.get(answer.headers["azure-asyncoperation"], headers=CALLER)
    assert_as_recorded(poll, "routetable_put_create_poll_200_succeeded", "retry-after")
    read = ask("GET", table_id("new"))
    assert read.json()["etag"] != answer.json()["etag"]
    assert read.headers["etag"] == read.json()["etag"]


@needs_recordings
def test_a_table_with_a_route_shares_its_etag(azure, ask):
    table = add_table(azure.state, "one", [route("a", "10.0.3.0/24")])
    table.tags, table.subnets, table.properties = None, [], {}
    answer = ask("GET", table_id("ONE"))
    assert_as_recorded(answer, "routetable_get_200_with_route_shared_etag")
    body = answer.json()
    assert body["properties"]["routes"][0]["etag"] == body["etag"]


@needs_recordings
def test_a_write_that_changes_nothing_keeps_the_etag(azure, ask):
    table = add_table(azure.state, "one", [to_firewall()])
    etag = table.etag
    answer = ask("PUT", table_id("one"), json=ask("GET", table_id("one")).json())
    assert answer.status_code == recorded("xplat_routetable_put_noop_200_no_retry_after")["status"]
    assert "azure-asyncoperation" in answer.headers
    assert "retry-after" not in answer.headers
    assert (answer.json()["etag"], table.etag) == (etag, etag)


@needs_recordings
def test_an_operation_that_runs_says_so_and_the_table_is_busy(azure, ask):
    add_table(azure.state, "one")
    azure.state.operation_seconds = 60
    body = {"location": "westeurope", "properties": {"routes": [to_firewall()]}}
    begun = ask("PUT", table_id("one"), json=body)
    poll = httpx.get(begun.headers["azure-asyncoperation"], headers=CALLER)
    assert_as_recorded(poll, "routetable_poll_200_InProgress")
    assert poll.headers["retry-after"]
    busy = ask("PUT", table_id("one"), json={"location": "westeurope"})
    name = "err_429_RetryableError_DueToAnotherOperation_route"
    assert_as_recorded(busy, name, "retry-after")
    assert busy.json()["error"]["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"


@needs_recordings
def test_an_operation_that_failed_is_a_200(azure, ask):
    add_table(azure.state, "one")
    azure.state.next_operation_error = {"code": "X", "message": "y", "details": []}
    begun = ask("PUT", table_id("one"), json={"location": "westeurope"})
    poll = httpx.get(begun.headers["azure-asyncoperation"], headers=CALLER)
    assert_as_recorded(poll, "xplat_network_async_poll_200_Failed_InternalServerError")


@needs_recordings
def test_another_etag_is_a_412(azure, ask):
    add_table(azure.state, "one")
    body = {"location": "westeurope"}
    answer = ask("PUT", table_id("one"), json=body, headers={"If-Match": "invalid"})
    assert_as_recorded(answer, "routetable_put_ifmatch_412_PreconditionFailed")
    assert 'W/"invalid"' in answer.json()["error"]["details"][0]["message"]


@needs_recordings
@pytest.mark.parametrize(
    ("routes", "name"),
    [
        ([route("a", "10.11.12.13/8")], "xplat_route_put_400_InvalidCIDRNotation"),
        (
            [route("a", "10.0.0.0/8"), route("b", "10.0.0.0/8")],
            "err_400_RouteConflict_duplicate_prefix",
        ),
        ([route("a/b", "10.0.0.0/8")], "err_400_InvalidResourceName"),
    ],
)
def test_bad_routes_refuse_the_whole_table(azure, ask, routes, name):
    table = add_table(azure.state, "one", [to_firewall()])
    body = {"location": "westeurope", "properties": {"routes": routes}}
    answer = ask("PUT", table_id("one"), json=body)
    assert_as_recorded(answer, name)
    assert answer.json()["error"]["code"] == recorded(name)["body"]["error"]["code"]
    assert table.routes == [to_firewall()]


@needs_recordings
def test_a_body_that_is_not_json(azure, ask):
    add_table(azure.state, "one")
    answer = ask("PUT", table_id("one"), content=b"{")
    assert_as_recorded(answer, "xplat_network_put_400_InvalidRequestFormat")


@needs_recordings
def test_what_is_not_there(azure, ask):
    add_table(azure.state, "one")
    missing = table_id("one").replace("routeTables/one", "routeTables/two")
    assert_as_recorded(ask("GET", missing), "routetable_get_404_ResourceNotFound")
    assert_as_recorded(
        ask("GET", f"{missing[:-3]}one/routes/x"), "xplat_route_get_404_NotFound_child"
    )
    group = ask("GET", table_id("other").rsplit("/", 1)[0])
    assert_as_recorded(group, "routetable_list_rg_404_ResourceGroupNotFound")


@needs_recordings
def test_routes_one_by_one(azure, ask):
    table = add_table(azure.state, "one")
    path = f"{table_id('one')}/routes/a"
    put = ask("PUT", path, json={"properties": route("a", "10.1.0.0/16", "None")["properties"]})
    assert_as_recorded(put, "route_put_create_201", "azure-asyncnotification")
    assert_as_recorded(ask("GET", path), "route_get_200")
    assert len(ask("GET", table_id("one") + "/routes").json()["value"]) == 1
    changed = ask("PUT", path, json={"properties": {"addressPrefix": "10.1.0.0/16"}})
    assert changed.status_code == 200
    deleted = ask("DELETE", path)
    assert deleted.status_code == recorded("route_delete_202")["status"]
    assert {"azure-asyncoperation", "location"} <= set(deleted.headers)
    assert ask("DELETE", path).status_code == 204
    assert table.routes == []


def test_a_table_in_use_is_not_deleted_and_a_free_one_is(azure, ask):
    table = add_table(azure.state, "one")
    refused = ask("DELETE", table_id("one"))
    assert refused.json()["error"]["code"] == "InUseRouteTableCannotBeDeleted"
    table.subnets = []
    assert ask("DELETE", table_id("one")).status_code == 202
    assert ask("DELETE", table_id("one")).status_code == 204


def test_tags_alone_are_changed_at_once(azure, ask):
    table = add_table(azure.state, "one", [to_firewall()])
    etag = table.etag
    answer = ask("PATCH", table_id("one"), json={"tags": {"a": "b"}})
    assert "azure-asyncoperation" not in answer.headers
    assert answer.json()["tags"] == {"a": "b"}
    assert table.etag != etag
    assert table.routes == [to_firewall()]


@needs_recordings
def test_tables_of_a_subscription_are_listed(azure, ask):
    add_table(azure.state, "one")
    answer = ask("GET", f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.network/ROUTETABLES")
    assert answer.status_code == 200
    assert list(answer.json()) == ["value"]
    entry = answer.json()["value"][0]
    assert entry["properties"]["subnets"][0].keys() == {"id"}


def test_callers_say_who_they_are_and_which_version(azure):
    add_table(azure.state, "one")
    url = azure.url + table_id("one")
    assert httpx.get(url, params=VERSION).status_code == 401
    answer = httpx.get(url, headers=CALLER)
    assert answer.json()["error"]["code"] == "MissingApiVersionParameter"


def test_a_managed_identity_gets_a_token(azure):
    url = f"{azure.url}/msi/token"
    query = {"resource": "https://management.azure.com", "api-version": "2019-08-01"}
    assert httpx.get(url, params=query).status_code == 401
    headers = {"x-identity-header": HEADER}
    assert httpx.get(url, headers=headers).status_code == 400
    assert httpx.get(url, params=query, headers=headers).json()["access_token"] == TOKEN


def test_the_tag_is_stepped_forward_and_a_location_may_lag(azure):
    azure.state.tags.lag["eastus2"] = 1
    step = httpx.post(f"{azure.url}/simulator/service-tags/step").json()
    assert step == {"published": "2019-12-09", "tagChangeNumber": 13}
    assert azure.state.tags.at("westeurope")["tagChangeNumber"] == 13
    assert azure.state.tags.at("eastus2")["tagChangeNumber"] == 11
    httpx.post(f"{azure.url}/simulator/service-tags/step?steps=99")
    assert azure.state.tags.at("westeurope")["published"] == "2022-12-12"
