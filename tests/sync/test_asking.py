"""The rules for what may be asked for, whichever door it comes through."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from local.azure.faults import refusal
from local.azure.resources import RouteTable
from shared.domain.armid import EnvironmentId, ResourceId
from shared.domain.errors import InvalidRequest
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.run import Action, Mode, Run, RunRequest, RunStatus, Trigger
from shared.domain.surroundings.search import Search
from shared.sync.asking import (
    AdoptRequest,
    DiscoverRequest,
    ProvisionRequest,
    ReleaseRequest,
    RemoveRequest,
    RollbackRequest,
    SyncRequest,
)
from shared.sync.requester import Requester
from shared.sync.table.provision import provisioned_id
from tests.builders.azure import (
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
)
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, keep, register, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"
HERE = Requester(Trigger.CLI, "somebody")
NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)


def faults(ask, request, *by):
    """Every part of the request that is wrong, and that nothing was begun."""
    with pytest.raises(InvalidRequest) as refused:
        ask(request, *by)
    return {fault.target: fault.message for fault in refused.value.faults}


@pytest.fixture
def table(azure, app):
    answer(azure, A)
    register(app, "one")
    return add_table(azure.state, "one", [owned(B)])


def test_a_run_is_written_as_it_was_asked_for(app, table):
    request = SyncRequest(mode=Mode.PLAN, route_tables=[table_id("ONE")], reason="x", change_id="7")
    run = app.asking.sync(request, HERE)
    assert app.runs.get(run.run_id).request == run.request
    assert (run.request.trigger, run.request.requested_by) == (Trigger.CLI, "somebody")
    assert (run.request.mode, run.request.route_tables) == (Mode.PLAN, (rid("one"),))
    assert (run.request.reason, run.request.change_id) == ("x", "7")


def test_no_name_means_all_tables_and_an_environment_means_its_own(app):
    ase = ase_id_of("a")
    for name in ("one", "two"):
        keep(app, RegisteredTable(rid(name), Registration((TAG,), EnvironmentId.parse(ase))))
    register(app, "three")
    assert app.asking.sync(SyncRequest(), HERE).request.route_tables == ()
    both = SyncRequest(ases=[ase.upper()], route_tables=[table_id("three"), table_id("one")])
    named = app.asking.sync(both, HERE).request.route_tables
    assert (len(named), set(named)) == (3, {rid("one"), rid("two"), rid("three")})


def test_an_empty_list_of_tables_is_not_all_tables(app, table):
    found = faults(app.asking.sync, SyncRequest(route_tables=[], ases=[]), HERE)
    assert found.keys() == {"routeTables", "ases"}
    assert list(app.runs.list()) == []


def test_every_fault_of_a_sync_is_listed_at_once(app, table):
    register(app, "off", enabled=False)
    request = SyncRequest(
        route_tables=[table_id("one"), table_id("off"), "/not/an/id"],
        ases=["/no/such"],
        force=["MaxRemovedPercent", "NoCapacity"],
        reason="",
        change_id="x" * 201,
    )
    found = faults(app.asking.sync, request, HERE)
    assert found.keys() == {
        *("routeTables.1", "routeTables.2", "ases.0", "force", "force.1", "reason", "changeId")
    }
    assert found["routeTables.1"] == "not registered, or disabled"
    assert "not the ARM id" in found["routeTables.2"]
    assert list(app.runs.list()) == []


def approve(app, run_id, *names, **asked):
    """Approve what waited in this run, carry it out, and return the report by the tables' names."""
    tables = [table_id(name) for name in names] or None
    request = SyncRequest(plan_run_id=run_id, route_tables=tables, **asked)
    approval = app.asking.sync(request, HERE).run_id
    for route_table in app.run_start.start(approval):
        app.tables.sync(approval, route_table)
    return {each.route_table_id.name: each for each in app.outcomes.list(approval)}


def test_an_approval_needs_an_ended_run_in_which_something_waits(azure, app, table):
    running = app.asking.sync(SyncRequest(mode=Mode.PLAN), HERE).run_id
    applied = sync(app, "one")["runId"]
    nothing = "nothing in this run waits for an approval"
    for run_id, why in (
        ("never", "there is no run with this id"),
        (running, "the run has not ended yet"),
        (applied, nothing),
        (sync(app, mode=Mode.PLAN)["runId"], nothing),
    ):
        assert faults(app.asking.sync, SyncRequest(plan_run_id=run_id), HERE) == {"planRunId": why}


