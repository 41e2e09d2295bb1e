"""Paths and queries as people and programs write them."""

import json
from urllib.parse import urlencode

import pytest

from local.plain_http import http
from tests.builders.azure import add_table, table_id
from tests.builders.functions import HTTP_FUNCTIONS
from tests.builders.routes import to_firewall


@pytest.fixture(scope="module")
def runs(common_azure, common_host):
    """Two runs, the newest first, of one registered table."""
    add_table(common_azure.state, "one", [to_firewall()])
    common_host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    started = [common_host.request("POST", "/api/sync", json={}).json()["runId"] for _ in range(2)]
    for run_id in started:
        common_host.ended_run(run_id)
    return started[::-1]


def listed(host, query):
    page = host.request("GET", f"/api/runs{query}").raise_for_status().json()
    return [run["runId"] for run in page["value"]]


def test_the_names_of_a_query_ignore_case(common_host, runs):
    assert listed(common_host, "?TOP=1") == runs[:1]
    assert listed(common_host, f"?skiptoken={runs[0]}") == runs[1:]
    run = http().get(f"{common_host.url}/api/dashboard?Code={common_host.key}&RUN={runs[0]}")
    assert (run.status_code, runs[0] in run.text) == (200, True)
    assert f"code={common_host.key}" in run.text


def test_the_runs_of_a_change_are_found_by_its_id(host):
    change = "CHG 'é' & 1"
    bodies = [
        {"changeId": change},
        {"changeId": change, "reason": "again"},
        {"changeId": "CHG"},
        {},
    ]
    started = [host.request("POST", "/api/sync", json=body).json()["runId"] for body in bodies]
    query = urlencode({"changeId": change})
    assert listed(host, f"?{query}") == [started[1], started[0]]
    assert listed(host, "?CHANGEID=none") == []
    assert listed(host, "?changeId=") == started[::-1]

    page = host.request("GET", f"/api/runs?top=1&{query}").json()
    assert [run["runId"] for run in page["value"]] == [started[1]]
    following = http().get(page["nextLink"], headers={"x-functions-key": host.key}).json()
    assert [run["runId"] for run in following["value"]] == [started[0]]
    assert following["nextLink"] is None


def test_an_empty_value_of_a_query_is_no_value(common_host, runs):
    assert listed(common_host, "?top=&skipToken=") == listed(common_host, "?top&skipToken") == runs
    overview = http().get(
        f"{common_host.url}/api/dashboard?code={common_host.key}&run=&routeTable=&page="
    )
    assert (overview.status_code, runs[0] in overview.text) == (200, True)


def test_a_value_that_comes_twice_is_a_fault(common_host, runs):
    for query in ("top=1&top=2", f"skipToken={runs[0]}&skipToken={runs[1]}", "top=1&Top=1"):
        answer = common_host.request("GET", f"/api/runs?{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidQuery")


def test_each_function_refuses_a_parameter_that_it_does_not_know(azure, host):
    add_table(azure.state, "one", [to_firewall()])
    table = f"/api/route-tables{table_id('one')}"
    host.request("PUT", table, json={}).raise_for_status()
    before = host.request("GET", table).json()
    for _name, method, path in HTTP_FUNCTIONS:
        answer = host.request(method, f"/api/{path}?mode=plan&PAGES=1", json={})
        assert answer.status_code == 400, path
        assert "mode" in answer.text and "PAGES" in answer.text, path
    assert azure.state.writes() == []
    assert host.request("GET", table).json() == before
    assert host.request("GET", "/api/runs").json()["value"] == []


def test_the_key_and_its_name_are_parameters_of_each_function(host):
    for _name, method, path in HTTP_FUNCTIONS:
        answer = http().request(
            method, f"{host.url}/api/{path}?CODE={host.key}&clientid=a", json={}
        )
        assert "InvalidQuery" not in answer.text, path


def test_one_table_has_no_pages(azure, host):
    add_table(azure.state, "one")
    table = f"/api/route-tables{table_id('one')}"
    host.request("PUT", table, json={}).raise_for_status()
    assert host.request("GET", f"{table}?top=1").status_code == 400


def test_a_slash_at_the_end_changes_nothing(common_host, runs):
    assert listed(common_host, "/") == runs
    for path in (f"/api/runs/{runs[0]}", "/api/route-tables", "/api/versions"):
        assert (
            common_host.request("GET", f"{path}/").json() == common_host.request("GET", path).json()
        )
    table = f"/api/route-tables{table_id('one')}"
    assert (
        common_host.request("GET", f"{table}/").json() == common_host.request("GET", table).json()
    )
    assert common_host.request("GET", f"/api/dashboard/?run={runs[0]}").status_code == 200


@pytest.mark.usefixtures("runs")
def test_an_id_in_a_path_has_one_slash_before_it(common_host):
    resource_id = table_id("one")
    one = common_host.request("GET", f"/api/route-tables{resource_id}").json()
    encoded = resource_id.strip("/").replace("/", "%2F")
    for path in (encoded, resource_id.strip("/").upper()):
        found = common_host.request("GET", f"/api/route-tables/{path}")
        assert found.json()["routeTableId"] == one["routeTableId"]
    twice = common_host.request("DELETE", f"/api/route-tables/{resource_id}")
    assert (twice.status_code, twice.content) == (404, b"")
    assert common_host.request("GET", f"/api/route-tables{resource_id}").json() == one


@pytest.mark.usefixtures("runs")
def test_a_registration_that_two_headers_expect_is_one_of_them(common_host):
    path = f"/api/route-tables{table_id('one')}"
    etag = common_host.request("GET", path).headers["etag"]
    body, key = json.dumps({"note": "x"}), ("x-functions-key", common_host.key)

    def patched(*etags):
        headers = [key, *(("If-Match", each) for each in etags)]
        return http().patch(common_host.url + path, content=body, headers=headers)

    assert patched('"a"', '"b"').status_code == 412
    assert patched("").status_code == 412
    assert patched('"a"', etag).json()["registration"]["note"] == "x"
