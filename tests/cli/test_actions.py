"""What starts a run: what is shown, what is written, and with which status it ends."""

import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from local import sample
from local.azure.faults import refusal
from shared.cli.actions import exit_status
from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.report import Report
from shared.domain.runs.run import Mode, Run, RunRequest, RunStatus, Trigger
from shared.settings import Settings
from tests.builders.azure import SUBSCRIPTION, add_table, rid, table_id, table_writes, tag_document
from tests.builders.routes import foreign_routes, owned, owned_prefixes, route, to_firewall
from tests.builders.runs import TAG, keep, register, sync
from tests.builders.services import (
    DATABRICKS,
    OF_SERVICES,
    add_each,
    add_network,
    add_service,
    databricks,
    publish,
)

A, B, C, D, E = (f"20.0.{number}.0/24" for number in range(5))


@pytest.fixture
def table(azure, app):
    """One that lacks A, and has B for no longer than it has to."""
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one")
    return add_table(azure.state, "one", [to_firewall(), owned(B)])


def test_plan_then_apply_then_nothing_to_do(azure, app, table, cli):
    planned = cli("plan")
    assert (planned.status, planned.err) == (2, "")
    lines = planned.out.splitlines()
    at = lines.index(f"  + {A}")
    assert lines[at - 1].startswith("# one in rg-one") and lines[at - 1].endswith("will be changed")
    assert lines[at + 1 : at + 3] == [f"  - {B}", ""]
    assert "Plan: 1 to add, 0 to change, 1 to remove" in planned.out
    assert azure.state.writes() == []
    applied = cli("apply", "--yes", "--route-table", table_id("one"))
    assert (applied.status, applied.err) == (0, "")
    assert "Done: 1 added, 0 changed, 1 removed" in applied.out
    assert owned_prefixes(table) == {A}
    assert foreign_routes(table) == [to_firewall()]
    nothing = cli("plan")
    assert nothing.status == 0
    assert "Plan: 0 to add, 0 to change, 0 to remove" in nothing.out
    assert [run.request.trigger for run in app.runs.list()] == ["cli"] * 3


def test_what_is_confirmed_is_applied_exactly(azure, app, table, cli):
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL)))
    declined = cli("apply", types="n\n")
    assert declined.status == 1
    assert "nothing was changed" in declined.err
    assert azure.state.writes() == []
    confirmed = cli("apply", types="y\n")
    assert confirmed.status == 0
    assert owned_prefixes(table) == {A}
    [apply_run, plan_run, *_] = app.runs.list()
    assert apply_run.request.plan_run_id == plan_run.run_id


def test_nothing_to_confirm_is_not_asked(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one")
    add_table(azure.state, "one", [owned(A)])
    done = cli("apply", types="")
    assert done.status == 0
    assert "Apply this?" not in done.err


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_without_somebody_to_ask_nothing_is_begun(app, table, cli, more):
    refused = cli("apply", *more, types="y\n" if more else None)
    assert refused.status == 1
    assert "--yes" in refused.err + refused.out
    assert list(app.runs.list()) == []


def test_yes_leaves_withheld_what_waits_for_approval(azure, app, table, cli):
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL)))
    waiting = cli("apply", "--yes")
    assert waiting.status == 2
    assert f"waits for approval: add {A}" in waiting.out
    assert azure.state.writes() == []
    plan = cli("plan", "--json").json["runId"]
    assert cli("apply", "--plan", plan, "--yes", "--reason", "seen").status == 0
    assert owned_prefixes(table) == {A}


