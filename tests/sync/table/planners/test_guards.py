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
    assert table_writes(azure.state) == []
    [violation] = outcome["violations"]
    assert (violation["code"], violation["observed"], violation["limit"]) == (
        *("NoCapacity", 104, 103),
    )
    assert violation["forceable"] is False
    assert outcome["withheld"] == [
        {"prefix": prefix, "change": "add", "why": "NoCapacity"} for prefix in (A, B)
    ]


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


def test_the_limit_is_not_read_if_all_additions_wait_for_approval(azure, make_app):
    app = make_app(APPLY_POLICY="approval")
    add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    assert {w["change"] for w in outcome_of(sync(app), "one")["withheld"]} == {"add"}
    assert not [e for e in azure.state.log if e["path"].endswith("/usages")]


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