@pytest.mark.parametrize("paused", ["false", "true"])
@pytest.mark.parametrize(
    ("action", "asked"),
    [
        (Action.ROLLBACK, {"rolled_back_run_id": "the run before"}),
        (Action.ADOPT, {}),
        (Action.REMOVE, {}),
        (Action.DISCOVER, {}),
    ],
)
def test_only_what_waited_in_a_sync_is_approved(app, make_app, table, action, asked, paused):
    """While the app is paused such a run plans, and a sync would apply something else."""
    done = sync(app, "one")["runId"]
    asked = dict.fromkeys(asked, done)
    where = make_app(PAUSED=paused)
    names = [] if action is Action.DISCOVER else ["one"]
    run = sync(where, *names, action=action, **asked)["runId"]
    why = f"nothing waits in a run with action {action}: approve one of a sync"
    assert faults(app.asking.sync, SyncRequest(plan_run_id=run), HERE) == {"planRunId": why}


@pytest.mark.parametrize(
    ("of_app", "of_table", "waiting"),
    [
        ("approval", None, {A: "add", B: "remove"}),
        ("auto", ApplyPolicy.APPROVAL, {A: "add", B: "remove"}),
        ("additive", None, {B: "remove"}),
        ("auto", ApplyPolicy.ADDITIVE, {B: "remove"}),
    ],
)
@pytest.mark.parametrize("trigger", [Trigger.TIMER, Trigger.CHECK, Trigger.EVENT])
def test_what_waited_in_an_ordinary_run_is_approved_by_its_id(
    azure, make_app, table, of_app, of_table, waiting, trigger
):
    app = make_app(APPLY_POLICY=of_app)
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), apply_policy=of_table)))
    run_id = app.create_run(RunRequest(trigger, Mode.APPLY)).run_id
    for route_table in app.run_start.start(run_id):
        app.tables.sync(run_id, route_table)
    shown = app.outcomes.get(run_id, rid("one"))
    assert {each.prefix: each.change for each in shown.withheld} == waiting

    done = approve(app, run_id)["one"]
    assert done.status is OutcomeStatus.CHANGED
    assert {*done.added, *done.removed} == waiting.keys()
    assert owned_prefixes(table) == {A}


def test_what_came_up_since_is_not_approved_and_what_is_shown_then_is(azure, make_app, table):
    app = make_app(APPLY_POLICY="additive")
    waiting = sync(app)["runId"]
    table.routes, table.etag = [owned(B)], 'W/"theirs"'
    refused = approve(app, waiting)["one"]
    assert [violation.code.name for violation in refused.violations] == ["PlanChanged"]
    assert owned_prefixes(table) == {B}

    # The refused run shows what it takes now, and can be approved like every other run.
    [of_this] = [run for run in app.runs.list() if run.request.plan_run_id == waiting]
    assert approve(app, of_this.run_id)["one"].status is OutcomeStatus.CHANGED
    assert owned_prefixes(table) == {A}


def test_a_table_in_which_nothing_waited_is_no_part_of_the_approval(azure, make_app, table):
    app = make_app(APPLY_POLICY="additive")
    done = add_table(azure.state, "done")
    add_table(azure.state, "gone")
    register(app, "done", "gone")
    azure.state.faults.append(refusal("GET", "/gone$", 403, {"error": {"code": "x"}}))
    waiting = sync(app)["runId"]
    azure.state.faults.clear()

    # They have drifted since, which is no reason to stop what was approved, and was not approved.
    done.routes, done.etag = [], 'W/"theirs"'
    assert approve(app, waiting).keys() == {"one"}
    assert owned_prefixes(table) == {A}
    assert done.routes == []
    assert approve(app, waiting, "one", "done").keys() == {"one"}
    why = {"planRunId": "nothing in this run waits for an approval"}
    named = SyncRequest(plan_run_id=waiting, route_tables=[table_id("done"), table_id("gone")])
    assert faults(app.asking.sync, named, HERE) == why


def test_what_an_ordinary_run_showed_as_too_much_is_forced_by_its_id(azure, app):
    many = [f"20.1.{number}.0/24" for number in range(10)]
    table = add_table(azure.state, "one", [owned(prefix) for prefix in many])
    register(app, "one")
    answer(azure, A)
    blocked = sync(app)["runId"]
    assert approve(app, blocked)["one"].status is OutcomeStatus.BLOCKED
    assert owned_prefixes(table) == {A, *many}
    forced = approve(app, blocked, force=["MaxRemovedPercent"], reason="the tag has shrunk")
    assert forced["one"].removed == tuple(many)
    assert owned_prefixes(table) == {A}


def test_a_table_that_is_only_to_be_written_again_is_approved_too(azure, app, table):
    sync(app)
    table.provisioning_state = "Failed"
    plan = sync(app, mode=Mode.PLAN)["runId"]
    assert approve(app, plan)["one"].error is None
    assert table.provisioning_state == "Succeeded"


