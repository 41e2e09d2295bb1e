"""The daily check at the command line: it looks, says what is wrong, and writes nothing."""

from dataclasses import replace

import pytest

from local.azure.faults import refusal
from shared.domain.runs.run import Trigger
from shared.render import since_right
from shared.sync.asking import CheckRequest
from shared.sync.requester import Requester
from tests.builders.azure import add_table, answer, table_id
from tests.builders.notices import wrong_table
from tests.builders.routes import owned, owned_prefixes, route
from tests.builders.runs import TAG, register, sync
from tests.builders.tags import tag_table

A, B = "20.0.0.0/24", "20.0.1.0/24"


@pytest.fixture
def tables(azure, app):
    answer(azure, A)
    found = {name: add_table(azure.state, name, [owned(A)]) for name in ("one", "two")}
    register(app, "one", "two")
    sync(app)
    azure.state.log.clear()
    return found


def test_all_right_is_status_0(app, tables, cli):
    done = cli("check")
    assert done.status == 0, done.out + done.err
    assert "2 of 2 route tables are right." in done.out
    assert "apply" not in done.out


def test_a_table_that_is_not_right_is_status_1_and_nothing_is_written(azure, app, tables, cli):
    tables["one"].routes = []
    done = cli("check", "--reason", "CHG7")
    assert done.status == 1
    assert "1 of 2 route tables are right." in done.out
    [row] = [line for line in done.out.splitlines() if "rg-one/one" in line]
    assert row.startswith("planned") and "not found right for less than a day" in row
    assert "To bring them to the newest versions: ase-route-sync apply" in done.out
    assert "ase-route-sync plan" not in done.out
    assert azure.state.writes() == []
    [check, _sync] = app.runs.list()
    assert (check.request.action, check.request.reason) == ("check", "CHG7")


def test_a_table_that_was_never_right_is_not_said_to_have_been(azure, app, tables, cli):
    add_table(azure.state, "new")
    register(app, "new")
    done = cli("check")
    [row] = [line for line in done.out.splitlines() if "rg-new/new" in line]
    assert row.endswith("not found right for less than a day")


def test_a_conflict_is_not_left_to_apply(tables, cli):
    tables["one"].routes = [route("elsewhere", A, "None")]
    done = cli("check")
    assert done.status == 1
    assert "What is in the way, and what to do: ase-route-sync plan" in done.out
    assert "ase-route-sync apply" not in done.out
    tables["two"].routes = []
    both = cli("check").out
    assert "ase-route-sync plan" in both and "ase-route-sync apply" in both


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0.99, "less than a day"),
        (1, "1 day"),
        (1.49, "1 day"),
        (1.51, "2 days"),
    ],
)
def test_the_time_since_a_table_was_right_is_rounded_to_days(days, said):
    checked = replace(wrong_table("one"), days_since_right=days)
    assert since_right(checked) == f"not found right for {said}"


def test_a_tag_that_has_changed_is_status_1(azure, tables, cli):
    answer(azure, A, B)
    done = cli("check")
    assert done.status == 1
    assert "Changed since the last recorded version: AppServiceManagement" in done.out


def test_an_alarm_is_status_1_and_says_what_to_do(tables, cli):
    done = cli("check", SYNC_SCHEDULE="")
    assert done.status == 1
    assert "! ScheduleMissing: " in done.out
    assert "Set the app setting that the alarm names." in done.out


def test_an_alarm_says_what_to_do_once(tables, cli):
    done = cli("check", PUBLISHED_TAGS_URL="https://127.0.0.1:9/weekly.json")
    assert "! WeeklyFileUnusable: " in done.out
    assert " ".join(done.out.split()).count("The message says why.") == 1
    assert "  → ase-route-sync doctor" in done.out


def test_the_error_of_a_table_is_named(azure, tables, cli):
    error = {"error": {"code": "AuthorizationFailed", "message": "no right"}}
    azure.state.faults.append(refusal("GET", "routeTables/two$", 403, error, times=99))
    done = cli("check")
    assert done.status == 1
    [row] = [line for line in done.out.splitlines() if "rg-two/two" in line]
    assert row.startswith("not judged") and "AuthorizationFailed: no right" in row


def test_in_json_the_report_has_the_result(tables, cli):
    tables["one"].routes = []
    done = cli("check", "--json")
    assert done.status == 1
    result = done.json["result"]
    assert (done.json["action"], result["right"], result["tables"]) == ("check", 1, 2)
    assert {one["routeTableId"]: one["right"] for one in result["routeTables"]} == {
        table_id("one"): False,
        table_id("two"): True,
    }
    shown = cli("runs", done.json["runId"], "--json").json
    assert shown["result"] == result
    assert "1 of 2 route tables are right." in cli("runs", "last").out


def test_people_are_told_once(tables, receiver, cli):
    settings = {"NOTIFY_WEBHOOK_URL": receiver.url, "SYNC_SCHEDULE": ""}
    assert cli("check", **settings).status == 1
    assert [notice["kind"] for notice in receiver.notices] == ["digest"]
    assert cli("check", **settings).status == 1
    assert len(receiver.notices) == 1


def test_apply_repairs_what_it_has_found(tables, cli):
    tables["one"].routes = []
    assert cli("check").status == 1
    assert cli("apply", "--yes").status == 0
    assert owned_prefixes(tables["one"]) == {A}
    assert cli("check").status == 0


def test_a_check_of_the_app_shows_what_azure_tags_have_registered(azure, make_app, cli):
    answer(azure, A)
    app = make_app(DISCOVER_BY_TAG="true")
    tag_table(add_table(azure.state, "one"), TAG)
    run = app.asking.check(CheckRequest(), Requester(Trigger.HTTP, "somebody"))
    app.task_runs.go_on(run.run_id)
    shown = cli("runs", run.run_id).out
    assert "registered rg-one/one: its Azure tag is aseRouteSync" in " ".join(shown.split())
