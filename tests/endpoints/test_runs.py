"""The list of runs: each condition, and the pages of what fulfils it."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared import answers
from shared.domain.runs.run import Action, Mode, RunRequest, Trigger
from shared.endpoints.operations import OPERATIONS
from tests.builders.azure import SUBSCRIPTION, add_table, table_id, tag_document
from tests.builders.endpoints import call, serve
from tests.builders.runs import START, begin, begin_discovery, register, sync

LIST = next(one for one in OPERATIONS if one.operation_id == "list_runs")
GET = next(one for one in OPERATIONS if one.operation_id == "get_run")


@pytest.fixture
def ask(azure, app, monkeypatch, clock):
    """Ask for runs; return the status and the body of the answer."""
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24", "20.0.1.0/24"])
    for name in ("one", "two"):
        add_table(azure.state, name)
    register(app, "one", "two", "gone")
    serve(app, monkeypatch)

    def ask(**query: str) -> tuple[int, Any]:
        answer = call(LIST, params=query)
        return answer.status_code, json.loads(answer.get_body())

    return ask


@pytest.fixture
def listed(ask):
    """Return the ids of all runs that fulfil these conditions, page by page."""

    def listed(**query: str) -> list[list[str]]:
        pages = []
        while True:
            status, body = ask(**query)
            assert status == 200, body
            pages.append([run["runId"] for run in body["value"]])
            if body["nextLink"] is None:
                return pages
            query = dict(parse_qsl(urlsplit(body["nextLink"]).query))

    return listed


def test_each_condition_and_all_of_them_together(app, clock, listed):
    def later(run_id: str) -> str:
        clock.shift(timedelta(minutes=1))
        return run_id

    failed = later(sync(app)["runId"])  # the table `gone` is not in Azure
    of_two = later(sync(app, "two", change_id="CHG-1")["runId"])
    of_one = later(sync(app, "one")["runId"])
    plan = later(sync(app, "one", mode=Mode.PLAN)["runId"])
    by_timer = later(app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id)
    later(begin_discovery(app, SUBSCRIPTION))
    goes_on = begin(app, "two")
    app.run_start.start(by_timer)

    one, two, gone = (table_id(name) for name in ("one", "two", "gone"))
    assert listed(routeTable=one) == [[by_timer, plan, of_one, failed]]
    assert listed(routeTable=two.upper()) == [[goes_on, by_timer, of_two, failed]]
    assert listed(routeTable=gone) == [[by_timer, failed]]
    assert listed(routeTable=table_id("other")) == [[]]
    assert listed(status="Failed") == [[failed]]
    assert listed(status="Succeeded") == [[plan, of_one, of_two]]
    assert listed(trigger="timer") == [[by_timer]]
    assert listed(trigger="alert") == [[]]
    assert listed(routeTable=two, status="Running", trigger="http") == [[goes_on]]
    assert listed(routeTable=two, status="Succeeded", changeId="CHG-1") == [[of_two]]
    assert listed(routeTable=one, changeId="CHG-1") == [[]]


def test_a_run_before_its_fan_out_is_a_run_of_the_tables_that_it_names(app, listed):
    run_id = begin(app, "one")
    assert listed(routeTable=table_id("one")) == [[run_id]]
    assert listed(routeTable=table_id("two")) == [[]]


def test_an_overdue_run_has_failed_whatever_storage_says(app, clock, listed):
    overdue = begin(app, "one")
    clock.move_to(START + timedelta(hours=2))
    assert listed(status="Failed") == [[overdue]]
    assert listed(status="Running") == [[]]


@pytest.mark.parametrize("most", [1, 2, 3, 1000])
def test_the_pages_have_each_run_once_and_come_to_an_end(app, clock, listed, monkeypatch, most):
    monkeypatch.setattr(answers, "MOST_LOOKED_AT", most)
    of_two = []
    for name in ("one", "two", "one", "one", "one", "two", "two", "one"):
        run_id = begin(app, name)
        of_two += [run_id] if name == "two" else []
        clock.shift(timedelta(seconds=1))
    for top in ("1", "2", "3", "1000"):
        pages = listed(routeTable=table_id("two"), top=top)
        assert [run_id for page in pages for run_id in page] == of_two[::-1]
        assert all(len(page) <= int(top) for page in pages)
        if most == 1000:
            assert all(pages)  # there is always one more run for one more page
        else:
            assert len(pages) <= 8 // most + len(of_two) + 1


def test_every_fault_of_a_query_is_listed(ask):
    status, body = ask(routeTable="/subscriptions/x", status="failed", trigger="me", top="0", x="1")
    assert (status, body["error"]["code"]) == (400, "InvalidQuery")
    faults = {fault["target"]: fault["message"] for fault in body["error"]["details"]}
    assert set(faults) == {"routeTable", "status", "trigger", "top", "x"}
    assert "'Running', 'Succeeded' or 'Failed'" in faults["status"]
    assert "'timer'" in faults["trigger"]


def test_a_list_counts_the_prefixes_that_the_report_names(app, ask):
    first = sync(app)
    _status, body = ask()
    [run] = body["value"]
    assert run["versions"] == [
        {
            "versionId": first["versions"][0]["versionId"],
            "cloud": "AzureCloud",
            "serviceTag": "AppServiceManagement",
            "changeNumber": "1",
            "addedCount": 2,
            "removedCount": 0,
        }
    ]
    report = json.loads(call(GET, ids={"runId": run["runId"]}).get_body())
    assert report["versions"][0]["added"] == ["20.0.0.0/24", "20.0.1.0/24"]
    assert {key: run[key] for key in run if key != "versions"} == {
        key: report[key] for key in report if key not in {"versions", "outcomes"}
    }


@pytest.mark.parametrize("name", [*Action])
def test_a_run_says_what_it_does(app, ask, name):
    run_id = app.create_run(RunRequest(Trigger.HTTP, Mode.APPLY, action=Action(name))).run_id
    _status, body = ask()
    assert [(run["runId"], run["action"]) for run in body["value"]] == [(run_id, name)]
    report = json.loads(call(GET, ids={"runId": run_id}).get_body())
    assert report["action"] == name