def test_a_failed_table_that_has_all_its_routes_is_forced(azure, app, table):
    sync(app)
    table.routes = [*table.routes, to_firewall()]
    table.provisioning_state = "Failed"
    blocked = sync(app)["runId"]
    assert approve(app, blocked)["one"].status is OutcomeStatus.BLOCKED
    approve(app, blocked, force=["TableFailed"], reason="it is right as it stands")
    assert table.provisioning_state == "Succeeded"


def test_what_waits_in_a_table_that_was_provisioned_before_is_approved(azure, make_app):
    ase = ase_id_of("one")
    existing = RouteTable(
        resource_id=str(provisioned_id(EnvironmentId.parse(ase))), location="westeurope"
    )
    add_environment(azure.state, "one", table=azure.state.add_table(existing))
    answer(azure, A)
    app = make_app(APPLY_POLICY="approval")
    run_id = app.asking.provision(ProvisionRequest(ase=ase), HERE).run_id
    for route_table in app.run_start.start(run_id):
        app.tables.sync(run_id, route_table)
    [waiting] = app.outcomes.list(run_id)
    assert waiting.status is OutcomeStatus.PLANNED
    [done] = approve(app, run_id).values()
    assert (done.status, done.added) == (OutcomeStatus.CHANGED, (A,))


def test_an_approval_is_of_the_tables_that_the_plan_showed(app, azure, table):
    plan = sync(app, mode=Mode.PLAN)["runId"]
    add_table(azure.state, "two")
    register(app, "two")
    approved = app.asking.sync(SyncRequest(plan_run_id=plan), HERE)
    assert approved.request.route_tables == (rid("one"),)
    assert approved.request.plan_run_id == plan
    other = SyncRequest(plan_run_id=plan, route_tables=[table_id("one"), table_id("two")])
    assert faults(app.asking.sync, other, HERE).keys() == {"routeTables.1"}
    assert faults(app.asking.sync, replace(other, mode=Mode.PLAN), HERE).keys() == {"mode"}


def test_thousands_of_approved_tables_are_not_compared_with_each_other(app, monkeypatch):
    compared = Counter[str]()
    equal = ResourceId.__eq__

    def counted(one: ResourceId, other: object) -> bool:
        compared["ids"] += 1
        return equal(one, other)

    monkeypatch.setattr(ResourceId, "__eq__", counted)
    names = [f"table{number}" for number in range(200)]
    entries = [RegisteredTable(rid(name), Registration((TAG,))) for name in names]
    plan = Run("p", RunRequest(Trigger.HTTP, Mode.PLAN), NOW, RunStatus.SUCCEEDED)
    outcomes = [Outcome(rid(name), OutcomeStatus.PLANNED) for name in names]
    store = SimpleNamespace(
        registrations=SimpleNamespace(list=lambda: entries),
        runs=SimpleNamespace(get=lambda _run_id: plan),
        outcomes=SimpleNamespace(list=lambda _run_id: outcomes),
    )

    request = SyncRequest(plan_run_id="p", route_tables=[table_id(name) for name in names])
    asking = replace(app.asking, store=store, create_run=lambda asked: asked)
    assert asking.sync(request, HERE).route_tables == tuple(map(rid, names))
    assert compared["ids"] < 5 * len(names)


def test_a_plan_without_tables_approves_nothing(app, azure):
    answer(azure, A)
    plan = sync(app, mode=Mode.PLAN)["runId"]
    assert faults(app.asking.sync, SyncRequest(plan_run_id=plan), HERE).keys() == {"planRunId"}


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, {"force"}),
        ({"reason": "seen"}, {"force"}),
        ({"plan_run_id": "plan"}, {"force"}),
        ({"plan_run_id": "plan", "reason": "seen"}, set()),
    ],
)
def test_only_what_was_seen_is_forced(app, table, given, refused):
    plan = sync(app, mode=Mode.PLAN)["runId"]
    request = SyncRequest(
        force=["MaxRemovedPercent"],
        reason=given.get("reason"),
        plan_run_id=plan if "plan_run_id" in given else None,
    )
    if refused:
        assert faults(app.asking.sync, request, HERE).keys() == refused
    else:
        assert app.asking.sync(request, HERE).request.force == ("MaxRemovedPercent",)


def test_an_adoption_names_an_enabled_table_an_owner_and_a_reason(app, table):
    register(app, "off", enabled=False)
    good = AdoptRequest(route_table=table_id("one"), reason="ours", from_owner="other")
    run = app.asking.adopt(good, HERE)
    assert (run.request.action, run.request.from_owner) == (Action.ADOPT, "other")
    assert run.request.route_tables == (rid("one"),)

    for wrong in ("/not/an/id", table_id("unregistered"), table_id("off")):
        request = replace(good, route_table=wrong)
        assert faults(app.asking.adopt, request, HERE).keys() == {"routeTableId"}
    several = AdoptRequest(route_table="/x", reason="", from_owner="Not An Owner")
    assert faults(app.asking.adopt, several, HERE).keys() == {"routeTableId", "reason", "fromOwner"}


