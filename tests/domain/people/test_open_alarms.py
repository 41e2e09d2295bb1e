"""An alarm of the last check counts until its cause is seen to be gone, on both sides of that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import codes
from shared.domain.addresses import VersionHead
from shared.domain.findings import Finding
from shared.domain.people.check_report import CheckReport
from shared.domain.people.health import Alarm, Document, Measurements
from shared.domain.people.open_alarms import Seen, open_alarms, open_error
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.registry.status import LastOutcome, Reading, Status
from shared.domain.runs.outcome import OutcomeStatus
from shared.domain.runs.run import Action, Mode, Run, RunRequest, RunStatus, Trigger, VersionSeen
from tests.builders.azure import rid
from tests.builders.runs import TAG

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
ASE = "/subscriptions/s/resourcegroups/g/providers/microsoft.web/hostingenvironments/e"
EMPTY = CheckReport.of(
    Measurements(
        at=NOW, tables=(), unusable={}, document=Document({}, NOW), tag_scope="/", max_age_days=2
    )
)
DENIED = Finding(codes.AUTHORIZATION_FAILED, "no")
OTHER = Finding(codes.NO_ANSWER, "no")


def told(code, about=""):
    """Return a check that has raised this alarm alone."""
    return replace(EMPTY, alarms=(Alarm(code, "why", about=about),))


def table(name="one", **status):
    return RegisteredTable(rid(name), Registration((TAG,)), Status(**status))


def version(source=TAG, at=NOW):
    return VersionHead(f"AzureCloud.{source}-000001", source, "1", at)


def run(started_at=NOW + SECOND, *, read=(), unusable=(), action=Action.SYNC, **known):
    return Run(
        "run",
        RunRequest(Trigger.HTTP, Mode.PLAN, action),
        started_at,
        versions=tuple(VersionSeen("v", "c", source, "1", (), ()) for source in read),
        unusable=dict.fromkeys(unusable, "why"),
        **known,
    )


def seen(check=EMPTY, *, runs=(), tables=(), newest=(), locations=()):
    return Seen(check=check, runs=runs, tables=tables, newest=newest, locations=locations)


def still(check, **others):
    return [alarm.code.name for alarm in open_alarms(seen(check, **others), NOW.date())]


@pytest.mark.parametrize(
    "code", [codes.TAG_UNAVAILABLE, codes.LIST_UNAVAILABLE, codes.RIGHTS_LOST_ON_TAG]
)
@pytest.mark.parametrize(
    ("later", "is_open"),
    [
        (run(read=[TAG]), False),
        (run(NOW, read=[TAG]), True),
        (run(read=["Other"]), True),
        (run(read=[TAG], unusable=[TAG]), True),
        (run(action=Action.DISCOVER), True),
    ],
    ids=["read since", "read before", "another read", "worked from the last", "a discovery"],
)
def test_a_source_is_unusable_until_a_run_has_read_it(code, later, is_open):
    assert still(told(code, TAG), runs=[later]) == ([code.name] if is_open else [])


@pytest.mark.parametrize(
    ("code", "expected"),
    [(codes.TAG_UNAVAILABLE, []), (codes.RIGHTS_LOST_ON_TAG, ["RightsLostOnTag"])],
)
def test_a_run_at_the_command_line_shows_nothing_of_the_rights_of_the_app(code, expected):
    """It reads the tag with the rights of a person."""
    by_a_person = RunRequest(Trigger.CLI, Mode.APPLY)
    later = replace(run(read=[TAG]), request=by_a_person)
    assert still(told(code, TAG), runs=[later]) == expected


@pytest.mark.parametrize("code", [codes.LOCATION_STALE, codes.LOCATION_FLIPS])
def test_a_location_counts_until_it_is_not_asked_any_more(code):
    assert still(told(code, "westeurope"), locations=["westeurope"]) == [code.name]
    assert still(told(code, "westeurope"), locations=["eastus"]) == []


@pytest.mark.parametrize(
    "code",
    [
        codes.AZURE_TAG_WRONG,
        codes.AZURE_TAG_DIFFERS,
        codes.AZURE_TAGS_NOT_READ,
        codes.STAMPED_BY_ANOTHER,
    ],
)
def test_what_is_wrong_with_an_azure_tag_counts_until_the_next_check(code):
    assert still(told(code), runs=[run(read=[TAG])], tables=[table()]) == [code.name]
    assert still(EMPTY) == []


@pytest.mark.parametrize("code", [codes.WEEKLY_FILE_UNUSABLE, codes.WEEKLY_FILE_STALE])
def test_the_weekly_file_is_wrong_until_a_run_has_read_a_good_one(code):
    started = replace(run(), fanned_out_at=NOW + SECOND)
    still_wrong = replace(started, noted=(Finding(code, "wrong"),))
    assert still(told(code), runs=[run(), still_wrong]) == [code.name]
    assert still(told(code), runs=[replace(started, started_at=NOW)]) == [code.name]
    assert still(told(code), runs=[still_wrong, started]) == []


def test_the_document_is_unchanged_until_a_version_is_recorded():
    check = told(codes.DOCUMENT_UNCHANGED)
    assert still(check, newest=[version(at=NOW)]) == ["DocumentUnchanged"]
    assert still(check, newest=[version(at=NOW), version("Other", NOW + SECOND)]) == []


def test_rights_are_lost_until_half_of_the_tables_are_reached():
    check = told(codes.RIGHTS_LOST_ON_TABLES)
    lost = [table("a"), table("b", verified_at=NOW)]
    failed = LastOutcome("run", NOW + SECOND, OutcomeStatus.FAILED)
    reached = [
        table("c", verified_at=NOW + SECOND),
        table("d", last_outcome=replace(failed, error=OTHER)),
    ]
    assert still(check, tables=[*lost, *reached]) == []
    denied = table("e", last_outcome=replace(failed, error=DENIED))
    earlier = table("f", last_outcome=replace(failed, at=NOW, error=OTHER))
    for one in (denied, earlier):
        assert still(check, tables=[*lost, *reached, one]) == ["RightsLostOnTables"]


@pytest.mark.parametrize(
    "code",
    [
        *(codes.TABLE_HELD, codes.TABLE_CONTESTED, codes.TABLE_STALE, codes.TABLE_POISONED),
        *(codes.ENVIRONMENT_SUSPENDED, codes.NO_TABLE_REGISTERED),
        *(codes.SCHEDULE_WRONG, codes.SCHEDULE_MISSING),
    ],
)
def test_what_tables_and_settings_show_themselves_is_not_taken_from_the_check(code):
    assert still(told(code), tables=[table()], newest=[version()]) == []


def test_what_is_coming_is_told_without_a_check():
    full, half = Reading("westeurope", 321, 400), Reading("westeurope", 320, 400)
    soon = RouteException("20.0.0.0/24", "why", NOW.date() + 7 * DAY)
    late = replace(soon, until=NOW.date() + 8 * DAY)

    def found(reading, *exceptions):
        one = replace(
            table(reading=reading), registration=Registration((TAG,), exceptions=exceptions)
        )
        return still(None, tables=[one])

    assert found(None) == found(half, late) == []
    assert found(full, soon) == ["CapacityLow", "ExceptionEnding"]


def failed(*, unusable=(), error=OTHER, ended_at=NOW):
    return run(NOW - DAY, unusable=unusable, finished_at=ended_at, error=error)


def well(started_at=NOW + SECOND, **known):
    return run(started_at, status=RunStatus.SUCCEEDED, **known)


@pytest.mark.parametrize(
    ("of_run", "later", "is_open"),
    [
        (failed(error=None), [], False),
        (failed(), [], True),
        (failed(), [well()], False),
        (failed(), [well(NOW)], True),
        (failed(), [well(action=Action.DISCOVER)], True),
        (failed(), [run()], True),
        (failed(), [well(error=OTHER)], True),
        (failed(unusable=[TAG]), [well()], True),
        (failed(unusable=[TAG]), [well(read=[TAG])], False),
        (failed(unusable=[TAG, ASE]), [well(read=[TAG])], True),
        (failed(unusable=[TAG, ASE]), [well(read=[TAG]), well(read=[ASE])], False),
    ],
)
def test_the_error_of_a_run_counts_until_a_later_run_shows_that_it_is_gone(of_run, later, is_open):
    assert open_error(of_run, seen(runs=later)) == (OTHER if is_open else None)


@pytest.mark.parametrize(
    ("at", "unusable", "is_open"),
    [(NOW + SECOND, (), False), (NOW, (), True), (NOW + SECOND, (TAG,), True)],
)
def test_a_later_check_shows_it_as_well(at, unusable, is_open):
    check = replace(EMPTY, at=at, service_tags=(TAG,), unusable=dict.fromkeys(unusable, OTHER))
    found = open_error(failed(unusable=[TAG]), seen(check))
    assert found == (OTHER if is_open else None)


def test_a_tag_that_a_check_did_not_look_at_is_not_back():
    check = replace(EMPTY, at=NOW + SECOND, service_tags=("Other",))
    assert open_error(failed(unusable=[TAG]), seen(check)) == OTHER
