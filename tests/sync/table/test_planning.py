"""What waits for a person, and what that person approves."""

import pytest

from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Mode
from tests.builders.azure import add_table, answer, rid, table_writes
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, approved, keep, outcome_of, register, sync

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


@pytest.mark.parametrize(
    ("of_app", "of_table", "status", "there"),
    [
        ("auto", None, "changed", {A, B}),
        ("auto", "additive", "changed", {A, B, C}),
        ("auto", "approval", "planned", {B, C}),
        ("additive", None, "changed", {A, B, C}),
        ("additive", "auto", "changed", {A, B, C}),
        ("additive", "approval", "planned", {B, C}),
        ("approval", "auto", "planned", {B, C}),
    ],
)
def test_the_stricter_of_the_apps_policy_and_the_tables_own_holds(
    azure, make_app, of_app, of_table, status, there
):
    app = make_app(APPLY_POLICY=of_app)
    table = add_table(azure.state, "one", [to_firewall(), owned(B), owned(C)])
    policy = None if of_table is None else ApplyPolicy(of_table)
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), apply_policy=policy)))
    answer(azure, A, B)
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert (whole["status"], outcome["status"]) == ("Succeeded", status)
    assert owned_prefixes(table) == there
    withheld = {(w["prefix"], w["change"], w["why"]) for w in outcome["withheld"]}
    removal = {(C, "remove", "ApplyPolicy")} if C in there else set()
    addition = {(A, "add", "ApplyPolicy")} if A not in there else set()
    assert withheld == removal | addition
    known_right = app.registry.get(rid("one")).status.verified_at is not None
    assert known_right is (A in there)


def test_what_was_approved_is_applied_and_nothing_else(azure, make_app):
    app = make_app(APPLY_POLICY="approval")
    one = add_table(azure.state, "one", [to_firewall(), owned(C)])
    two = add_table(azure.state, "two", [owned(A)])
    register(app, "one", "two")
    answer(azure, A, B)
    plan = sync(app, mode=Mode.PLAN)
    assert {o["status"] for o in plan["outcomes"]} == {"planned"}
    assert outcome_of(plan, "one")["removed"] == [C]
    assert table_writes(azure.state) == []

    two.routes, two.etag = [], 'W/"drifted"'
    whole = approved(app, plan)
    done, blocked = outcome_of(whole, "one"), outcome_of(whole, "two")
    assert (done["status"], done["planChecksum"]) == (
        "changed",
        outcome_of(plan, "one")["planChecksum"],
    )
    assert [f["code"] for f in done["findings"]] == ["Approved"]
    assert owned_prefixes(one) == {A, B}
    assert (blocked["status"], whole["status"]) == ("blocked", "Failed")
    [violation] = blocked["violations"]
    assert (violation["code"], violation["forceable"]) == ("PlanChanged", False)
    assert f"now also added: {A}" in violation["message"]
    assert two.routes == []


def test_a_version_that_came_after_the_plan_is_not_approved(azure, make_app):
    app = make_app(APPLY_POLICY="approval")
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    plan = sync(app, mode=Mode.PLAN)
    answer(azure, A, B)
    assert outcome_of(approved(app, plan), "one")["violations"][0]["code"] == "PlanChanged"
    assert table.routes == []
    assert outcome_of(approved(app, sync(app, mode=Mode.PLAN)), "one")["added"] == [A, B]


def test_an_approval_counts_once_and_a_second_finds_nothing_to_do(azure, make_app):
    app = make_app(APPLY_POLICY="approval")
    add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    plan = sync(app, mode=Mode.PLAN)
    assert outcome_of(approved(app, plan), "one")["status"] == "changed"
    assert outcome_of(approved(app, plan), "one")["status"] == "unchanged"
    assert len(table_writes(azure.state)) == 1


def test_a_table_that_failed_in_the_plan_is_not_approved(azure, app):
    register(app, "gone")
    azure.state.add_group("11111111-1111-4111-8111-111111111111", "rg-gone")
    plan = sync(app, mode=Mode.PLAN)
    table = add_table(azure.state, "gone")
    answer(azure, A)
    assert outcome_of(approved(app, plan), "gone")["violations"][0]["code"] == "PlanChanged"
    assert table.routes == []


