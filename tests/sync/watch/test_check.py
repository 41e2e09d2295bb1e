"""The daily check in one process: what it reads, what it starts, what it says."""

import json
import logging
from datetime import timedelta
from operator import methodcaller

import pytest

from local.azure.authorization import READER
from local.azure.faults import Delay, LoseTag, refusal
from local.azure.faults import InjectedFault as Injected
from shared import workers
from shared.app import utc_now
from shared.domain.armid import EnvironmentId
from shared.domain.errors import TransientError
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import TableNews
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Mode
from shared.sync.watch import check
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
    tag_document,
)
from tests.builders.logs import records
from tests.builders.routes import owned, to_firewall
from tests.builders.runs import (
    START,
    TAG,
    begin,
    keep,
    outcome_of,
    pin,
    register,
    run_report,
    sync,
)

A, B = "20.0.0.0/24", "20.0.1.0/24"
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def two(azure, app, clock):
    """Two tables, brought to A."""
    answer(azure, A)
    tables = [add_table(azure.state, name, [to_firewall()]) for name in ("one", "two")]
    register(app, "one", "two")
    sync(app)
    azure.state.log.clear()
    return tables


def finish(app, checked):
    """The run that the check has started, to its end."""
    assert checked.run_id is not None
    for table in app.run_start.start(checked.run_id):
        app.tables.sync(checked.run_id, table)
    return run_report(app, checked.run_id)


def asked(checked, app):
    return [i.name for i in app.runs.get(checked.run_id).request.route_tables]


def codes(checked):
    return [alarm.code.name for alarm in checked.alarms]


def test_where_all_is_right_it_reads_each_thing_once_and_starts_nothing(azure, make_app, two):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2", ROUTE_LIMIT="400")
    azure.state.tags.answers["eastus2"] = tag_document([A])
    checked = app.check.check()
    assert (checked.run_id, checked.alarms) == (None, ())
    paths = sorted(entry["path"].rpartition("/providers/")[2] for entry in azure.state.log)
    assert paths == [
        "Microsoft.Network/locations/eastus2/serviceTags",
        "Microsoft.Network/locations/westeurope/serviceTags",
        "Microsoft.Network/routeTables/one",
        "Microsoft.Network/routeTables/two",
    ]
    assert {entry["method"] for entry in azure.state.log} == {"GET"}
    assert len(list(app.runs.list())) == 1


def test_what_it_finds_right_was_right_now(app, clock, two):
    clock.shift(3 * DAY)
    checked = app.check.check()
    assert checked.alarms == ()
    assert app.registry.get(rid("one")).status.verified_at == START + 3 * DAY
    assert checked.figures.right == 2
    assert {table.days_since_right for table in checked.tables} == {0}


def test_where_the_tag_differs_it_starts_a_run(azure, app, two):
    answer(azure, A, B)
    checked = app.check.check()
    whole = finish(app, checked)
    assert (whole["trigger"], whole["counts"]["changed"]) == ("check", 2)
    assert f"{TAG} changed" in whole["reason"]
    assert app.check.check().run_id is None


def test_a_pinned_table_is_right_although_its_tag_goes_on(azure, app, clock, two):
    first = app.versions.newest(TAG)
    pin(app, "one", first.version_id)
    answer(azure, B)
    clock.shift(3 * DAY)
    checked = app.check.check()
    whole = finish(app, checked)
    assert [w["why"] for w in outcome_of(whole, "one")["withheld"]] == ["Pinned", "Pinned"]
    assert app.registry.get(rid("one")).status.verified_at == START + 3 * DAY

    # The tag has a third version, which no run has recorded yet.
    answer(azure, A, B)
    clock.shift(3 * DAY)
    checked = app.check.check()
    assert app.registry.get(rid("one")).status.verified_at == START + 6 * DAY
    assert app.registry.get(rid("one")).status.applied_version_ids == (first.version_id,)
    told = [(alarm.code.name, alarm.route_table_id) for alarm in checked.alarms]
    assert told == [("TableStale", rid("two"))]


@pytest.mark.parametrize(("days", "told"), [(29, []), (30, ["TablePinned"])])
def test_a_table_that_stays_pinned_is_told(app, clock, two, days, told):
    pin(app, "one", app.versions.newest(TAG).version_id)
    for _ in range(days):
        clock.shift(DAY)
        checked = app.check.check()
    assert codes(checked) == told


def test_a_change_of_the_tag_is_of_those_that_have_it(azure, make_app, two):
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},Other")
    document = tag_document([A, B])
    document["values"] += tag_document([A], "Other")["values"]
    azure.state.tags.answers["westeurope"] = document
    add_table(azure.state, "three")
    register(app, "three", tags=["Other"])
    sync(app, "three")
    assert asked(app.check.check(), app) == ["one", "two"]


