"""A person asks to undo what a run did, and to let go again."""

import pytest

from local.azure.faults import Drop, InjectedFault, refusal
from shared.domain.errors import TransientError
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.runs.run import Action
from tests.builders.azure import add_table, answer, rid, table_writes
from tests.builders.routes import article_route, owned, owned_prefixes, route, to_firewall
from tests.builders.runs import adopt, begin, outcome_of, register, roll_back, run_report, sync

A, B, C, D = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24", "20.0.3.0/24"


def test_a_rollback_undoes_one_run_and_holds_it_until_the_release(azure, app):
    table = add_table(azure.state, "one", [to_firewall(), owned(A), owned(B, "None")])
    register(app, "one")
    before = list(table.routes)
    answer(azure, B, C)
    run = sync(app)
    assert owned_prefixes(table) == {B, C}

    outcome = roll_back(app, run)
    assert outcome["status"] == "changed"
    assert (outcome["added"], outcome["updated"], outcome["removed"]) == ([A], [B], [C])
    assert [f["code"] for f in outcome["findings"]] == ["Rollback", "Held", "Held"]
    assert sorted(table.routes, key=str) == sorted(before, key=str)

    # Whatever versions come, what was put back stays so, and other additions still flow.
    for prefixes in ((B, C), (C, D), (B, C, D)):
        answer(azure, *prefixes)
        held = outcome_of(sync(app), "one")
        said = [f["message"] for f in held["findings"] if f["code"] == "Held"]
        assert [message.split(": ")[1] for message in said] == [A, f"{B}, {C}"]
        assert all(run["runId"] in message for message in said)
        assert {w["why"] for w in held["withheld"]} == {"Held"}
    assert {(w["prefix"], w["change"]) for w in held["withheld"]} == {
        *((A, "remove"), (B, "update"), (C, "add")),
    }
    assert sorted(table.routes, key=str) == sorted([*before, owned(D)], key=str)

    held_now = app.registry.get(rid("one"))
    assert {h.prefix: h.routed for h in held_now.status.holds} == {A: True, B: False, C: False}
    app.registry.change(rid("one"), RegisteredTable.release)
    after = outcome_of(sync(app), "one")
    assert (after["added"], after["updated"], after["removed"]) == ([C], [B], [A])
    assert owned_prefixes(table) == {B, C, D}


def test_what_is_held_routed_is_repaired_too(azure, app):
    table = add_table(azure.state, "one", [owned(A)])
    register(app, "one")
    answer(azure, B)
    roll_back(app, sync(app))
    table.routes, table.etag = [], 'W/"drifted"'
    assert outcome_of(sync(app), "one")["added"] == [A]


def test_a_rollback_of_a_table_that_has_moved_on_is_refused_and_holds_nothing(azure, app):
    table = add_table(azure.state, "one", [owned(A)])
    register(app, "one")
    answer(azure, B)
    run = sync(app)
    answer(azure, C)
    sync(app)
    azure.state.log.clear()
    outcome = roll_back(app, run)
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", "MovedOn")
    assert B in outcome["error"]["message"]
    assert table_writes(azure.state) == []
    assert owned_prefixes(table) == {C}
    assert app.registry.get(rid("one")).status.holds == ()


@pytest.mark.parametrize("poisoned", [False, True])
def test_a_rollback_that_failed_after_it_began_holds_nothing(azure, app, poisoned):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    run = sync(app)
    undo = {"action": Action.ROLLBACK, "rolled_back_run_id": run["runId"], "reason": "why"}
    run_id = begin(app, "one", **undo)
    [message] = app.run_start.start(run_id)
    refused = refusal("PUT", "one$", 503 if poisoned else 403, {"error": {"code": "No"}})
    azure.state.faults.append(refused)
    if poisoned:
        with pytest.raises(TransientError):
            app.tables.sync(run_id, message)
        assert app.registry.get(rid("one")).status.holds
        app.tables.fail_poisoned(run_id, message)
    else:
        app.tables.sync(run_id, message)
    assert outcome_of(run_report(app, run_id), "one")["status"] == "failed"
    table.routes, table.etag = [], 'W/"drifted"'
    outcome = outcome_of(sync(app), "one")
    assert (outcome["added"], outcome["findings"]) == ([A], [])
    assert owned_prefixes(table) == {A}


def test_a_rollback_that_is_blocked_after_it_began_holds_nothing(azure, app, monkeypatch):
    """Somebody adds a route, which no write may touch, between its reading and its write."""
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    run = sync(app)
    write = app.route_tables.write

    def overtaken(*arguments):
        monkeypatch.setattr(app.route_tables, "write", write)
        table.routes.append(route("odd", "10.0.0.0/8", "Teleport"))
        table.etag = 'W/"theirs"'
        return write(*arguments)

    monkeypatch.setattr(app.route_tables, "write", overtaken)
    blocked = roll_back(app, run)
    assert (blocked["status"], blocked["violations"][0]["code"]) == ("blocked", "NextHopUnknown")
    assert owned_prefixes(table) == {A}
    assert app.registry.get(rid("one")).status.holds == ()

    table.routes, table.etag = [], 'W/"drifted"'
    assert outcome_of(sync(app), "one")["added"] == [A]


