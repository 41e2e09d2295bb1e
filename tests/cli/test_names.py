"""A person names a table, an environment, a run or a version by as much as is clear."""

import pytest

from shared.domain.armid import EnvironmentId
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.azure import add_environment, add_table, answer, ase_id_of, rid, table_id
from tests.builders.routes import owned_prefixes, route
from tests.builders.runs import TAG, keep, register, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"


@pytest.fixture
def tables(azure, app):
    """Three tables that lack A: `pay`, `pay-test` and `web`."""
    answer(azure, A)
    register(app, "pay", "pay-test", "web")
    return {name: add_table(azure.state, name) for name in ("pay", "pay-test", "web")}


def planned(done):
    return [outcome["routeTableId"] for outcome in done.json["outcomes"]]


@pytest.mark.parametrize(
    "text",
    [
        table_id("web"),
        table_id("web").upper().lstrip("/"),
        *("web", "WEB", "rg-web/web", "11111111-1111-4111-8111-111111111111/RG-web/web"),
    ],
)
def test_a_whole_name_or_id_is_taken_without_a_word(tables, cli, text):
    done = cli("plan", "--route-table", text, "--json")
    assert (done.status, done.err) == (2, "")
    assert planned(done) == [table_id("web")]


@pytest.mark.parametrize("text", ["we", "g-web/w", "EB"])
def test_a_part_that_only_one_table_has_is_taken_and_standard_error_says_for_which(
    tables, cli, text
):
    done = cli("plan", "--route-table", text, "--json")
    assert (done.status, planned(done)) == (2, [table_id("web")])
    assert done.err == f"{text} means {table_id('web')}\n"


def test_a_whole_name_wins_over_a_part(tables, cli):
    done = cli("plan", "--route-table", "pay", "--json")
    assert (planned(done), done.err) == ([table_id("pay")], "")


def test_several_names_are_several_tables(tables, cli):
    done = cli("plan", "--route-table", "pay", "--route-table", "web", "--json")
    assert sorted(planned(done)) == [table_id("pay"), table_id("web")]


def test_what_fits_several_tables_lists_them_and_begins_nothing(tables, app, cli):
    done = cli("plan", "--route-table", "pa")
    assert (done.status, done.out) == (1, "")
    assert "NameAmbiguous: 'pa' fits 2 registered route tables" in done.err
    assert table_id("pay") in done.err.split()
    assert table_id("pay-test") in done.err.split()
    as_json = cli("plan", "--route-table", "pa", "--json")
    assert as_json.status == 1
    candidates = {one["message"] for one in as_json.json["error"]["details"]}
    assert candidates == {table_id("pay"), table_id("pay-test")}
    assert list(app.runs.list()) == []


def test_the_same_name_in_two_groups_is_told_apart_by_the_group(tables, app, cli):
    other = table_id("web").replace("rg-web", "rg-spare")
    keep(app, RegisteredTable(type(rid("web")).parse(other), Registration((TAG,))))
    assert "NameAmbiguous" in cli("plan", "--route-table", "web").err
    assert planned(cli("plan", "--route-table", "rg-web/web", "--json")) == [table_id("web")]


def test_a_long_list_of_candidates_is_cut_and_says_so(app, cli):
    register(app, *(f"t{number:02}" for number in range(21)))
    done = cli("tables", "set", "t", "--note", "x")
    assert "fits more than 20 registered route tables" in done.err
    assert (table_id("t19") in done.err, table_id("t20") in done.err) == (True, False)
    app.registry.delete(rid("t20"))
    assert "fits 20 registered route tables" in cli("tables", "set", "t", "--note", "x").err


@pytest.mark.parametrize("text", ["nonsense", ""])
def test_what_fits_no_table_says_where_all_are_listed(tables, cli, text):
    done = cli("adopt", text, "--reason", "x", "--yes")
    assert done.status == 1
    assert f"NotRegistered: '{text}' is no registered route table" in done.err
    assert "ase-route-sync tables list" in done.err


def test_a_name_of_a_disabled_table_is_that_table(tables, app, cli):
    register(app, "old", enabled=False)
    done = cli("plan", "--route-table", "old")
    assert done.status == 1
    assert "not registered, or disabled" in done.err
    assert cli("tables", "set", "old", "--enabled").status == 0
    assert app.registry.get(rid("old")).registration.enabled


@pytest.mark.parametrize(
    "command",
    [
        ("apply", "--yes", "--route-table", "we"),
        ("adopt", "we", "--reason", "x", "--yes"),
        ("rollback", "we", "--run", "x", "--reason", "x", "--yes"),
        ("release", "we", "--reason", "x"),
        ("tables", "set", "we", "--disabled"),
        ("tables", "remove", "we", "--yes"),
    ],
    ids=" ".join,
)
def test_nothing_is_changed_by_a_part_if_nobody_is_asked(tables, app, azure, cli, command):
    before = app.registry.get(rid("web"))
    done = cli(*command)
    assert done.status == 1
    assert f"NameIncomplete: 'we' is not a whole name or id. Do you mean {table_id('web')}?" in (
        done.err
    )
    assert app.registry.get(rid("web")) == before
    assert list(app.runs.list()) == []
    assert azure.state.writes() == []


