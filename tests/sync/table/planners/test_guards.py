"""What is judged before the first write of a table, on both sides of each threshold."""

from dataclasses import replace

import pytest

from local.azure.faults import FailOperation, InjectedFault, refusal
from shared.domain.errors import TransientError
from shared.domain.runs.run import Mode
from tests.builders.azure import add_table, answer, rid, table_writes
from tests.builders.routes import (
    foreign_routes,
    owned,
    owned_prefixes,
    route,
    to_appliances,
    to_firewall,
)
from tests.builders.runs import approved, outcome_of, register, started, sync

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


def prefixes(count: int) -> list[str]:
    return [f"20.1.{number}.0/24" for number in range(count)]


@pytest.mark.parametrize(("removed", "status"), [(10, "changed"), (11, "blocked")])
def test_the_share_a_run_may_remove_holds_on_both_sides_and_additions_go_on(
    azure, app, removed, status
):
    before = prefixes(100)
    table = add_table(azure.state, "one", [to_firewall(), *(owned(p) for p in before)])
    register(app, "one")
    kept = before[removed:]
    answer(azure, *kept, A, B)
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert outcome["status"] == status
    assert outcome["added"] == [A, B]
    if status == "changed":
        assert owned_prefixes(table) == {*kept, A, B}
        return
    assert whole["status"] == "Failed"
    assert owned_prefixes(table) == {*before, A, B}
    assert {w["prefix"] for w in outcome["withheld"]} == set(before[:removed])
    [violation] = outcome["violations"]
    assert violation["code"] == "MaxRemovedPercent"
    assert (violation["observed"], violation["limit"], violation["forceable"]) == (11, 10, True)
    assert app.registry.get(rid("one")).status.applied_version_ids == ()


@pytest.mark.parametrize(("removed", "status"), [(3, "changed"), (4, "blocked")])
def test_three_may_always_go(azure, app, removed, status):
    before = prefixes(5)
    table = add_table(azure.state, "one", [owned(p) for p in before])
    register(app, "one")
    answer(azure, *before[removed:])
    assert outcome_of(sync(app), "one")["status"] == status
    assert len(owned_prefixes(table)) == (5 - removed if status == "changed" else 5)


def test_a_plan_shows_what_a_guard_would_withhold(azure, app):
    add_table(azure.state, "one", [owned(p) for p in prefixes(5)])
    register(app, "one")
    answer(azure, A)
    outcome = outcome_of(sync(app, mode=Mode.PLAN), "one")
    assert (outcome["status"], outcome["added"], outcome["removed"]) == ("blocked", [A], [])
    assert len(outcome["withheld"]) == 5
    assert azure.state.writes() == []


@pytest.mark.parametrize(("limit", "status"), [(104, "changed"), (103, "blocked")])
@pytest.mark.parametrize("told_by", ["usages", "ROUTE_LIMIT"])
def test_capacity_is_the_subscriptions_own_or_as_set(azure, make_app, limit, status, told_by):
    if told_by == "usages":
        azure.state.limits["RoutesPerRouteTable"] = limit
        app = make_app()
    else:
        app = make_app(ROUTE_LIMIT=str(limit))
    table = add_table(azure.state, "one", [to_firewall(), *(owned(p) for p in prefixes(101))])
    register(app, "one")
    answer(azure, *prefixes(101), A, B)
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert outcome["status"] == status
    if status == "changed":
        assert owned_prefixes(table) == {*prefixes(101), A, B}
        return
    assert whole["status"] == "Failed"
    assert owned_prefixes(table) == {*prefixes(101), A}
    assert outcome["added"] == [A]
    [violation] = outcome["violations"]
    assert (violation["code"], violation["observed"], violation["limit"]) == (
        *("NoCapacity", 104, 103),
    )
    assert violation["forceable"] is False
    assert outcome["withheld"] == [{"prefix": B, "change": "add", "why": "NoCapacity"}]


