"""What a person has to look at, on both sides of each threshold."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.armid import RouteTableId
from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.people.health import Document, Measured, Measurements, alarms, needs_run
from shared.domain.registry.contest import Contest, Undoing
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Pin, Registration, RouteException
from shared.domain.registry.status import LastOutcome, Status
from shared.domain.routing.judgement import Violation
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, table_id

NOW = datetime(2026, 3, 4, 5, 20, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
TAG = "AppServiceManagement"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
DENIED = Finding(
    lookup("AuthorizationFailed"),
    "The client 'c' with object id 'o' does not have authorization to perform action "
    f"'Microsoft.Network/routeTables/write' over scope '{table_id('one')}' or the scope is invalid",
)


def rid(name, subscription=SUBSCRIPTION):
    return RouteTableId.parse(table_id(name, subscription))


def unchanged(name="one"):
    return Outcome(rid(name), OutcomeStatus.UNCHANGED)


def off_plan(name):
    return Outcome(rid(name), OutcomeStatus.PLANNED, added=("20.0.0.0/24",))


def measured(
    name="one",
    *,
    subscription=SUBSCRIPTION,
    right_at=NOW,
    outcome=None,
    error=None,
    routes=None,
    route_limit=None,
    exceptions=(),
    pin=None,
    **seen,
):
    registration = Registration((TAG,), exceptions=exceptions, pin=pin)
    return Measured(
        entry=RegisteredTable(rid(name, subscription), registration, Status(**seen)),
        right_at=right_at,
        outcome=outcome or (None if error else unchanged(name)),
        error=error,
        routes=routes,
        route_limit=route_limit,
    )


def found(*tables, unusable=None, document_since=NOW, missing=(), wrong=None):
    return Measurements(
        at=NOW,
        tables=tables,
        unusable=unusable or {},
        document=Document({}, document_since),
        missing_settings=missing,
        wrong_schedules=wrong or {},
        tag_scope=SCOPE,
        max_age_days=2,
    )


def codes(*tables, **other):
    return [alarm.code.name for alarm in alarms(found(*tables, **other))]


def failed(error=None, *, poisoned=False):
    return LastOutcome("run-1", NOW, OutcomeStatus.FAILED, "sig", error, poisoned)


def test_all_is_well():
    assert codes(measured()) == []


@pytest.mark.parametrize(("age", "expected"), [(2 * DAY, []), (2 * DAY + SECOND, ["TableStale"])])
def test_a_table_not_found_right_for_longer_than_two_days(age, expected):
    assert codes(measured(right_at=NOW - age), measured("fine")) == expected


@pytest.mark.parametrize(
    ("age", "expected"), [(30 * DAY - SECOND, []), (30 * DAY, ["TablePinned"]), (-DAY, [])]
)
def test_a_table_that_is_pinned_for_30_days(age, expected):
    pin = Pin(f"AzureCloud.{TAG}-000001", "the proxy", TAG, NOW - age)
    told = alarms(found(measured(pin=pin), measured("fine")))
    assert [alarm.code.name for alarm in told] == expected
    for alarm in told:
        assert alarm.route_table_id == rid("one")
        assert "-000001 for 30 days: the proxy. " in alarm.message


def test_its_age_says_what_stands_in_the_way():
    gone = Finding(lookup("RouteTableNotFound"), "not found")
    tables = [measured(right_at=NOW - 5 * DAY, error=gone), measured("two"), measured("three")]
    [alarm] = alarms(found(*tables))
    assert alarm.message == "not found right for 5.0 days: RouteTableNotFound"
    assert alarm.route_table_id == rid("one")


def test_a_poisoned_outcome():
    last = failed(Finding(lookup("RetryableError"), "busy"), poisoned=True)
    [alarm] = alarms(found(measured(last_outcome=last)))
    assert (alarm.code.name, alarm.message) == (
        "TablePoisoned",
        "run run-1 gave up on it: RetryableError",
    )
    assert codes(measured(last_outcome=failed())) == []


def test_no_table_registered():
    assert codes() == ["NoTableRegistered"]


def test_a_timer_without_its_setting():
    [alarm] = alarms(found(measured(), missing=["SYNC_SCHEDULE"]))
    assert (alarm.code.name, "SYNC_SCHEDULE" in alarm.message) == ("ScheduleMissing", True)


def test_a_timer_whose_schedule_is_wrong():
    [alarm] = alarms(found(measured(), wrong={"SYNC_SCHEDULE": "weekday: it must be plain"}))
    assert (alarm.code.name, alarm.route_table_id) == ("ScheduleWrong", None)
    assert alarm.message == "SYNC_SCHEDULE: weekday: it must be plain"


@pytest.mark.parametrize(
    ("age", "expected"), [(35 * DAY - SECOND, []), (35 * DAY, ["DocumentUnchanged"])]
)
def test_a_document_that_stands_still(age, expected):
    assert codes(measured(), document_since=NOW - age) == expected


@pytest.mark.parametrize(
    ("routes", "limit", "expected"),
    [(320, 400, []), (321, 400, ["CapacityLow"]), (321, None, []), (None, 400, [])],
)
def test_a_table_that_is_about_to_be_full(routes, limit, expected):
    assert codes(measured(routes=routes, route_limit=limit)) == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [(8, []), (7, ["ExceptionEnding"]), (0, ["ExceptionEnding"]), (-1, [])],
)
def test_an_exception_that_is_about_to_end(days, expected):
    until = NOW.date() + timedelta(days=days)
    exception = RouteException("20.0.0.0/24", "by design", until)
    assert codes(measured(exceptions=(exception,))) == expected


def test_what_is_held_and_what_is_contested():
    hold = Hold("20.0.0.0/24", True, "run-1", "run-2")
    undone = (Undoing(NOW, "run-3", ("pipeline@example",)),)
    tables = [measured(holds=(hold,)), measured("two", contest=Contest(undone, NOW))]
    held, contested = alarms(found(*tables))
    assert (held.code.name, held.route_table_id) == ("TableHeld", rid("one"))
    assert "run-1" in held.message
    assert (contested.code.name, contested.route_table_id) == ("TableContested", rid("two"))
    assert "pipeline@example" in contested.message


def test_a_tag_that_is_unusable():
    unusable = {TAG: Finding(lookup("TagUnavailable"), "empty")}
    [alarm] = alarms(found(measured(), unusable=unusable))
    assert (alarm.code.name, alarm.message) == (
        "TagUnavailable",
        f"{TAG} is unusable now: empty",
    )


def test_lost_rights_on_the_tag_name_action_and_scope():
    refused = DENIED.message.replace("routeTables/write", "locations/serviceTags/read")
    for message in (refused, "no"):
        unusable = {TAG: Finding(lookup("AuthorizationFailed"), message)}
        [alarm] = alarms(found(measured(), unusable=unusable))
        assert alarm.code.name == "RightsLostOnTag"
        assert f"Microsoft.Network/locations/serviceTags/read over {SCOPE}" in alarm.message


def test_lost_rights_on_most_tables_are_one_alarm_that_names_action_and_scope():
    old = NOW - 9 * DAY
    tables = [
        measured("one", right_at=old, error=Finding(lookup("AuthorizationFailed"), "no")),
        measured("two", right_at=old, error=DENIED, subscription=OTHER_SUBSCRIPTION),
        measured("three", right_at=old, outcome=off_plan("three"), last_outcome=failed(DENIED)),
        measured("four", last_outcome=failed(DENIED)),
        measured("five"),
    ]
    [alarm] = alarms(found(*tables))
    assert alarm.code.name == "RightsLostOnTables"
    assert "Microsoft.Network/routeTables/write" in alarm.message
    assert f"{SCOPE}, /subscriptions/{OTHER_SUBSCRIPTION}" in alarm.message
    assert "3 of 5" in alarm.message


def test_lost_rights_on_half_of_the_tables_are_each_ones_own():
    tables = [measured("one", right_at=NOW - 9 * DAY, error=DENIED), measured("two")]
    assert codes(*tables) == ["TableStale"]


def outcome(status, **fields):
    return Outcome(rid("one"), OutcomeStatus(status), **fields)


FULL = (Violation(lookup("NoCapacity"), "full", 401, 400),)


@pytest.mark.parametrize(
    ("status", "fields", "last", "needed"),
    [
        ("unchanged", {}, None, False),
        ("planned", {"added": ("20.0.0.0/24",)}, None, True),
        ("planned", {"removed": ("20.0.0.0/24",)}, "same", True),
        ("planned", {}, "same", False),
        ("planned", {}, None, True),
        ("conflict", {}, None, True),
        ("conflict", {}, "same", False),
        ("conflict", {"added": ("20.0.0.0/24",)}, "same", True),
        ("blocked", {"violations": FULL}, "same", False),
        ("blocked", {"violations": FULL}, "other", True),
    ],
)
def test_a_run_is_started_where_it_would_write_or_say_something_new(status, fields, last, needed):
    now = outcome(status, **fields)
    said = {
        None: None,
        "same": LastOutcome("run-1", NOW, now.status, now.signature),
        "other": LastOutcome("run-1", NOW, now.status, "another"),
    }[last]
    found = measured(outcome=now, last_outcome=said)
    assert needs_run(found, (), paused=False) is needed
    assert needs_run(found, (), paused=True) is (needed and last != "same")


def test_a_run_is_started_where_the_last_failed_or_the_tag_differs():
    assert needs_run(measured(last_outcome=failed()), (), paused=False)
    assert needs_run(measured(error=DENIED), (), paused=False)
    assert needs_run(measured(), {TAG}, paused=False)
    assert not needs_run(measured(), {"Another"}, paused=False)