def test_a_part_is_enough_if_a_person_confirms_what_it_stands_for(tables, app, cli):
    done = cli("apply", "--route-table", "we", types="y\n")
    assert done.status == 0, done.err
    assert f"we means {table_id('web')}" in done.err
    assert owned_prefixes(tables["web"]) == {A}
    assert owned_prefixes(tables["pay"]) == set()
    assert cli("tables", "remove", "we", types="y\n").status == 0
    assert app.registry.get(rid("web")) is None


def test_a_whole_name_is_enough_to_change_something(tables, app, cli):
    assert cli("apply", "--yes", "--route-table", "web").status == 0
    assert owned_prefixes(tables["web"]) == {A}
    assert cli("release", "web", "--reason", "fine").status == 0
    assert cli("tables", "set", "web", "--note", "x").status == 0
    assert app.registry.get(rid("web")).registration.note == "x"
    assert cli("tables", "remove", "web", "--yes").status == 0
    assert app.registry.get(rid("web")) is None


def test_an_environment_is_named_in_the_same_way(azure, app, cli):
    answer(azure, A)
    for name in ("pay", "web"):
        add_environment(azure.state, name, table=add_table(azure.state, name))
        ase_id = EnvironmentId.parse(ase_id_of(name))
        keep(app, RegisteredTable(rid(name), Registration((TAG,), ase_id)))
    for text in ("pay", "rg-pay/PAY", "pa", ase_id_of("pay")):
        assert planned(cli("plan", "--ase", text, "--json")) == [table_id("pay")]
    unknown = cli("plan", "--ase", "nonsense")
    assert "'nonsense' is no registered environment" in unknown.err


def test_a_run_is_named_by_its_beginning_or_as_the_last_one(tables, app, cli):
    first, second = (sync(app, "web")["runId"] for _ in range(2))
    assert cli("runs", "last", "--json").json["runId"] == second
    assert cli("runs", "LAST", "--json").json["runId"] == second
    assert cli("runs", first[:-3], "--json").json["runId"] == first
    several = cli("runs", first[:4])
    assert several.status == 1
    assert "NameAmbiguous" in several.err
    assert {first, second} <= {*several.err.split()}
    for unknown in ("nonsense", "1999", f"{first[:20]}-00000000"):
        assert "RunNotFound" in cli("runs", unknown).err


def test_without_any_run_there_is_no_last_one(app, cli):
    assert "RunNotFound: 'last' is no run" in cli("runs", "last").err


def test_the_last_plan_is_approved_also_if_other_runs_came_after_it(tables, app, cli):
    plan = cli("plan", "--route-table", "web", "--json").json["runId"]
    cli("discover")
    refused = cli("apply", "--plan", "last", "--yes")
    assert refused.status == 1
    assert f"Do you mean {plan}?" in refused.err
    done = cli("apply", "--plan", "last", types="y\n")
    assert done.status == 0, done.err
    assert f"last means {plan}" in done.err
    assert owned_prefixes(tables["web"]) == {A}


def test_the_last_run_to_approve_is_the_last_in_which_something_waits(tables, azure, app, cli):
    """It may have met a conflict, and later plans may have shown nothing."""
    keep(app, RegisteredTable(rid("web"), Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL)))
    answer(azure, A, B)
    tables["web"].routes = [route("elsewhere", B, "None")]
    waiting = cli("apply", "--yes", "--route-table", "web", "--json").json
    assert [one["status"] for one in waiting["outcomes"]] == ["conflict"]
    assert cli("apply", "--yes", "--route-table", "pay").status == 0
    assert cli("plan", "--route-table", "pay").status == 0
    declined = cli("approve", "last", types="n\n")
    assert f"last means {waiting['runId']}" in declined.err
    assert f"  + {A}" in declined.out


def test_the_last_run_to_undo_is_the_last_that_changed_this_table(tables, app, cli):
    none_yet = cli("rollback", "web", "--run", "last", "--reason", "no", types="y\n")
    assert "'last' is no run that has changed web" in none_yet.err
    changed = sync(app, "web")["runId"]
    sync(app, "pay")
    sync(app, "web")
    done = cli("rollback", "web", "--run", "last", "--reason", "no", types="y\n")
    assert done.status == 0, done.err
    assert f"last means {changed}" in done.err
    assert owned_prefixes(tables["web"]) == set()


def test_a_version_is_named_by_a_part_of_its_id(azure, app, cli):
    for prefixes in ((A,), (A, B)):
        answer(azure, *prefixes)
        sync(app)
    first, second = (
        "AzureCloud.AppServiceManagement-000001",
        "AzureCloud.AppServiceManagement-000002",
    )
    assert cli("versions", second.lower(), "--json").json["versionId"] == second
    assert cli("versions", "000001", "management-000002", "--json").json == {
        "from": first,
        "to": second,
        "added": [B],
        "removed": [],
    }
    assert "fits 2 versions" in cli("versions", "AppService").err
