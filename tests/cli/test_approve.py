"""What waits in a run is shown, approved, and applied exactly."""

import pytest

from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.azure import add_table, answer, rid, table_id
from tests.builders.routes import owned, owned_prefixes
from tests.builders.runs import TAG, keep, register, sync

A, B, C, D, E = (f"20.0.{number}.0/24" for number in range(5))


@pytest.fixture
def waiting(azure, app):
    """Two tables; a run of the timer left changes waiting in one of them."""
    answer(azure, A)
    found = {name: add_table(azure.state, name, [owned(B)]) for name in ("one", "two")}
    register(app, "two")
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL)))
    return found, sync(app)["runId"]


def test_it_shows_what_waits_asks_and_applies_it(app, waiting, cli):
    tables, run_id = waiting
    before = owned_prefixes(tables["one"])
    declined = cli("approve", run_id, types="n\n")
    assert declined.status == 1
    shown = declined.out
    assert "# one in rg-one" in shown and "# two" not in shown
    assert f"+ {A}" in shown and f"- {B}" in shown
    assert "To approve: 1 to add, 0 to change, 1 to remove in 1 route table" in shown
    assert owned_prefixes(tables["one"]) == before

    approved = cli("approve", run_id, "--reason", "seen", types="y\n")
    assert approved.status == 0, approved.err
    assert owned_prefixes(tables["one"]) == {A}
    newest = next(app.runs.list()).request
    assert (newest.plan_run_id, newest.reason) == (run_id, "seen")
    assert newest.route_tables == (rid("one"),)


def test_an_update_says_from_what_to_what_before_it_is_approved(azure, waiting, cli):
    tables, _ = waiting
    tables["one"].routes = [owned(A, "None")]
    said = cli("apply", "--yes", "--route-table", "one").out
    assert f"! waits for approval: update {A} (None → Internet)" in said
    declined = cli("approve", "last", types="n\n")
    assert f"  ~ {A}  None → Internet\n" in declined.out


def test_a_script_approves_by_a_whole_id_and_without_a_question(waiting, cli):
    tables, run_id = waiting
    assert cli("approve", run_id).status == 1  # nobody to ask
    assert cli("approve", "last", "--yes").status == 1
    assert cli("approve", run_id, "--yes").status == 0
    assert owned_prefixes(tables["one"]) == {A}


def test_a_plan_that_has_changed_since_is_blocked(azure, waiting, cli):
    tables, run_id = waiting
    answer(azure, A, C)
    changed = cli("approve", run_id, "--yes")
    assert (changed.status, "PlanChanged" in changed.out) == (3, True)
    assert owned_prefixes(tables["one"]) == {B}


def test_nothing_to_approve_is_not_asked(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one", [owned(A)])
    register(app, "one")
    done = cli("approve", sync(app)["runId"], types="")
    assert done.status == 1
    assert "nothing in this run waits for an approval" in done.err
    assert "Approve this" not in done.err


def test_what_a_guard_keeps_is_shown_with_the_way_to_force_it(azure, app, cli):
    answer(azure, A)
    table = add_table(azure.state, "one", [owned(p) for p in (B, C, D, E)])
    register(app, "one")
    run_id = sync(app)["runId"]
    kept = cli("approve", run_id, types="n\n").out
    assert "--force MaxRemovedPercent lets it pass" in kept
    assert "0 to remove" in kept
    forced = ("approve", run_id, "--force", "MaxRemovedPercent", "--reason", "moved")
    shown = cli(*forced, types="n\n").out
    assert "4 to remove" in shown and "lets it pass" not in shown
    assert cli(*forced, "--yes").status == 0
    assert owned_prefixes(table) == {A}


def test_one_table_of_several_is_approved(app, waiting, cli):
    tables, run_id = waiting
    refused = cli("approve", run_id, "--route-table", table_id("two"), "--yes")
    assert (refused.status, "nothing in this run waits" in refused.err) == (1, True)
    assert cli("approve", run_id, "--route-table", table_id("one"), "--yes").status == 0
    assert owned_prefixes(tables["one"]) == {A}


def test_a_run_that_is_not_there(app, cli):
    unknown = cli("approve", "20260107060000000000-0123abcd", types="y\n")
    assert (unknown.status, unknown.out) == (1, "")
    assert "planRunId: there is no run with this id" in unknown.err


def test_a_plan_is_confirmed_for_the_tables_that_are_named(azure, app, cli):
    answer(azure, A)
    tables = {name: add_table(azure.state, name) for name in ("one", "two")}
    register(app, "one", "two")
    plan = cli("plan", "--json").json["runId"]
    applied = cli("apply", "--plan", plan, "--route-table", "two", types="y\n")
    assert applied.status == 0, applied.err
    shown = applied.out.partition("To approve: ")
    assert "# two in rg-two" in shown[0] and "# one" not in shown[0]
    assert shown[2].startswith("1 to add, 0 to change, 0 to remove in 1 route table")
    assert owned_prefixes(tables["one"]) == set()
    assert owned_prefixes(tables["two"]) == {A}


def test_what_cannot_be_approved_is_refused_before_the_question(azure, app, waiting, cli):
    _, run_id = waiting
    unreasoned = cli("approve", run_id, "--force", "MaxRemovedPercent", types="y\n")
    assert (unreasoned.status, unreasoned.out) == (1, "")
    assert "[y/N]" not in unreasoned.err and "reason" in unreasoned.err
