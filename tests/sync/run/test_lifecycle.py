"""Runs start and end."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from local.azure.faults import refusal
from shared.domain.armid import EnvironmentId
from shared.domain.errors import TransientError
from shared.domain.registry.choices import AddressSource
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from tests.builders.azure import add_environment, add_table, answer, ase_id_of, rid, table_id
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import (
    TAG,
    begin,
    keep,
    outcome_of,
    register,
    run_report,
    spoil_pending,
    started,
    sync,
)

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


def test_while_paused_every_run_is_a_plan(azure, make_app):
    add_table(azure.state, "one")
    paused = make_app(PAUSED="true")
    register(paused, "one")
    whole = sync(paused)
    assert whole["mode"] == "plan"
    assert whole["counts"]["planned"] == 1
    assert azure.state.writes() == []


def test_without_tables_the_version_is_recorded_and_the_run_ends(azure, app):
    whole = sync(app)
    assert whole["status"] == "Succeeded"
    assert whole["outcomes"] == []
    assert app.versions.newest("AppServiceManagement") is not None


def test_a_disabled_table_is_left_out(azure, app):
    add_table(azure.state, "one")
    register(app, "one", enabled=False)
    assert sync(app)["outcomes"] == []
    assert azure.state.writes() == []


def test_only_the_tables_asked_for_are_synced(azure, app):
    one, two = add_table(azure.state, "one"), add_table(azure.state, "two")
    register(app, "one", "two")
    whole = sync(app, "two")
    assert [o["routeTableId"] for o in whole["outcomes"]] == [table_id("two")]
    assert one.routes == []
    assert two.routes


@pytest.mark.parametrize("name", ["İ", "ς", "\u017f", "ᾳ-2", "名"])
def test_a_table_and_an_environment_may_have_every_letter_of_azure(azure, app, name):
    one, other = add_table(azure.state, "one"), add_table(azure.state, name)
    add_environment(azure.state, name, table=other, management=[f"{B[:-3]}/32"])
    register(app, "one")
    ase_id = EnvironmentId.parse(ase_id_of(name))
    both = Registration((TAG,), ase_id, address_source=AddressSource.BOTH)
    keep(app, RegisteredTable(rid(name), both))
    answer(azure, A)
    whole = sync(app)
    assert (whole["status"], whole["counts"]["changed"]) == ("Succeeded", 2)
    assert owned_prefixes(one) == {A}
    assert owned_prefixes(other) == {A, f"{B[:-3]}/32"}
    assert sync(app, name)["counts"]["unchanged"] == 1
    assert app.versions.get(whole["versions"][-1]["versionId"]).source == ase_id.key


def test_a_start_message_that_comes_again_sends_only_what_is_still_pending(azure, app):
    for name in ("one", "two"):
        add_table(azure.state, name)
    register(app, "one", "two")
    run_id = begin(app)
    first = app.run_start.start(run_id)
    app.tables.sync(run_id, first[0])
    assert app.run_start.start(run_id) == [first[1]]


def test_messages_for_a_run_that_never_was_are_dropped(azure, app):
    unknown = "20260101000000000000-00000000"
    assert app.run_start.start(unknown) == []
    assert app.tables.sync(unknown, rid("one")).outcome is None
    app.tables.fail_poisoned(unknown, rid("one"))
    assert app.run_start.start_without_tags(unknown) == []
    assert azure.state.log == []


def test_a_run_whose_worker_died_ends_as_failed_after_two_hours(azure, app):
    for name in ("one", "two"):
        add_table(azure.state, name)
    register(app, "one", "two")
    run_id = begin(app)
    first, second = app.run_start.start(run_id)
    app.tables.sync(run_id, first)
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(hours=1, minutes=59), tick=True):
        app.run_end.expire_overdue()
        assert run_report(app, run_id)["status"] == "Running"
    azure.state.log.clear()
    with time_machine.travel(now + timedelta(hours=2, minutes=1), tick=True):
        assert app.tables.sync(run_id, second).outcome is None
    whole = run_report(app, run_id)
    assert whole["status"] == "Failed"
    assert whole["error"]["code"] == "RunTimedOut"
    assert outcome_of(whole, second.name)["error"]["code"] == "RunTimedOut"
    assert outcome_of(whole, first.name)["status"] == "changed"
    assert azure.state.log == []


@pytest.mark.parametrize("how", ["delivered", "poisoned", "overdue"])
def test_a_table_whose_pending_row_cannot_be_read_fails_and_the_run_ends(azure, app, how):
    for name in ("one", "two"):
        add_table(azure.state, name)
    run_id = started(app, "one", "two")
    spoil_pending(app, run_id, "one")
    app.tables.sync(run_id, rid("two"))

    azure.state.log.clear()
    if how == "delivered":
        app.tables.sync(run_id, rid("one"))
    elif how == "poisoned":
        app.tables.fail_poisoned(run_id, rid("one"))
    else:
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=3), tick=True):
            assert app.run_end.expire_overdue() == []

    whole = run_report(app, run_id)
    [one] = [o for o in whole["outcomes"] if rid(o["routeTableId"]) == rid("one")]
    assert (whole["status"], one["status"], one["error"]["code"]) == (
        "Failed",
        "failed",
        "InternalError",
    )
    assert "what the run noted about this table cannot be read" in one["error"]["message"]
    assert azure.state.writes() == []


def test_the_next_run_ends_one_that_never_started(azure, app):
    stuck = begin(app)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3), tick=True):
        sync(app)
    assert run_report(app, stuck)["error"]["code"] == "RunTimedOut"


def test_trouble_with_the_tags_that_may_pass_is_raised_and_noted(azure, app):
    refused = {"error": {"code": "SubscriptionRequestsThrottled", "message": "later"}}
    azure.state.faults.append(
        refusal("GET", "serviceTags", 429, refused, headers={"Retry-After": "60"}, times=9)
    )
    run_id = begin(app)
    with pytest.raises(TransientError):
        app.run_start.start(run_id)
    assert run_report(app, run_id)["error"]["code"] == "SubscriptionRequestsThrottled"
    assert app.run_start.start_without_tags(run_id) == []
    assert run_report(app, run_id)["status"] == "Failed"


def test_a_start_that_recovers_forgets_the_trouble(azure, app):
    run_id = begin(app)
    azure.state.faults.append(refusal("GET", "serviceTags", 429, {}, headers={"Retry-After": "60"}))
    with pytest.raises(TransientError):
        app.run_start.start(run_id)
    app.run_start.start(run_id)
    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"]) == ("Succeeded", None)


def test_without_an_answer_tables_are_repaired_from_what_was_recorded(azure, app):
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, A, B)
    sync(app)
    table.routes, table.etag = [owned(C), owned(A, "None")], 'W/"drifted"'
    azure.state.faults.append(
        refusal("GET", "serviceTags", 503, {}, headers={"Retry-After": "60"}, times=99)
    )
    run_id = begin(app)
    with pytest.raises(TransientError):
        app.run_start.start(run_id)
    assert run_report(app, run_id)["status"] == "Running"
    for message in app.run_start.start_without_tags(run_id):
        app.tables.sync(run_id, message)
    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    outcome = outcome_of(whole, "one")
    assert (outcome["added"], outcome["updated"], outcome["removed"]) == ([B], [A], [])
    assert [w["why"] for w in outcome["withheld"]] == ["TagUnavailable"]
    assert owned_prefixes(table) == {A, B, C}
    assert [v["versionId"][-1] for v in whole["versions"]] == ["1"]


@pytest.mark.parametrize(("seconds", "starts"), [(599, False), (600, True)])
def test_tags_whose_reader_is_refused_for_ten_minutes_are_unusable(
    azure, app, clock, seconds, starts
):
    answer(azure, A)
    add_table(azure.state, "one")
    register(app, "one")
    sync(app)
    refused = {"error": {"code": "InvalidAuthenticationToken", "message": "no"}}
    azure.state.faults.append(refusal("GET", "serviceTags$", 401, refused, times=99))
    run_id = begin(app)
    clock.shift(3600)  # the ten minutes begin with the first refusal
    with pytest.raises(TransientError, match="SignInFailed"):
        app.run_start.start(run_id)
    clock.shift(seconds)
    if not starts:
        with pytest.raises(TransientError, match="SignInFailed"):
            app.run_start.start(run_id)
        return
    assert app.run_start.start(run_id) == [rid("one")]
    app.tables.sync(run_id, rid("one"))
    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    assert "SignInFailed" in whole["error"]["message"]
    assert outcome_of(whole, "one")["status"] == "unchanged"