def test_where_a_table_is_off_its_plan_it_starts_a_run_of_that_one(app, two):
    two[1].routes = [to_firewall()]
    checked = app.check.check()
    assert asked(checked, app) == ["two"]
    assert finish(app, checked)["counts"]["changed"] == 1


def test_a_table_that_is_gone_gets_its_run(azure, app, clock, two):
    azure.state.remove(two[1])
    checked = app.check.check()
    with pytest.raises(TransientError, match="RouteTableGone"):
        finish(app, checked)
    clock.shift(600)
    [outcome] = finish(app, checked)["outcomes"]
    assert outcome["error"]["code"] == "RouteTableGone"


def test_where_the_last_outcome_was_failed_or_poisoned_it_starts_a_run(azure, app, two):
    azure.state.faults.append(refusal("GET", "tables/one", 403, {}, times=1))
    sync(app, "one")
    run_id = sync(app, "two", mode=Mode.PLAN)["runId"]
    assert asked(app.check.check(), app) == ["one"]
    app.outcomes.expect(run_id, [rid("two")])
    azure.state.faults.clear()
    started = sync(app, "one")
    assert started["status"] == "Succeeded"
    assert app.check.check().run_id is None


def test_a_poisoned_table_is_an_alarm_until_it_was_right_again(azure, app, two):
    run_id = begin(app, "one")
    app.run_start.start(run_id)
    app.tables.fail_poisoned(run_id, rid("one"))
    checked = app.check.check()
    assert (codes(checked), asked(checked, app)) == (["TablePoisoned"], ["one"])
    finish(app, checked)
    assert codes(app.check.check()) == []


def test_a_conflict_that_has_been_said_starts_no_run_and_ages(azure, app, clock, two):
    two[0].routes = [to_firewall(A, "mine")]
    first = app.check.check()
    assert finish(app, first)["counts"]["conflict"] == 1
    clock.shift(DAY)
    assert app.check.check().run_id is None
    clock.shift(2 * DAY)
    checked = app.check.check()
    assert [(a.code.name, a.route_table_id.name) for a in checked.alarms] == [("TableStale", "one")]


def test_what_waits_for_approval_is_said_once(azure, app, clock, two):
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL)))
    answer(azure, A, B)
    assert finish(app, app.check.check())["counts"]["planned"] == 1
    clock.shift(DAY)
    assert app.check.check().run_id is None


def test_while_paused_a_plan_is_said_once(azure, make_app, clock, two):
    app = make_app(PAUSED="true")
    answer(azure, A, B)
    assert finish(app, app.check.check())["mode"] == "plan"
    clock.shift(DAY)
    checked = app.check.check()
    assert checked.run_id is None
    assert azure.state.writes() == []


@pytest.mark.usefixtures("nobody_waits")
def test_one_tables_trouble_never_ages_another(azure, app, clock, two):
    azure.state.faults.append(refusal("GET", "tables/one", 503, {}, times=999))
    for _ in range(3):
        clock.shift(DAY)
        checked = app.check.check()
    assert [(a.code.name, a.route_table_id.name) for a in checked.alarms] == [("TableStale", "one")]
    ages = {table.route_table_id.name: table.days_since_right for table in checked.tables}
    assert ages == {"one": 3, "two": 0}


@pytest.mark.parametrize(("age", "expected"), [(2 * DAY, []), (2 * DAY + SECOND, ["TableStale"])])
def test_a_table_never_found_right_ages_from_when_it_was_first_looked_at(
    azure, app, clock, age, expected
):
    answer(azure, A)
    register(app, "gone")
    first = app.check.check()
    assert codes(first) == []
    clock.shift(age)
    assert codes(app.check.check()) == expected


def test_a_tag_that_is_gone_ages_what_needs_it_and_is_one_alarm(azure, app, clock, two):
    azure.state.faults.append(
        Injected(method="GET", path="serviceTags$", effect=LoseTag(), times=999)
    )
    checked = app.check.check()
    assert (codes(checked), checked.run_id) == (["TagUnavailable"], None)
    assert checked.figures.right == 0
    clock.shift(3 * DAY)
    assert codes(app.check.check()) == ["TagUnavailable", "TableStale", "TableStale"]


def test_a_location_that_does_not_answer_now_is_said_not_raised(azure, app, two):
    busy = {"Retry-After": "99"}
    azure.state.faults.append(refusal("GET", "serviceTags", 503, {}, times=9, headers=busy))
    assert codes(app.check.check()) == ["TagUnavailable"]