def test_a_guard_is_forced_only_where_it_was_seen(azure, app):
    many = [f"20.1.{number}.0/24" for number in range(10)]
    one = add_table(azure.state, "one", [owned(p) for p in many])
    two = add_table(azure.state, "two", [owned(p) for p in many])
    register(app, "one", "two")
    answer(azure, A)
    plan = sync(app, "one", mode=Mode.PLAN)
    assert outcome_of(approved(app, plan), "one")["status"] == "blocked"
    assert owned_prefixes(one) == {A, *many}  # additions go on
    plan = sync(app, mode=Mode.PLAN)
    whole = approved(app, plan, force=("MaxRemovedPercent",), reason="the tag has moved")
    assert whole["reason"] == "the tag has moved"
    for name in ("one", "two"):
        outcome = outcome_of(whole, name)
        assert outcome["status"] == "changed"
        assert {"Approved", "Forced"} == {f["code"] for f in outcome["findings"]}
    assert owned_prefixes(one) == owned_prefixes(two) == {A}


def test_while_paused_an_approved_plan_is_shown_and_not_applied(azure, app, make_app):
    add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    plan = sync(app, mode=Mode.PLAN)
    whole = approved(make_app(PAUSED="true"), plan)
    assert (whole["mode"], outcome_of(whole, "one")["status"]) == ("plan", "planned")
    assert table_writes(azure.state) == []


def many(count):
    return [f"20.1.{number}.0/24" for number in range(count)]


@pytest.mark.parametrize("policy", ["approval", "additive", "auto"])
@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.APPLY])
def test_what_was_approved_before_the_table_was_full_is_not_written_over_other_routes(
    azure, make_app, policy, mode
):
    if mode is Mode.APPLY and policy != "approval":
        return  # then the additions do not wait
    app = make_app(
        APPLY_POLICY=policy,
        REMOVAL_GRACE_DAYS="28",
        ROUTE_LIMIT="40",
        MAX_REMOVED_PERCENT="100",
    )
    table = add_table(azure.state, "one", [owned(p) for p in many(20)])
    register(app, "one")
    coming = [f"20.2.{number}.0/24" for number in range(20)]
    answer(azure, *coming)
    plan = sync(app, mode=mode)
    filled = [*table.routes, *(to_firewall(f"10.0.{n}.0/24", f"fw-{n}") for n in range(20))]
    table.routes, table.etag = filled, 'W/"filled"'

    outcome = outcome_of(approved(app, plan), "one")
    assert (outcome["status"], outcome["added"], outcome["removed"]) == ("blocked", [], [])
    assert [v["code"] for v in outcome["violations"]] == ["PlanChanged"]
    assert f"now also removed: {many(1)[0]}" in outcome["violations"][0]["message"]
    assert table.routes == filled


def test_a_checksum_is_of_the_additions_that_fit_and_of_the_routes_that_yield(azure, make_app):
    app = make_app(REMOVAL_GRACE_DAYS="28", ROUTE_LIMIT="20")
    add_table(azure.state, "one", [owned(p) for p in many(18)])
    register(app, "one")
    answer(azure, *many(18)[1:], A, B, C)
    plan = outcome_of(sync(app, mode=Mode.PLAN), "one")
    written = Changes(
        {
            **{prefix: Change(None, owned(prefix)) for prefix in (A, B, C)},
            many(1)[0]: Change(owned(many(1)[0]), None),
        }
    )
    assert plan["planChecksum"] == written.checksum
    assert outcome_of(sync(app), "one")["planChecksum"] == written.checksum


def test_a_removal_that_was_shown_as_withheld_is_not_made_by_an_approval(azure, app, make_app):
    """Not even if the guard would let it pass by now, because the plan has shown otherwise."""
    table = add_table(azure.state, "one", [owned(p) for p in many(10)])
    register(app, "one")
    answer(azure, *many(11)[4:])
    plan = sync(app, mode=Mode.PLAN)
    assert {w["why"] for w in outcome_of(plan, "one")["withheld"]} == {"MaxRemovedPercent"}
    lenient = make_app(MAX_REMOVED_PERCENT="50")
    outcome = outcome_of(approved(lenient, plan), "one")
    assert (outcome["added"], outcome["removed"]) == ([many(11)[10]], [])
    assert outcome["withheld"] == outcome_of(plan, "one")["withheld"]
    assert owned_prefixes(table) == {*many(11)}
    forced = approved(lenient, sync(app, mode=Mode.PLAN), force=("MaxRemovedPercent",))
    assert outcome_of(forced, "one")["removed"] == many(4)


def test_a_run_whose_removals_wait_is_approved_by_its_own_id(azure, make_app):
    app = make_app(APPLY_POLICY="additive")
    table = add_table(azure.state, "one", [owned(B), owned(C)])
    register(app, "one")
    answer(azure, A, B)
    waiting = sync(app)
    assert outcome_of(waiting, "one")["added"] == [A]
    outcome = outcome_of(approved(app, waiting), "one")
    assert (outcome["status"], outcome["removed"]) == ("changed", [C])
    assert owned_prefixes(table) == {A, B}
