"""The rules for what may be asked for, whichever door it comes through."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from shared.domain.armid import EnvironmentId, ResourceId
from shared.domain.errors import InvalidRequest
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
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
from tests.builders.azure import (
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
)
from tests.builders.routes import owned
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


def test_an_approval_needs_an_ended_plan_of_a_sync(app, table):
    applied = sync(app)["runId"]
    running = app.asking.sync(SyncRequest(mode=Mode.PLAN), HERE).run_id
    for run_id, why in (
        ("never", "there is no run with this id"),
        (applied, "not a run in mode plan"),
        (running, "the run has not ended yet"),
    ):
        assert faults(app.asking.sync, SyncRequest(plan_run_id=run_id), HERE) == {"planRunId": why}


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