def test_a_rollback_needs_a_run_that_changed_the_table(app, azure, table):
    changed, idle = sync(app)["runId"], sync(app)["runId"]
    add_table(azure.state, "two")
    register(app, "two")
    good = RollbackRequest(route_table=table_id("one"), run_id=changed, reason="no")
    run = app.asking.rollback(good, HERE)
    assert (run.request.action, run.request.rolled_back_run_id) == (Action.ROLLBACK, changed)

    for request in (
        replace(good, run_id="never"),
        replace(good, run_id=idle),
        replace(good, route_table=table_id("two")),
    ):
        assert faults(app.asking.rollback, request, HERE).keys() == {"runId"}
    forced = replace(good, force=["MovedOn"])
    assert faults(app.asking.rollback, forced, HERE).keys() == {"force.0"}


def test_a_release_lifts_every_hold_without_a_run(app, table):
    run_id = sync(app)["runId"]
    undo = RollbackRequest(route_table=table_id("one"), run_id=run_id, reason="no")
    begun = app.asking.rollback(undo, HERE).run_id
    for route_table in app.run_start.start(begun):
        app.tables.sync(begun, route_table)
    assert app.registry.get(rid("one")).status.holds

    before = len(list(app.runs.list()))
    request = ReleaseRequest(route_table=table_id("one"), reason="fine")
    assert (
        app.asking.release(request).status.holds == app.registry.get(rid("one")).status.holds == ()
    )
    assert len(list(app.runs.list())) == before
    assert faults(app.asking.release, replace(request, reason="x" * 1001)).keys() == {"reason"}


def test_a_disabled_table_can_lose_our_routes_as_well(app):
    register(app, "off", enabled=False)
    request = RemoveRequest(route_table=table_id("off"), mode=Mode.PLAN)
    run = app.asking.remove(request, HERE)
    assert (run.request.action, run.request.mode) == (Action.REMOVE, Mode.PLAN)
    unknown = replace(request, route_table=table_id("one"))
    assert faults(app.asking.remove, unknown, HERE).keys() == {"routeTableId"}


def test_an_environment_is_given_the_table_that_is_named_after_it(app, azure):
    add_environment(azure.state, "one", table=None)
    request = ProvisionRequest(ase=ase_id_of("one"), ensure_nsg=True, azure_tags={"team": "net"})
    asked = app.asking.provision(request, HERE).request
    assert (asked.action, str(asked.ase_id)) == (Action.PROVISION, ase_id_of("one"))
    assert (asked.ensure_nsg, asked.azure_tags) == (True, {"team": "net"})
    assert [table.name for table in asked.route_tables] == ["one-Route-Table"]


def test_an_environment_that_cannot_be_given_a_table_starts_no_run(app, azure):
    add_environment(azure.state, "taken", table=add_table(azure.state, "taken"))
    add_environment(azure.state, "three", table=None, kind="ASEV3")
    with pytest.raises(InvalidRequest, match="OtherRouteTable"):
        app.asking.provision(ProvisionRequest(ase=ase_id_of("taken")), HERE)
    with pytest.raises(InvalidRequest, match="EnvironmentNotFound"):
        app.asking.provision(ProvisionRequest(ase=ase_id_of("nowhere")), HERE)

    three = ProvisionRequest(ase=ase_id_of("three"), azure_tags={"a?b": "c", "d": "x" * 257})
    assert faults(app.asking.provision, three, HERE).keys() == {"acknowledge", "tags.a?b", "tags.d"}
    many = ProvisionRequest(ase="/x", azure_tags={str(n): "" for n in range(51)})
    assert faults(app.asking.provision, many, HERE).keys() == {"aseId", "tags"}
    assert list(app.runs.list()) == []


def test_only_subscriptions_and_owners_are_discovered(app):
    request = DiscoverRequest(subscriptions=["x", SUBSCRIPTION], owner="Not An Owner")
    assert faults(app.asking.discover, request, HERE).keys() == {"subscriptions.0", "owner"}
    assert faults(app.asking.discover, DiscoverRequest(subscriptions=[]), HERE).keys() == {
        "subscriptions"
    }
    asked = app.asking.discover(DiscoverRequest(subscriptions=[SUBSCRIPTION]), HERE).request
    assert (asked.action, asked.search) == (Action.DISCOVER, Search((SUBSCRIPTION,)))