def test_a_sync_under_way_does_not_forget_what_is_held_meanwhile(azure, app, monkeypatch):
    table = add_table(azure.state, "one", [owned(A)])
    register(app, "one")
    answer(azure, B)
    run = sync(app)
    answer(azure, B, C)
    table.routes.append(route("new", "10.0.0.0/8", "None"))  # so that a sync has something to note
    write = app.route_tables.write

    def overtaken(*arguments):
        monkeypatch.setattr(app.route_tables, "write", write)
        roll_back(app, run)
        return write(*arguments)

    monkeypatch.setattr(app.route_tables, "write", overtaken)
    outcome = outcome_of(sync(app), "one")
    assert outcome["added"] == [C]
    assert {h.prefix: h.routed for h in app.registry.get(rid("one")).status.holds} == {
        A: True,
        B: False,
    }
    assert owned_prefixes(table) == {A, C}


def test_a_rollback_goes_through_the_guards_and_can_be_forced(azure, app):
    many = [f"20.1.{number}.0/24" for number in range(10)]
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, *many)
    run = sync(app)
    blocked = roll_back(app, run)
    assert blocked["status"] == "blocked"
    assert blocked["violations"][0]["code"] == "MaxRemovedPercent"
    assert owned_prefixes(table) == set(many)
    assert app.registry.get(rid("one")).status.holds == ()
    assert outcome_of(sync(app), "one")["status"] == "unchanged"
    forced = roll_back(app, run, force=("MaxRemovedPercent",))
    assert (forced["status"], len(forced["removed"])) == ("changed", 10)
    assert table.routes == [to_firewall()]
    assert outcome_of(sync(app), "one")["added"] == []


def test_a_rollback_of_an_adoption_gives_the_routes_back(azure, app):
    table = add_table(azure.state, "one", [article_route(1, A)])
    register(app, "one")
    answer(azure, A)
    sync(app)
    run = sync(app, "one", action=Action.ADOPT, reason="x")
    assert table.routes == [owned(A)]
    roll_back(app, run)
    assert table.routes == [article_route(1, A)]
    assert adopt(app)["status"] == "unchanged"  # held


def test_a_rollback_can_be_repeated_and_a_rollback_can_be_rolled_back(azure, app):
    table = add_table(azure.state, "one", [owned(A)])
    register(app, "one")
    answer(azure, B)
    run = sync(app)
    undone = sync(app, "one", action=Action.ROLLBACK, rolled_back_run_id=run["runId"], reason="x")
    assert roll_back(app, run)["status"] == "unchanged"
    assert owned_prefixes(table) == {A}
    roll_back(app, undone)
    assert owned_prefixes(table) == {B}
    holds = app.registry.get(rid("one")).status.holds
    assert [(h.prefix, h.routed, h.rolled_back_run_id) for h in holds] == [
        (A, False, undone["runId"]),
        (B, True, undone["runId"]),
    ]


def test_a_run_that_failed_after_it_wrote_can_be_rolled_back(azure, app):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    run_id = begin(app)
    [message] = app.run_start.start(run_id)
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=Drop(effected=True)))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, message)
    app.tables.fail_poisoned(run_id, message)
    assert owned_prefixes(table) == {A}
    assert roll_back(app, run_report(app, run_id))["removed"] == [A]
    assert table.routes == []


@pytest.mark.parametrize("kept", [True, False], ids=["outcomes kept", "outcomes removed"])
def test_a_failed_rollback_holds_nothing_even_when_its_outcome_is_no_longer_kept(azure, app, kept):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    run = sync(app)
    azure.state.faults.append(refusal("PUT", "one$", 403, {"error": {"code": "No"}}))
    failed = sync(app, "one", action=Action.ROLLBACK, rolled_back_run_id=run["runId"], reason="x")
    assert outcome_of(failed, "one")["status"] == "failed"
    if not kept:
        app.outcomes.remove(failed["runId"])
        app.runs.remove(failed["runId"])
    table.routes, table.etag = [], 'W/"drifted"'
    assert outcome_of(sync(app), "one")["added"] == [A]
    assert owned_prefixes(table) == {A}
    assert app.registry.get(rid("one")).status.holds == ()


def test_a_rollback_of_a_run_whose_outcome_is_gone_by_then_is_no_success(azure, app):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    run = sync(app)
    app.outcomes.remove(run["runId"])
    outcome = roll_back(app, run)
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", "RunNotFound")
    assert owned_prefixes(table) == {A}