def test_for_lack_of_capacity_the_retained_yield_in_the_same_write(azure, make_app):
    app = make_app(REMOVAL_GRACE_DAYS="28", ROUTE_LIMIT="5")
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, *prefixes(4))
    sync(app)
    answer(azure, *prefixes(4)[2:], A)
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["violations"]) == ("changed", [])
    assert (outcome["added"], outcome["removed"]) == ([A], ["20.1.0.0/24"])
    assert [r["prefix"] for r in outcome["retained"]] == ["20.1.1.0/24"]
    assert [f["code"] for f in outcome["findings"]] == ["RetainedYielded"]
    assert owned_prefixes(table) == {*prefixes(4)[1:], A}
    assert len(table_writes(azure.state)) == 2
    assert outcome_of(sync(app), "one")["status"] == "unchanged"


def full_of_retained(azure, make_app, **settings):
    """A table with 100 routes that left, 100 addresses that come, and room for five of them."""
    app = make_app(REMOVAL_GRACE_DAYS="28", ROUTE_LIMIT="105", **settings)
    table = add_table(azure.state, "one", [owned(p) for p in prefixes(100)])
    register(app, "one")
    wide = ["20.128.0.0/17", "20.129.0.0/20", "20.130.0.0/22", "20.131.0.0/23", "20.132.0.0/23"]
    coming = [*wide, *(f"20.2.{number}.0/24" for number in range(95))]
    answer(azure, *reversed(coming))
    return app, table, coming


def change_of(outcome):
    return {(w["prefix"], w["change"], w["why"]) for w in outcome["withheld"]}


def test_routes_that_yield_are_removals_and_the_share_counts_them_before_the_write(azure, make_app):
    app, table, coming = full_of_retained(azure, make_app)
    plan = outcome_of(sync(app, mode=Mode.PLAN), "one")
    outcome = outcome_of(sync(app), "one")

    assert owned_prefixes(table) == {*prefixes(100), *coming[:5]}
    assert len(table_writes(azure.state)) == 1
    assert (outcome["status"], outcome["removed"]) == ("blocked", [])
    assert set(outcome["added"]) == set(coming[:5])
    assert change_of(outcome) == {
        *((prefix, "add", "NoCapacity") for prefix in coming[5:]),
        *((prefix, "remove", "MaxRemovedPercent") for prefix in prefixes(95)),
    }
    share, room = outcome["violations"]
    assert (share["code"], share["observed"], share["limit"]) == ("MaxRemovedPercent", 95.0, 10)
    assert (room["code"], room["observed"], room["limit"]) == ("NoCapacity", 200, 105)
    assert all(prefix in room["message"] for prefix in coming[5:])
    assert len(outcome["retained"]) == 100
    for said in ("status", "added", "removed", "withheld", "violations", "retained"):
        assert plan[said] == outcome[said]


@pytest.mark.parametrize(
    ("leaving", "status"), [(10, "changed"), (11, "blocked")], ids=["allowed", "too many"]
)
def test_the_share_of_those_that_yield_on_both_sides(azure, make_app, leaving, status):
    app = make_app(REMOVAL_GRACE_DAYS="28", ROUTE_LIMIT="100")
    table = add_table(azure.state, "one", [owned(p) for p in prefixes(100)])
    register(app, "one")
    coming = [f"20.2.{number}.0/24" for number in range(leaving)]
    answer(azure, *prefixes(100)[leaving:], *coming)
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == status
    assert len(outcome["removed"]) == (leaving if status == "changed" else 0)
    expected = {*prefixes(100)[leaving:], *coming} if status == "changed" else {*prefixes(100)}
    assert owned_prefixes(table) == expected


