"""A person asks to adopt routes that others made."""

import pytest

from local.azure.faults import Drop, InjectedFault
from shared.domain.errors import TransientError
from shared.domain.runs.run import Action, Mode
from tests.builders.azure import add_table, answer, table_writes
from tests.builders.routes import article_route, foreign_routes, owned, owned_prefixes, to_firewall
from tests.builders.runs import adopt, approved, begin, outcome_of, register, run_report, sync

A, B, C, D = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24", "20.0.3.0/24"


def test_routes_made_by_the_articles_loop_are_covered_and_then_adopted_in_one_write(azure, app):
    made = [article_route(n, prefix) for n, prefix in enumerate((A, B, C))]
    table = add_table(azure.state, "one", [to_firewall(), *made])
    register(app, "one")
    answer(azure, A, B, D)
    covered = outcome_of(sync(app), "one")
    assert (covered["covered"], covered["added"]) == ([A, B], [D])
    azure.state.log.clear()

    outcome = adopt(app)
    assert (outcome["status"], outcome["updated"]) == ("changed", [A, B])
    assert (outcome["added"], outcome["removed"], outcome["covered"]) == ([], [], [])
    [write] = table_writes(azure.state)
    assert write["ifMatch"]
    sent = {r["name"]: r["properties"] for r in write["body"]["properties"]["routes"]}
    assert sent.keys() == {
        *("default-via-firewall", "ASE-management-2"),
        *(owned(p)["name"] for p in (A, B, D)),
    }
    ids = {r["name"]: r["id"] for r in write["body"]["properties"]["routes"] if "id" in r}
    assert all(route_id.endswith(f"/{name}") for name, route_id in ids.items())
    assert owned_prefixes(table) == {A, B, D}
    assert foreign_routes(table) == [to_firewall(), made[2]]
    assert outcome_of(sync(app), "one")["status"] == "unchanged"


def test_adoption_does_nothing_else_to_the_table(azure, app):
    table = add_table(azure.state, "one", [article_route(1, A), owned(C), owned(B, "None")])
    register(app, "one")
    answer(azure, A, B, D)
    assert adopt(app)["updated"] == [A]
    assert table.routes == [owned(A), owned(C), owned(B, "None")]
    assert adopt(app)["status"] == "unchanged"


def test_changing_the_owner_is_an_adoption(azure, make_app):
    old = make_app(ROUTE_OWNER="old", REMOVAL_GRACE_DAYS="28")
    new = make_app(REMOVAL_GRACE_DAYS="28")
    table = add_table(azure.state, "one", [to_firewall()])
    register(old, "one")
    answer(azure, A, B)
    sync(old)
    answer(azure, A)
    sync(old)  # B is in its grace
    assert outcome_of(sync(new), "one")["covered"] == [A]
    refused = adopt(new)
    assert refused["status"] == "unchanged"
    assert {f["code"] for f in refused["findings"]} == {"Adoption", "StampedByAnother"}
    assert adopt(new, from_owner="other")["status"] == "unchanged"
    assert adopt(new, from_owner="old")["updated"] == [A, B]
    assert owned_prefixes(table) == {A, B}
    assert [r["prefix"] for r in outcome_of(sync(new), "one")["retained"]] == [B]


def test_an_adoption_whose_answer_was_lost_is_reported_as_done(azure, app):
    table = add_table(azure.state, "one", [article_route(1, A)])
    register(app, "one")
    answer(azure, A)
    sync(app)
    run_id = begin(app, "one", action=Action.ADOPT, reason="x")
    [message] = app.run_start.start(run_id)
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=Drop(effected=True)))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, message)
    assert table.routes == [owned(A)]
    app.tables.sync(run_id, message)
    outcome = outcome_of(run_report(app, run_id), "one")
    assert (outcome["status"], outcome["updated"]) == ("changed", [A])


def test_policies_hold_for_what_follows_an_adoption_and_not_for_it(azure, make_app):
    app = make_app(APPLY_POLICY="approval")
    table = add_table(azure.state, "one", [article_route(1, A)])
    register(app, "one")
    answer(azure, A, B)
    plan = sync(app, mode=Mode.PLAN)
    assert adopt(app)["updated"] == [A]
    assert outcome_of(sync(app), "one")["status"] == "planned"
    assert outcome_of(approved(app, plan), "one")["added"] == [B]
    assert owned_prefixes(table) == {A, B}
