from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import codes
from shared.domain.armid import RouteTableId
from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.routing.judgement import Violation, Withheld
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.report import Report
from shared.domain.runs.run import Mode, Run, RunRequest, RunStatus, Trigger, final_status
from shared.json_shapes import outcome_json
from tests.builders.azure import table_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(**changed):
    return Run("r", RunRequest(Trigger.HTTP, Mode.APPLY), NOW, **changed)


def outcome(name, status, **more):
    return Outcome(RouteTableId.parse(table_id(name)), status, **more)


@pytest.mark.parametrize("status", [status for status in OutcomeStatus if status.is_bad])
def test_one_bad_outcome_fails_the_run(status):
    assert final_status(None, {OutcomeStatus.UNCHANGED: 9, status: 1}) is RunStatus.FAILED


def test_an_error_fails_the_run_whatever_its_outcomes():
    error = Finding(lookup("X"), "y")
    assert final_status(error, {OutcomeStatus.CHANGED: 1}) is RunStatus.FAILED


def test_only_good_outcomes_or_none_are_a_success():
    good = {status: 1 for status in OutcomeStatus if not status.is_bad}
    assert final_status(None, good) is RunStatus.SUCCEEDED
    assert final_status(None, {}) is RunStatus.SUCCEEDED


def test_the_report_shows_the_worst_first_and_counts_all_six():
    whole = Report.of(
        run(),
        [
            outcome("a", OutcomeStatus.UNCHANGED),
            outcome("b", OutcomeStatus.FAILED),
            outcome("c", OutcomeStatus.CHANGED),
            outcome("d", OutcomeStatus.CONFLICT),
        ],
    )
    assert [outcome.status for outcome in whole.outcomes] == [
        "failed",
        "conflict",
        "changed",
        "unchanged",
    ]
    assert whole.counts == {
        "unchanged": 1,
        "planned": 0,
        "changed": 1,
        "conflict": 1,
        "blocked": 0,
        "failed": 1,
    }


def test_guards_have_their_place_in_an_outcome():
    body = outcome_json(
        outcome(
            "a",
            OutcomeStatus.BLOCKED,
            withheld=(Withheld("20.0.0.0/24", "remove", codes.MAX_REMOVED_PERCENT),),
            violations=(Violation(codes.MAX_REMOVED_PERCENT, "too many", 11.0, 10.0),),
        )
    )
    assert body["withheld"] == [
        {"prefix": "20.0.0.0/24", "change": "remove", "why": "MaxRemovedPercent"}
    ]
    assert body["violations"] == [
        {
            "code": "MaxRemovedPercent",
            "message": "too many",
            "observed": 11.0,
            "limit": 10.0,
            "forceable": True,
        }
    ]


@pytest.mark.parametrize(("seconds", "overdue"), [(7199, False), (7200, True)])
def test_a_run_is_overdue_after_two_hours(seconds, overdue):
    assert run().overdue(NOW + timedelta(seconds=seconds)) is overdue


def test_an_ended_run_is_never_overdue():
    assert not run(status=RunStatus.SUCCEEDED).overdue(NOW + timedelta(days=9))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        table_id("a") + "/",
        table_id("a") + "/routes/b",
        table_id("a")[1:],
        table_id("a").replace("routeTables", "networkSecurityGroups"),
        table_id("a").replace("11111111-1111", "1111"),
        table_id("-a"),
        table_id("a" * 81),
        table_id("a#b"),
        table_id("a?b"),
        table_id("a\n"),
        table_id("x").replace("rg-x", "rg."),
    ],
)
def test_what_is_not_the_id_of_a_route_table_is_refused(text):
    with pytest.raises(ValueError, match="not the ARM id"):
        RouteTableId.parse(text)


def test_ids_are_equal_whatever_their_case():
    upper, lower = RouteTableId.parse(table_id("A").upper()), RouteTableId.parse(table_id("a"))
    assert upper == lower
    assert len({upper, lower}) == 1