def test_of_a_plan_whose_yields_are_too_many_only_a_force_writes_them(azure, make_app):
    app, table, coming = full_of_retained(azure, make_app)
    plan = sync(app, mode=Mode.PLAN)
    done = approved(app, plan, force=("MaxRemovedPercent",), reason="the tag has moved")
    outcome = outcome_of(done, "one")
    assert outcome["status"] == "changed"
    assert (len(outcome["added"]), len(outcome["removed"])) == (100, 95)
    assert owned_prefixes(table) == {*coming, *prefixes(100)[95:]}
    assert {f["code"] for f in outcome["findings"]} == {"Approved", "Forced", "RetainedYielded"}


@pytest.mark.parametrize("policy", ["additive", "approval"])
def test_a_yield_waits_for_approval_as_every_removal_does(azure, make_app, policy):
    app = make_app(REMOVAL_GRACE_DAYS="28", ROUTE_LIMIT="5", APPLY_POLICY=policy)
    table = add_table(azure.state, "one", [owned(p) for p in prefixes(4)])
    register(app, "one")
    answer(azure, *prefixes(4)[2:], A, B)
    waiting = outcome_of(whole := sync(app), "one")
    yielding = (prefixes(4)[0], "remove", "ApplyPolicy")
    if policy == "additive":
        assert (waiting["status"], waiting["added"]) == ("blocked", [A])
        assert change_of(waiting) == {yielding, (B, "add", "NoCapacity")}
    else:
        assert (waiting["status"], waiting["added"]) == ("planned", [])
        assert change_of(waiting) == {yielding, *((p, "add", "ApplyPolicy") for p in (A, B))}
        assert owned_prefixes(table) == {*prefixes(4)}

    done = outcome_of(approved(app, whole), "one")
    assert (done["status"], done["removed"]) == ("changed", [prefixes(4)[0]])
    assert owned_prefixes(table) == {*prefixes(4)[1:], A, B}


def test_a_route_goes_for_no_other_before_all_that_needs_it_has_its_own(azure, make_app):
    """The tag cuts a prefix in two, and the table has room for one of the halves."""
    app = make_app(ROUTE_LIMIT="2")
    table = add_table(azure.state, "one", [to_firewall(), owned("20.4.0.0/16")])
    register(app, "one")
    answer(azure, "20.4.0.0/17", "20.4.128.0/17", C)
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["removed"]) == ("blocked", [])
    assert "20.4.0.0/16" in owned_prefixes(table)
    assert ("20.4.0.0/16", "remove", "NoCapacity") in change_of(outcome)


def test_a_plan_that_lets_the_retained_yield_is_applied_as_it_was_shown(azure, make_app):
    app = make_app(REMOVAL_GRACE_DAYS="28", ROUTE_LIMIT="3", APPLY_POLICY="approval")
    table = add_table(azure.state, "one", [owned(p) for p in prefixes(3)])
    register(app, "one")
    answer(azure, A)
    planned = outcome_of(plan := sync(app, mode=Mode.PLAN), "one")
    assert len(planned["removed"]) == 1
    assert outcome_of(approved(app, plan), "one")["status"] == "changed"
    assert owned_prefixes(table) == {*prefixes(3)[1:], A}


def test_a_limit_that_cannot_be_known_is_not_judged_and_the_report_says_so(azure, app):
    azure.state.faults.append(
        refusal("GET", "/usages", 403, {"error": {"code": "AuthorizationFailed", "message": "no"}})
    )
    add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "changed"
    assert [f["code"] for f in outcome["findings"]] == ["RouteLimitUnknown"]


def test_the_limit_is_read_once_for_all_tables_of_a_place_and_not_where_nothing_is_added(
    azure, app
):
    for name in ("one", "two"):
        add_table(azure.state, name)
    register(app, "one", "two")
    for _ in range(2):
        sync(app)
    assert len([e for e in azure.state.log if e["path"].endswith("/usages")]) == 1


