"""A host whose worker has five threads: tables that wait for Azure keep nobody else waiting."""

import json

import pytest

from tests.builders.azure import add_table
from tests.builders.clocks import LONGEST_SECONDS
from tests.builders.runs import register

TABLES = 24


@pytest.fixture
def host(azure, app, make_host):
    names = [f"rt-{number}" for number in range(TABLES)]
    for name in names:
        add_table(azure.state, name)
    register(app, *names)
    return make_host(PYTHON_THREADPOOL_THREAD_COUNT="5", LOG_LEVEL="INFO")


def test_an_alert_is_answered_while_every_table_waits_for_azure(host, held):
    run_id = host.request("POST", "/api/sync", json={}).raise_for_status().json()["runId"]
    held.wait_for(TABLES)
    answer = host.request("POST", "/api/alerts", json={}, timeout=LONGEST_SECONDS)
    assert answer.status_code == 202
    assert host.request("GET", f"/api/runs/{run_id}").json()["status"] == "Running"
    held.let_go()
    assert host.ended_run(run_id)["status"] == "Succeeded"


def test_every_record_of_a_run_reaches_the_log_once(host):
    run_id = host.request("POST", "/api/sync", json={}).raise_for_status().json()["runId"]
    host.line_with('{"record": "run"')
    host.request("POST", "/api/alerts", json={}).raise_for_status()
    host.line_with('{"record": "alert"')
    lines = [line.partition("{") for line in host.errors if "ase_route_sync" in line]
    written = [json.loads(brace + rest) for _, brace, rest in lines if brace]
    kinds = [record["record"] for record in written if record.get("runId") in {run_id, None}]
    assert sorted(kinds) == ["alert", *["routeTable"] * TABLES, "run"]
