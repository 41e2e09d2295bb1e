"""A sync brings a table to the newest versions."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Mode
from tests.builders.azure import (
    add_table,
    answer,
    history,
    published_ipv4,
    rid,
    table_writes,
    tag_document,
)
from tests.builders.routes import foreign_routes, owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, begin, keep, outcome_of, register, roll_back, sync

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


def test_a_version_becomes_routes_in_every_registered_table(azure, app):
    tables = [add_table(azure.state, name, [to_firewall()]) for name in ("one", "two")]
    untouched = add_table(azure.state, "unregistered", [to_firewall()])
    register(app, "one", "two")
    whole = sync(app)
    wanted = published_ipv4(history()[0])
    assert whole["status"] == "Succeeded"
    assert whole["counts"]["changed"] == 2
    for table in tables:
        assert owned_prefixes(table) == wanted
        assert foreign_routes(table) == [to_firewall()]
    assert foreign_routes(untouched) == untouched.routes
    [version] = whole["versions"]
    assert set(version["added"]) == wanted
    applied = app.registry.get(rid("one"))
    assert applied.status.applied_version_ids == (version["versionId"],)


def test_removal_waits_for_the_grace_and_then_happens(azure, make_app):
    app = make_app(REMOVAL_GRACE_DAYS="28")
    table = add_table(azure.state, "one")
    register(app, "one")
    start = datetime(2026, 3, 4, 6, tzinfo=UTC)
    for day, prefixes, expected in (
        (0, (A, B), {A, B}),
        (7, (B, C), {A, B, C}),
        (34, (B, C), {A, B, C}),
        (35, (B, C), {B, C}),
    ):
        answer(azure, *prefixes)
        with time_machine.travel(start + timedelta(days=day), tick=True):
            outcome = outcome_of(sync(app), "one")
        assert owned_prefixes(table) == expected, day
        if day in (7, 34):
            assert outcome["retained"] == [{"prefix": A, "until": "2026-04-08"}]


def test_a_fresh_store_removes_nothing_at_once(azure, make_app):
    table = add_table(azure.state, "one", [owned(C)])
    answer(azure, A)
    app = make_app(REMOVAL_GRACE_DAYS="28")
    register(app, "one")
    outcome = outcome_of(sync(app), "one")
    assert [r["prefix"] for r in outcome["retained"]] == [C]
    assert owned_prefixes(table) == {A, C}


def test_one_conflict_does_not_stop_the_tables_other_prefixes(azure, app):
    table = add_table(azure.state, "one", [to_firewall(A, "mine")])
    answer(azure, A, B)
    register(app, "one")
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert whole["status"] == "Failed"
    assert outcome["status"] == "conflict"
    assert outcome["added"] == [B]
    assert outcome["conflicts"] == [
        {
            "prefix": A,
            "routeName": "mine",
            "nextHopType": "VirtualAppliance",
            "nextHopIpAddress": "10.0.0.4",
            "accepted": None,
        }
    ]
    assert owned_prefixes(table) == {B}
    assert app.registry.get(rid("one")).status.applied_version_ids == ()


def test_a_taken_name_is_a_conflict_that_the_report_explains(azure, app):
    add_table(azure.state, "one", [to_firewall("20.9.0.0/24", "ASEMGMT--20.0.0.0_24")])
    answer(azure, A)
    register(app, "one")
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "conflict"
    assert outcome["findings"][0]["code"] == "NameTaken"
    assert azure.state.writes() == []


def test_several_tags_are_one_desired_set_and_one_write(azure, make_app):
    document = tag_document([A, B])
    document["values"] += tag_document([B, C], "ApiManagement")["values"]
    azure.state.tags.answers["westeurope"] = document
    app = make_app(ALLOWED_SERVICE_TAGS="AppServiceManagement,ApiManagement")
    table = add_table(azure.state, "one")
    register(app, "one", tags=("AppServiceManagement", "ApiManagement"))
    whole = sync(app)
    assert owned_prefixes(table) == {A, B, C}
    assert len(table_writes(azure.state)) == 1
    assert len(outcome_of(whole, "one")["versionIds"]) == 2


def test_a_tag_that_is_no_longer_allowed_fails_its_tables(azure, app, make_app):
    add_table(azure.state, "one")
    register(app, "one", tags=("ApiManagement",))
    whole = sync(app)
    assert outcome_of(whole, "one")["error"]["code"] == "ServiceTagNotAllowed"
    assert azure.state.writes() == []


@pytest.mark.parametrize(
    ("bent", "was"),
    [
        (
            owned(A, "VirtualAppliance", nextHopIpAddress="10.0.0.4"),
            "VirtualAppliance 10.0.0.4",
        ),
        (
            owned(
                A, "VirtualApplianceEcmp", nextHop={"nextHopIpAddresses": ["10.0.0.4", "10.0.0.5"]}
            ),
            "VirtualApplianceEcmp 10.0.0.4, 10.0.0.5",
        ),
    ],
    ids=["one appliance", "several appliances"],
)
def test_drift_is_repaired_though_the_version_is_the_same(azure, app, bent, was):
    table = add_table(azure.state, "one")
    answer(azure, A, B)
    register(app, "one")
    sync(app)
    table.routes = [bent]
    table.etag = 'W/"drifted"'
    planned = outcome_of(sync(app, mode=Mode.PLAN), "one")
    outcome = outcome_of(sync(app), "one")
    assert (outcome["added"], outcome["updated"]) == ([B], [A])
    update = {"prefix": A, "from": was, "to": "Internet"}
    assert planned["updates"] == outcome["updates"] == [update]
    assert owned_prefixes(table) == {A, B}


def test_an_update_that_waits_for_approval_says_from_what_to_what(azure, app):
    answer(azure, A, B)
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL)))
    add_table(azure.state, "one", [owned(A, "None")])
    waiting = outcome_of(sync(app), "one")
    assert (waiting["added"], waiting["updated"]) == ([], [])
    assert waiting["updates"] == [{"prefix": A, "from": "None", "to": "Internet"}]


def test_workers_plan_with_the_newest_version_whatever_the_message_was_sent_for(azure, app):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    old_run = begin(app)
    app.run_start.start(old_run)
    answer(azure, A, B)
    sync(app)
    azure.state.log.clear()
    late = app.tables.sync(old_run, rid("one")).outcome
    assert late.status == "unchanged"
    assert azure.state.writes() == []
    assert owned_prefixes(table) == {A, B}


def except_for(app, prefix, until, reason="the proxy team wants it so"):
    exception = RouteException(prefix, reason, until)
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), exceptions=(exception,))))


@pytest.mark.parametrize(
    ("days_left", "status", "findings"), [(0, "changed", []), (-1, "conflict", ["ExceptionEnded"])]
)
def test_a_conflict_that_is_meant_is_none_to_the_end_of_its_day(
    azure, app, days_left, status, findings
):
    table = add_table(azure.state, "one", [to_firewall(A, "mine")])
    answer(azure, A, B)
    except_for(app, A, datetime.now(UTC).date() + timedelta(days=days_left))
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert outcome["status"] == status
    assert whole["status"] == ("Succeeded" if status == "changed" else "Failed")
    [conflict] = outcome["conflicts"]
    assert conflict["accepted"] == (None if findings else "the proxy team wants it so")
    assert [f["code"] for f in outcome["findings"]] == findings
    assert foreign_routes(table) == [to_firewall(A, "mine")]
    assert owned_prefixes(table) == {B}
    assert bool(app.registry.get(rid("one")).status.applied_version_ids) is not bool(findings)


def test_an_exception_is_of_its_prefix_alone_and_not_of_a_name(azure, app):
    add_table(
        azure.state,
        "one",
        [to_firewall(A, "mine"), to_firewall("20.9.0.0/24", owned(B)["name"])],
    )
    answer(azure, A, B)
    except_for(app, B, datetime.now(UTC).date())
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "conflict"
    assert [c["accepted"] for c in outcome["conflicts"]] == [None, None]


def test_a_source_that_a_registration_lost_leaves_its_routes_their_grace(azure, make_app):
    document = tag_document([A])
    document["values"] += tag_document([B], "ApiManagement")["values"]
    azure.state.tags.answers["westeurope"] = document
    app = make_app(
        ALLOWED_SERVICE_TAGS="AppServiceManagement,ApiManagement", REMOVAL_GRACE_DAYS="28"
    )
    table = add_table(azure.state, "one")
    start = datetime(2026, 3, 4, 6, tzinfo=UTC)
    with time_machine.travel(start, tick=True):
        register(app, "one", tags=("AppServiceManagement", "ApiManagement"))
        sync(app)
    lost_at = start + timedelta(days=100)
    both = app.registry.get(rid("one"))
    one_left = both.with_registration(Registration(("AppServiceManagement",)), lost_at)
    keep(app, one_left)
    assert app.registry.get(rid("one")).status.former_sources == {"ApiManagement": lost_at}
    for days, there in ((0, {A, B}), (27, {A, B}), (28, {A})):
        with time_machine.travel(lost_at + timedelta(days=days), tick=True):
            sync(app)
        assert owned_prefixes(table) == there, days


WIDE = "23.0.0.0/8"


def bounds_get_stricter(azure, make_app):
    """Let A and a wide prefix be recorded and written before the bound becomes stricter."""
    app = make_app(MIN_PREFIX_LENGTH="8")
    answer(azure, A, WIDE)
    register(app, "one")
    sync(app)
    return make_app(MIN_PREFIX_LENGTH="16")


def test_a_recorded_prefix_that_is_out_of_bounds_now_is_not_added_again(azure, make_app):
    table = add_table(azure.state, "one", [to_firewall()])
    app = bounds_get_stricter(azure, make_app)
    assert owned_prefixes(table) == {A, WIDE}
    table.routes[:] = [to_firewall()]
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert owned_prefixes(table) == {A}
    assert (outcome["added"], whole["error"]["code"]) == ([A], "TagUnavailable")
    [said] = [f["message"] for f in outcome["findings"] if f["code"] == "RecordedOutOfBounds"]
    assert f"{WIDE} is wider than /16" in said


def test_its_standing_route_stays_as_it_is(azure, make_app):
    table = add_table(azure.state, "one", [to_firewall()])
    app = bounds_get_stricter(azure, make_app)
    [a, wide] = [owned(A, "None"), owned(WIDE, "None")]
    table.routes[:] = [to_firewall(), a, wide]
    outcome = outcome_of(sync(app), "one")
    assert (outcome["updated"], outcome["removed"], outcome["withheld"]) == ([A], [], [])
    assert table.routes == [to_firewall(), owned(A), wide]


def test_it_leaves_as_any_other_when_its_source_has_it_no_longer(azure, make_app):
    table = add_table(azure.state, "one", [to_firewall()])
    app = bounds_get_stricter(azure, make_app)
    answer(azure, A)
    outcome = outcome_of(sync(app), "one")
    assert (outcome["removed"], owned_prefixes(table)) == ([WIDE], {A})
    assert outcome["findings"] == []


def test_a_held_prefix_that_is_out_of_bounds_stays_and_is_not_repaired(azure, make_app):
    table = add_table(azure.state, "one", [to_firewall()])
    app = bounds_get_stricter(azure, make_app)
    answer(azure, A)
    roll_back(app, sync(app))
    assert outcome_of(sync(app), "one")["status"] == "unchanged"
    assert owned_prefixes(table) == {A, WIDE}
    table.routes[:] = [to_firewall()]
    assert outcome_of(sync(app), "one")["added"] == [A]