def test_what_a_guard_blocks_is_status_3_and_can_be_forced(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one")
    table = add_table(azure.state, "one", [owned(p) for p in (A, B, C, D, E)])
    blocked = cli("apply", "--yes")
    assert blocked.status == 3
    assert "MaxRemovedPercent" in blocked.out
    assert "→ Check whether the service tag or list really shrank." in " ".join(blocked.out.split())
    assert owned_prefixes(table) == {A, B, C, D, E}
    plan = cli("plan", "--json")
    assert plan.status == 3
    forced = ("--plan", plan.json["runId"], "--force", "MaxRemovedPercent", "--yes")
    unreasoned = cli("apply", *forced)
    assert unreasoned.status == 1
    assert "reason" in unreasoned.err
    assert cli("apply", *forced, "--reason", "moved away").status == 0
    assert owned_prefixes(table) == {A}


def test_a_conflict_and_a_failure_are_status_1(azure, app, cli):
    add_table(azure.state, "one", [to_firewall(A, "mine")])
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one")
    conflict = cli("apply", "--yes")
    assert conflict.status == 1
    assert "route mine sends it to VirtualAppliance" in conflict.out
    azure.state.tags.answers["westeurope"] = b"no"
    unusable = cli("apply", "--yes")
    assert unusable.status == 1
    assert "TagUnavailable" in unusable.out


def test_tables_that_change_alike_are_shown_once(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one", "two")
    for name in ("one", "two"):
        add_table(azure.state, name)
    planned = cli("plan")
    assert planned.out.count(f"+ {A}") == 1
    assert "# one in rg-one" in planned.out and "# two in rg-two" in planned.out
    assert "Plan: 2 to add" in planned.out


def test_json_is_the_report_and_nothing_else(app, table, cli):
    planned = cli("plan", "--json")
    assert (planned.status, planned.err) == (2, "")
    assert planned.json["outcomes"][0]["added"] == [A]
    assert planned.json["trigger"] == "cli"


def test_what_is_asked_wrongly_is_said_and_begins_nothing(app, cli):
    refused = cli("plan", "--route-table", table_id("one"))
    assert refused.status == 1
    assert "not registered" in refused.err
    assert cli("plan", "--route-table", "nonsense").status == 1
    as_json = cli("plan", "--route-table", "nonsense", "--json")
    assert as_json.status == 1
    assert as_json.json["error"]["code"] == "NotRegistered"
    not_an_id = cli("plan", "--route-table", "/subscriptions/nonsense", "--json")
    assert not_an_id.json["error"]["details"][0]["target"] == "routeTables.0"
    assert list(app.runs.list()) == []


@pytest.mark.parametrize("typed", [("plan", "--nonsense"), ("nonsense",), ("adopt",), ()])
def test_what_is_typed_wrong_is_status_1_and_not_2(cli, typed):
    assert cli(*typed).status == 1


def test_help_says_what_the_statuses_mean(cli):
    helped = cli("--help")
    assert helped.status == 0
    assert "3 blocked" in " ".join(helped.out.split())


def test_commands_are_completed(cli):
    words = {"COMP_WORDS": "ase-route-sync ta", "COMP_CWORD": "1"}
    completed = cli(_ASE_ROUTE_SYNC_COMPLETE="complete_bash", **words)
    assert completed.out.split() == ["tables"]


def test_missing_settings_are_listed(cli):
    refused = cli("plan", without=("SERVICE_TAG_LOCATIONS",), ROUTE_OWNER="No!", alone=True)
    assert refused.status == 1
    assert "SERVICE_TAG_LOCATIONS: missing" in refused.err
    assert "ROUTE_OWNER" in refused.err
    assert "the app has recorded no settings in this storage account" in refused.err


def test_without_storage_there_is_nothing_to_follow(cli):
    refused = cli("plan", without=("AzureWebJobsStorage",), alone=True)
    assert refused.status == 1
    assert "AzureWebJobsStorage" in refused.err


def test_a_connection_string_that_is_none_is_one_error(cli):
    refused = cli("runs", AzureWebJobsStorage="UseDevelopmentStorage=true;nonsense")
    assert refused.status == 1
    assert "InvalidSettings" in refused.err and "AzureWebJobsStorage" in refused.err


def test_paused_writes_nothing_and_says_that_changes_are_pending(azure, table, cli):
    paused = cli("apply", "--yes", PAUSED="true")
    assert paused.status == 2
    assert azure.state.writes() == []


def test_adopt_then_rollback_then_release(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one")
    table = add_table(azure.state, "one", [route("by-hand", A)])
    assert cli("adopt", table_id("one"), "--reason", "ours").status == 1  # nobody to ask
    adopted = cli("adopt", table_id("one"), "--reason", "ours", types="y\n")
    assert adopted.status == 0
    assert owned_prefixes(table) == {A}
    run_id = next(app.runs.list()).run_id
    undone = cli("rollback", table_id("one"), "--run", run_id, "--reason", "no", types="y\n")
    assert undone.status == 0, undone.err
    assert foreign_routes(table) == [route("by-hand", A)]
    released = cli("release", table_id("one"), "--reason", "fine", "--json")
    assert released.status == 0
    assert released.json["status"]["held"] == []
    assert "Released. The next run brings it the routes." in released.err
    assert f"→ ase-route-sync apply --route-table {table_id('one')}\n" in released.err


def test_a_rollback_shows_only_this_table_of_the_run(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one", "two")
    for name in ("one", "two"):
        add_table(azure.state, name)
    run_id, before = sync(app)["runId"], len(table_writes(azure.state))
    shown = cli("rollback", table_id("one"), "--run", run_id, "--reason", "no", types="n\n")
    assert shown.status == 1
    assert "one in rg-one" in shown.out
    assert "two in rg-two" not in shown.out
    assert len(table_writes(azure.state)) == before
    unknown = cli("rollback", table_id("x"), "--run", run_id, "--reason", "no", types="y\n")
    assert unknown.status == 1
    assert "not registered" in unknown.err


def test_passing_trouble_is_tried_again_and_at_last_a_failure(
    azure, app, app_settings, laptop, monkeypatch, capsys
):
    """In this process: between two tries there are seconds."""
    from shared import app as wiring
    from shared.cli import in_place, main

    monkeypatch.setattr(wiring, "_app", lambda: app)
    monkeypatch.setattr(in_place, "SECONDS_BETWEEN", 0)
    add_table(azure.state, "one")
    register(app, "one")
    busy = {"Retry-After": "99"}
    azure.state.faults.append(refusal("PUT", "one", 503, {}, times=2, headers=busy))
    assert main(["apply", "--yes"]) == 0
    azure.state.faults.append(refusal("GET", "one", 503, {}, times=99, headers=busy))
    assert main(["apply", "--yes"]) == 1
    azure.state.faults.append(refusal("GET", "serviceTags", 503, {}, times=99, headers=busy))
    assert main(["apply", "--yes"]) == 1
    assert "AnswerWithoutCode: HTTP 503" in capsys.readouterr().out
    assert Settings.read(app_settings).paused is False


def test_a_person_sees_each_table_when_it_is_done(azure, app, laptop, monkeypatch, capsys):
    from shared import app as wiring
    from shared.cli import main, shell

    def terminal(*, stderr=False):
        return Console(stderr=stderr, force_terminal=stderr, width=120)

    monkeypatch.setattr(wiring, "_app", lambda: app)
    monkeypatch.setattr(shell, "console", terminal)
    for name in ("one", "two"):
        add_table(azure.state, name)
    register(app, "one", "two")
    assert main(["apply", "--yes"]) == 0
    shown = capsys.readouterr().err
    assert "rg-one/one" in shown and "rg-two/two" in shown
    assert "2/2" in shown


@pytest.mark.parametrize(
    ("error", "counts", "status"),
    [
        (None, {}, 0),
        (None, {"changed": 1, "unchanged": 1}, 0),
        (None, {"planned": 1}, 2),
        (None, {"blocked": 1, "planned": 1}, 3),
        (None, {"failed": 1, "blocked": 1}, 1),
        (None, {"conflict": 1}, 1),
        (Finding(lookup("X"), "y"), {}, 1),
    ],
)
def test_exit_statuses(error, counts, status):
    request = RunRequest(Trigger.CLI, Mode.PLAN)
    now = datetime.now(UTC)
    run = Run("r", request, now, RunStatus.SUCCEEDED, error=error, counts=counts)
    assert exit_status(Report.of(run, [])) == status


def test_a_subscription_that_can_not_be_looked_through_is_status_1(azure, app, cli):
    unknown = "99999999-9999-4999-8999-999999999999"
    refused = cli("discover", "--subscription", unknown)
    assert refused.status == 1
    assert unknown in refused.out
    assert cli("discover", "--subscription", SUBSCRIPTION).status == 0
    assert cli("discover", "--subscription", "nonsense").status == 1


def test_discover_says_each_trouble_once_and_what_to_do(azure, app, cli):
    found = sample.fill(azure.state)
    for name in ("ase01", "ase04"):
        [table] = [one for one in found.registered if one.endswith(f"/rt-{name}")]
        assert cli("tables", "add", table, **sample.settings()).status == 0
    shown = cli("discover", **sample.settings()).out
    assert shown.count("RegisteredWithoutAse") == 1
    assert "\n      ase01, ase04\n" in shown
    for name in ("ase01", "ase04"):
        command = rf"^      ase-route-sync tables set \S+/rt-{name} --ase \S+/{name}$"
        assert re.search(command, shown, re.MULTILINE)
    assert f"\n      ase-route-sync provision {found.without_table}\n" in shown
    assert "To register what is not: ase-route-sync discover --register" in shown
    cli("discover", "--register", **sample.settings())
    assert "discover --register" not in cli("discover", **sample.settings()).out


def test_discover_shows_other_services_and_registers_those_that_are_allowed(azure, app, cli):
    publish(azure.state, "AppServiceManagement")
    add_each(azure.state)
    settings = {"ALLOWED_SERVICE_TAGS": "AppServiceManagement,databricks"}
    shown = cli("discover", **settings)
    assert shown.status == 0, shown.err
    assert re.search(r"^ *no +n1 +databricks +n1 +westeurope, ", shown.out, re.MULTILINE)
    assert "To register what is not: ase-route-sync discover --register" in shown.out
    assert shown.out.count("apiManagement is not in ALLOWED_SERVICE_TAGS") == 1
    assert "environment" not in shown.out.split("To look at:")[0]

    shown = cli("discover", "--register", **settings).out
    assert re.search(r"^ *yes +n1 +databricks ", shown, re.MULTILINE)
    assert "To register what is not" not in shown
    [entry] = app.registry.list()
    assert (entry.registration.service, entry.registration.region) == ("databricks", "westeurope")


def test_what_to_do_about_a_service_is_no_command_for_an_environment_or_another_table(
    azure, app, cli
):
    tables = {name: add_table(azure.state, name) for name in ("public", "private")}
    network = add_network(azure.state, "dbx", tables)
    add_service(azure.state, DATABRICKS, "dbx", databricks(network))
    keep(app, RegisteredTable(rid("public"), Registration(OF_SERVICES["databricks"])))
    keep(app, RegisteredTable(rid("private"), Registration(("AppServiceManagement",))))
    alone = add_network(azure.state, "alone", {"public": tables["public"], "private": None})
    add_service(azure.state, DATABRICKS, "alone", databricks(alone))

    shown = cli("discover", ALLOWED_SERVICE_TAGS="AppServiceManagement,databricks").out
    assert "SubnetWithoutRouteTable" in shown
    assert "ase-route-sync provision" not in shown
    assert "/private is registered without AzureDatabricks" in shown
    assert "\n      ase-route-sync tables show TABLE\n" in shown
    # Every table that was found is registered.
    assert "To register what is not" not in shown


def test_discover_provision_and_what_is_found_then(azure, app, cli):
    found = sample.fill(azure.state)
    settings = sample.settings()
    listed = cli("discover", **settings)
    assert listed.status == 0, listed.err
    assert "ase-legacy" in listed.out and "SubnetWithoutRouteTable" in listed.out
    assert list(app.registry.list()) == []
    registered = cli("discover", "--register", "--json", **settings)
    assert len(list(app.registry.list())) == 13
    report = registered.json
    assert (report["action"], report["trigger"], report["status"]) == (
        "discover",
        "cli",
        "Succeeded",
    )
    assert len(report["result"]["value"]) == 14
    assert cli("runs", report["runId"], "--json", **settings).json == report
    assert "ase-legacy" in cli("runs", report["runId"], **settings).out
    assert re.search(f"{report['runId']} +discover +Succeeded .*cli", cli("runs", **settings).out)
    planned = cli("provision", found.without_table, "--plan", **settings)
    assert planned.status == 2, planned.out
    assert "Beside the routes:" in planned.out and "NotAttached" not in planned.out
    assert "/ase-new-Route-Table did not exist and is made" in planned.out
    assert re.search("the table is set on subnet .*/snet-ase$", planned.out, re.MULTILINE)
    assert azure.state.writes() == []
    done = cli(
        "provision",
        found.without_table,
        "--nsg",
        "ensure",
        "--tag",
        "team=net",
        "--yes",
        **settings,
    )
    assert done.status == 0, done.out + done.err
    assert len(list(app.registry.list())) == 14
    assert (
        cli("provision", found.without_table, "--tag", "nonsense", "--yes", **settings).status == 1
    )


@pytest.mark.parametrize("command", ["apply", "approve", "adopt"])
def test_a_paused_app_is_named_instead_of_a_question_that_changes_nothing(
    azure, app, table, cli, command
):
    table.routes.append(route("theirs", A))
    sync(app, mode=Mode.PLAN)
    asked = {
        "apply": ("apply",),
        "approve": ("approve", "last"),
        "adopt": ("adopt", "one", "--reason", "x"),
    }
    done = cli(*asked[command], types="y\n", PAUSED="true")
    assert (done.status, "[y/N]" in done.err) == (2, False), done.err
    assert "Nothing is written while PAUSED is true" in done.out
    assert "ase-route-sync apply --plan" not in done.out
    assert azure.state.writes() == []


def test_what_only_plans_while_the_app_is_paused_says_so(azure, table, cli):
    done = cli("apply", "--yes", PAUSED="true")
    assert done.status == 2
    assert done.out.splitlines()[-1].startswith("Nothing is written while PAUSED is true")
    shown = cli("runs", "last", PAUSED="true")
    assert "Nothing is written while PAUSED is true" in shown.out
    assert "ase-route-sync apply --plan" in cli("runs", "last").out
    assert cli("apply", "--yes", "--json", PAUSED="true").json["mode"] == "plan"
    taken = cli("tables", "remove", "one", "--with-routes", "--yes", PAUSED="true")
    assert taken.status == 2
    assert "Nothing is written while PAUSED is true" in taken.out
    assert azure.state.writes() == []


def test_what_no_run_has_shown_cannot_be_forced_and_the_option_for_it_is_named(app, cli):
    refused = cli("apply", "--yes", "--force", "TableFailed")
    assert refused.status == 1
    assert "give the run (planRunId, --plan) and reason" in refused.err
