"""A worker killed at any call: the next delivery heals it, and nothing is done or said twice."""

from datetime import timedelta

import pytest

from local.azure.faults import refusal
from shared.app import App, utc_now
from shared.domain.registry.holds import Hold, held_at
from shared.domain.runs.run import MAX_RUN_TIME, Action, Mode
from tests.builders.azure import (
    add_environment,
    add_table,
    ase_id_of,
    rid,
    table_id,
    table_writes,
    tag_document,
)
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, begin, begin_discovery, register, run_report, sync
from tests.deliveries import deliver_although_killed, first_write_without_a_death

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_a_run_is_healed_by_the_next_delivery(azure, azurite, make_app, after):
    def attempt(write):
        return _killed_and_healed(azure, make_app(AzureWebJobsStorage=azurite()), write, after)

    assert first_write_without_a_death(attempt) > 12


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_a_forced_run_in_a_full_table_does_what_was_approved(
    azure, azurite, make_app, after
):
    settings = {"ROUTE_LIMIT": "6", "REMOVAL_GRACE_DAYS": "28", "APPLY_POLICY": "approval"}

    def attempt(write):
        app = make_app(AzureWebJobsStorage=azurite(), **settings)
        return _approved_and_killed(azure, app, write, after)

    assert first_write_without_a_death(attempt) > 7


def _approved_and_killed(azure, app: App, write: int, after: bool) -> bool:
    """All that the table has of ours is to yield, which is more than a run may remove unforced."""
    where = f"killed at write {write}"
    leaving = [f"20.1.{number}.0/24" for number in range(5)]
    coming = [f"20.2.{number}.0/24" for number in range(5)]
    one = add_table(azure.state, "one", [to_firewall(), *(owned(p) for p in leaving)])
    azure.state.tags.answers["westeurope"] = tag_document(coming)
    register(app, "one")
    plan = sync(app, mode=Mode.PLAN)
    forced = begin(
        app, plan_run_id=plan["runId"], force=("MaxRemovedPercent",), reason="the tag has moved"
    )
    azure.state.log.clear()
    died = deliver_although_killed(app, forced, write, after=after)

    whole = run_report(app, forced)
    [outcome] = whole["outcomes"]
    assert (whole["status"], outcome["status"]) == ("Succeeded", "changed"), where
    assert (outcome["added"], outcome["removed"]) == (coming, leaving), where
    said = {"Approved", "Forced", "RetainedYielded"}
    assert {finding["code"] for finding in outcome["findings"]} == said, where
    assert owned_prefixes(one) == {*coming}, where
    assert len(table_writes(azure.state)) == 1, where
    return died


@pytest.mark.parametrize("refused", [False, True], ids=["done", "refused"])
def test_killed_at_any_call_a_rollback_holds_what_it_wrote_and_nothing_else(
    azure, azurite, make_app, refused
):
    def attempt(write):
        app = make_app(AzureWebJobsStorage=azurite())
        return _rolled_back_and_killed(azure, app, write, refused)

    assert first_write_without_a_death(attempt) > 7


def _rolled_back_and_killed(azure, app: App, write: int, refused: bool) -> bool:
    where = f"killed at write {write}"
    azure.state.faults.clear()
    table = add_table(azure.state, "one", [to_firewall(), owned(C)])
    azure.state.tags.answers["westeurope"] = tag_document([C])
    register(app, "one")
    earlier = Hold(C, True, "earlier", "earlier")
    app.registry.change(rid("one"), lambda t: t.release().with_open_holds([earlier], "earlier"))
    azure.state.tags.answers["westeurope"] = tag_document([A, C])
    run = sync(app)
    assert owned_prefixes(table) == {A, C}

    if refused:
        azure.state.faults.append(refusal("PUT", "one$", 403, {"error": {"code": "No"}}, times=2))
    undo = {"action": Action.ROLLBACK, "rolled_back_run_id": run["runId"], "reason": "why"}
    run_id = begin(app, "one", **undo)
    died = deliver_although_killed(app, run_id, write, after=True)

    # What is held must not depend on rows that retention removes.
    status = run_report(app, run_id)["outcomes"][0]["status"]
    assert status == ("failed" if refused else "changed"), where
    app.outcomes.remove(run_id)
    entry = app.registry.get(rid("one"))
    assert entry is not None
    holds = held_at(entry.status.holds, utc_now() + MAX_RUN_TIME)
    undone = () if refused else (Hold(A, False, run["runId"], run_id),)
    assert holds == (*undone, earlier), where
    return died


def _killed_and_healed(azure, app: App, write: int, after: bool) -> bool:
    where = f"killed at write {write}"
    one = add_table(azure.state, "one", [to_firewall(), owned(C)])
    two = add_table(azure.state, "two", [to_firewall(A, "mine")])
    azure.state.tags.answers["westeurope"] = tag_document([A, B])
    register(app, "one", "two")
    run_id = begin(app)
    azure.state.log.clear()
    died = deliver_although_killed(app, run_id, write, after=after)

    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"]) == ("Failed", None), where  # two has a conflict
    assert whole["counts"]["changed"] == whole["counts"]["conflict"] == 1, where
    [changed] = [o for o in whole["outcomes"] if o["status"] == "changed"]
    assert (changed["added"], changed["removed"]) == ([A, B], [C]), where
    assert owned_prefixes(one) == {A, B}, where
    assert owned_prefixes(two) == {B}, where
    assert two.routes[0] == to_firewall(A, "mine"), where
    assert len(table_writes(azure.state)) == 2, where
    assert len(app.versions.history(TAG)) == 1, where
    return died


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_a_discovery_finds_and_registers_everything_once(
    azure, azurite, make_app, monkeypatch, after
):
    monkeypatch.setattr("shared.sync.surroundings.discovery.LONGEST", timedelta())
    for name in ("one", "two"):
        add_environment(azure.state, name, kind="ASEV2", table=add_table(azure.state, name))
    add_table(azure.state, "alone", [owned(A)])

    def attempt(write):
        app = make_app(AzureWebJobsStorage=azurite())
        run_id = begin_discovery(app, register=True, owner="asemgmt")
        died = deliver_although_killed(app, run_id, write, after=after)

        whole, where = run_report(app, run_id), f"killed at write {write}"
        found = whole["result"]
        assert (whole["status"], found["errors"]) == ("Succeeded", []), where
        assert [e["aseId"] for e in found["value"]] == [ase_id_of("one"), ase_id_of("two")], where
        assert all(e["registered"] for e in found["value"]), where
        [alone] = found["routeTables"]
        assert (alone["routeTableId"], alone["registered"]) == (table_id("alone"), True), where
        assert len(list(app.registry.list())) == 3, where
        return died

    assert first_write_without_a_death(attempt) > 7
    assert azure.state.writes() == []