def test_a_failed_table_is_written_again_only_as_it_was_last_seen_sound(azure, app):
    table = add_table(azure.state, "one", [to_firewall(), owned(C)])
    register(app, "one")
    answer(azure, A, C)
    table.provisioning_state = "Failed"
    blocked = outcome_of(sync(app), "one")
    assert blocked["status"] == "blocked"
    [violation] = blocked["violations"]
    assert (violation["code"], violation["forceable"]) == ("TableFailed", True)
    assert table_writes(azure.state) == []

    table.provisioning_state = "Succeeded"
    sync(app)
    table.provisioning_state = "Failed"
    table.routes = [r for r in table.routes if r["name"] != owned(A)["name"]]
    repaired = outcome_of(sync(app), "one")
    assert (repaired["status"], repaired["added"]) == ("changed", [A])
    assert [f["code"] for f in repaired["findings"]] == ["WasFailed"]
    assert table.provisioning_state == "Succeeded"

    table.provisioning_state = "Failed"
    table.routes = [r for r in table.routes if r["name"] != to_firewall()["name"]]
    assert outcome_of(sync(app), "one")["status"] == "blocked"


def test_a_failed_table_is_forced_by_who_has_seen_it(azure, app):
    table = add_table(azure.state, "one", [to_firewall()])
    table.provisioning_state = "Failed"
    register(app, "one")
    answer(azure, A)
    plan = sync(app, mode=Mode.PLAN)
    assert outcome_of(plan, "one")["violations"][0]["code"] == "TableFailed"
    assert outcome_of(approved(app, plan), "one")["status"] == "blocked"
    outcome = outcome_of(approved(app, plan, force=("TableFailed",)), "one")
    assert (outcome["status"], outcome["added"]) == ("changed", [A])
    assert table.provisioning_state == "Succeeded"


def test_our_own_write_that_failed_halfway_does_not_block_the_next_run(azure, app):
    table = add_table(azure.state, "one", [to_firewall()])
    answer(azure, A)
    run_id = started(app, "one")
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=FailOperation()))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    app.tables.fail_poisoned(run_id, rid("one"))
    assert table.provisioning_state == "Failed"
    assert outcome_of(sync(app), "one")["status"] in {"changed", "unchanged"}
    assert (table.provisioning_state, owned_prefixes(table)) == ("Succeeded", {A})


@pytest.mark.parametrize(
    ("api_version", "status"),
    [
        ("", "changed"),
        ("2026-01-01", "changed"),
        ("2025-07-01", "changed"),
        ("2025-05-01", "blocked"),
        ("2023-04-01", "blocked"),
    ],
)
def test_a_next_hop_type_that_the_api_version_does_not_know_blocks(
    azure, make_app, api_version, status
):
    app = make_app(ARM_API_VERSION_NETWORK=api_version)
    several = to_appliances("10.0.0.0/8")
    table = add_table(azure.state, "one", [several])
    register(app, "one")
    answer(azure, A)
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == status
    if status == "blocked":
        assert outcome["violations"][0]["code"] == "NextHopUnknown"
        assert outcome["violations"][0]["forceable"] is False
    assert len(table.routes) == (1 if status == "blocked" else 2)
    assert table.routes[0] == several


@pytest.mark.parametrize("lost", ["route", "property"])
def test_a_body_that_would_change_what_is_not_ours_is_never_sent(azure, app, monkeypatch, lost):
    table = add_table(azure.state, "one", [to_firewall(), route("theirs", "10.0.0.0/8", "None")])
    register(app, "one")
    answer(azure, A)
    body = app.route_tables.body

    def faulty(read, routes):
        whole = body(read, routes)
        first, second, *others = whole.routes
        if lost == "route":
            return replace(whole, routes=(first, *others))
        bare = second.bare()
        del bare["properties"]["nextHopType"]
        return replace(whole, routes=(first, type(second).from_arm(bare), *others))

    monkeypatch.setattr(app.route_tables, "body", faulty)
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "blocked"
    assert outcome["violations"][0]["code"] == "ForeignWouldChange"
    assert outcome["violations"][0]["forceable"] is False
    assert (outcome["added"], outcome["withheld"][0]["prefix"]) == ([], A)
    assert table_writes(azure.state) == []
    assert len(foreign_routes(table)) == 2