def test_rights_lost_on_the_tag(azure, app, two):
    azure.state.identities.app.assignments = [
        (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-{name}", READER)
        for name in ("one", "two")
    ]
    [alarm] = app.check.check().alarms
    assert alarm.code.name == "RightsLostOnTag"
    assert "Microsoft.Network/locations/serviceTags/read" in alarm.message
    assert f"/subscriptions/{SUBSCRIPTION}" in alarm.message


def test_rights_lost_on_most_tables_are_one_alarm(azure, app, clock, two):
    add_table(azure.state, "three", [owned(A)], subscription=OTHER_SUBSCRIPTION)
    register(app, table_id("three", OTHER_SUBSCRIPTION))
    azure.state.identities.app.assignments = [
        (f"/subscriptions/{OTHER_SUBSCRIPTION}", READER),
        (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/none", READER),
    ]
    azure.state.faults.append(
        refusal("GET", "serviceTags", 503, {}, times=999, headers={"Retry-After": "99"})
    )
    clock.shift(3 * DAY)
    unavailable, lost = app.check.check().alarms
    assert (unavailable.code.name, lost.code.name) == ("TagUnavailable", "RightsLostOnTables")
    assert "Microsoft.Network/routeTables/read" in lost.message
    assert f"/subscriptions/{SUBSCRIPTION}" in lost.message
    assert "2 of 3" in lost.message


def test_a_document_that_stands_still_for_35_days(azure, app, clock, two):
    app.check.check()
    clock.shift(35 * DAY - SECOND)
    assert codes(app.check.check()) == []
    clock.shift(SECOND)
    assert codes(app.check.check()) == ["DocumentUnchanged"]
    document = tag_document([A])
    document["changeNumber"] = "2"
    azure.state.tags.answers["westeurope"] = document
    assert codes(app.check.check()) == []


def test_a_table_that_is_almost_full(azure, make_app, two):
    two[0].routes += [owned(f"20.1.{n}.0/24") for n in range(7)]
    app = make_app(ROUTE_LIMIT="11", REMOVAL_GRACE_DAYS="28")
    checked = app.check.check()
    assert [(a.code.name, a.route_table_id.name) for a in checked.alarms] == [
        ("CapacityLow", "one")
    ]
    assert "9 of the 11" in checked.alarms[0].message


def test_nothing_registered_and_no_schedule(azure, make_app, clock):
    answer(azure, A)
    app = make_app(SYNC_SCHEDULE=" ")
    assert codes(app.check.check()) == ["NoTableRegistered", "ScheduleMissing"]
    register(app, "off", enabled=False)
    assert "NoTableRegistered" in codes(app.check.check())


def test_a_wrong_schedule(azure, make_app, two):
    checked = make_app(SYNC_SCHEDULE="0 0 6 * * 7").check.check()
    [alarm] = [alarm for alarm in checked.alarms if alarm.code.name == "ScheduleWrong"]
    assert alarm.message == (
        "SYNC_SCHEDULE: weekday: it must be *, or numbers from 0 to 6 or names from SUN to SAT"
    )


def test_what_there_was_no_time_for_is_left_to_a_run(azure, app, two, monkeypatch):
    monkeypatch.setattr(check, "LONGEST", timedelta(seconds=-1))
    checked = app.check.check()
    assert checked.figures.not_judged == 2
    assert azure.state.log[1:] == []
    assert finish(app, checked)["counts"]["unchanged"] == 2


def test_the_time_for_the_tags_is_time_of_the_check(azure, app, two, monkeypatch):
    monkeypatch.setattr(check, "LONGEST", timedelta(seconds=0.2))
    azure.state.faults.append(
        Injected(method="GET", path="/serviceTags$", effect=Delay(seconds=0.3))
    )
    assert app.check.check().figures.not_judged == 2
    assert azure.state.log[1:] == []


@pytest.fixture
def as_worker(app, monkeypatch):
    monkeypatch.setattr(workers, "app", lambda: app)


def test_it_is_one_record_with_all_figures_and_an_error_for_each_alarm(
    app, as_worker, clock, two, caplog
):
    caplog.set_level(logging.INFO, "ase_route_sync")
    two[0].routes += [owned(B, "None")]
    clock.shift(DAY)
    messages = workers.daily_check()
    [checked] = [r for r in records(caplog) if r["record"] == "check"]
    assert (checked["tables"], checked["right"], checked["alarms"]) == (2, 1, 0)
    assert messages == [json.dumps({"runId": checked["runId"]})]
    assert len(checked["routeTables"]) == 2
    clock.shift(3 * DAY)
    caplog.clear()
    workers.daily_check()
    [alarm] = [r for r in records(caplog) if r["record"] == "alarm"]
    levels = {r.levelno for r in caplog.records if '"alarm"' in r.message}
    assert (alarm["code"], levels) == ("TableStale", {logging.ERROR})
    assert alarm["routeTableId"] == str(rid("one"))


def test_old_runs_and_checks_are_removed(azure, app, as_worker, clock, two):
    app.runs.claim("instance", next(app.runs.list()).run_id)
    workers.daily_check()
    clock.shift(400 * DAY - SECOND)
    workers.daily_check()
    assert len(list(app.runs.list())) == 1
    clock.shift(2 * SECOND)
    workers.daily_check()
    assert list(app.runs.list()) == []
    assert app.runs.claimed("instance") is None
    assert list(app.account.outcomes.list_entities()) == []
    kept = [e["PartitionKey"] for e in app.account.runs.list_entities()]
    assert kept == ["check", "check", "locations", "settings"]
    assert len(list(app.versions.list())) == 1


def test_runs_that_are_overdue_end_with_the_check(app, as_worker, clock, two):
    run_id = begin(app)
    app.run_start.start(run_id)
    clock.shift(timedelta(hours=2))
    workers.daily_check()
    assert run_report(app, run_id)["error"]["code"] == "RunTimedOut"


def test_a_time_that_was_recorded_while_the_clock_ran_ahead_hides_no_stale_table(
    azure, app, clock, two
):
    clock.shift(400 * DAY)
    app.check.check()
    clock.shift(-400 * DAY)
    for table in two:
        azure.state.remove(table)
    app.check.check()
    clock.shift(2 * DAY + SECOND)
    assert codes(app.check.check()) == ["TableStale", "TableStale"]


def test_a_suspended_environment_is_an_alarm_until_it_is_read_again(azure, app, clock, two):
    environment = add_environment(azure.state, "one", table=two[0])
    registration = Registration((TAG,), EnvironmentId.parse(ase_id_of("one")))
    keep(app, RegisteredTable(rid("one"), registration))

    environment.properties["suspended"] = True
    [alarm] = app.check.check().alarms
    assert (alarm.code.name, alarm.route_table_id) == ("EnvironmentSuspended", rid("one"))
    assert ase_id_of("one") in alarm.message

    unreadable = refusal("GET", "hostingEnvironments/one$", 404, {"code": "ResourceNotFound"})
    azure.state.faults.append(unreadable)
    assert codes(app.check.check()) == ["EnvironmentSuspended"]

    environment.properties["suspended"] = False
    assert codes(app.check.check()) == []


def test_a_registration_without_an_environment_has_none_that_is_suspended(azure, app, clock, two):
    app.registry.change(rid("one"), methodcaller("with_news", TableNews(suspended=True)))
    assert codes(app.check.check()) == []
    assert not app.registry.get(rid("one")).status.suspended


def test_a_location_that_stands_still_while_another_moves_is_told(azure, make_app, clock):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A, location="eastus2")
    found = []
    for week in range(7):
        answer(azure, A, f"20.1.{week}.0/24")
        sync(app)
        found.append(codes(app.check.check()))
        clock.shift(7 * DAY)
    assert found == [[]] * 5 + [["LocationStale"]] * 2
    [alarm] = app.checks.latest(until=utc_now()).alarms
    assert "eastus2 has shown nothing new for 42 days" in alarm.message


def test_a_location_that_flips_between_two_versions_is_told_for_a_week(azure, app, clock):
    add_table(azure.state, "one")
    register(app, "one")
    for prefixes in ((A,), (A, B)):
        answer(azure, *prefixes)
        sync(app)
        assert codes(app.check.check()) == []
        clock.shift(DAY)
    answer(azure, A)
    sync(app)
    [alarm] = app.check.check().alarms
    assert (alarm.code.name, "westeurope" in alarm.message) == ("LocationFlips", True)
    clock.shift(7 * DAY)
    assert codes(app.check.check()) == ["LocationFlips"]
    clock.shift(SECOND)
    assert codes(app.check.check()) == []


LISTED = "Storage.WestEurope"


@pytest.mark.parametrize("recorded", [True, False])
def test_an_alarm_tells_that_a_list_gets_old(azure, make_app, recorded):
    both = [tag_document([A], tag)["values"][0] for tag in (TAG, LISTED)]
    answers = azure.state.tags.answers
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},{LISTED}")
    answers["westeurope"] = {"values": both if recorded else both[:1]}
    sync(app)
    answers["westeurope"] = {"values": both[:1]}
    found = app.check.check()
    about = [(alarm.code.name, alarm.about) for alarm in found.alarms if alarm.about]
    assert about == ([("TagUnavailable", LISTED)] if recorded else [])
    assert (found.service_tags, found.run_id) == ((TAG,), None)


def test_a_changed_tag_that_no_table_uses_starts_no_run(azure, make_app):
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},{LISTED}")
    both = [tag_document([A], tag)["values"][0] for tag in (TAG, LISTED)]
    azure.state.tags.answers["westeurope"] = {"values": both}
    sync(app)
    changed = [both[0], tag_document([B], LISTED)["values"][0]]
    azure.state.tags.answers["westeurope"] = {"values": changed}
    found = app.check.check()
    assert (found.differs, found.unusable, found.run_id) == ((), {}, None)
