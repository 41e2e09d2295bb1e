from datetime import UTC, datetime

from shared.domain import codes
from shared.domain.armid import RouteTableId
from shared.domain.routing.judgement import Violation, Withheld
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.report import Report
from shared.domain.runs.run import Mode, Run, RunRequest, Trigger
from shared.json_shapes import outcome_json
from tests.builders.azure import table_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(**changed):
    return Run("r", RunRequest(Trigger.HTTP, Mode.APPLY), NOW, **changed)


def outcome(name, status, **more):
    return Outcome(RouteTableId.parse(table_id(name)), status, **more)


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


def test_what_waits_for_a_person_comes_before_what_is_done_and_after_what_is_bad():
    waiting = (Withheld("20.0.0.0/24", "add", codes.APPLY_POLICY),)
    retained = (Withheld("20.0.0.0/24", "remove", codes.HELD),)
    found = Report.of(
        run(),
        [
            outcome("a", OutcomeStatus.CHANGED, withheld=retained),
            outcome("b", OutcomeStatus.PLANNED),
            outcome("c", OutcomeStatus.PLANNED, withheld=waiting),
            outcome("d", OutcomeStatus.CHANGED, withheld=waiting),
            outcome("e", OutcomeStatus.CONFLICT),
        ],
    )
    assert [one.route_table_id.name for one in found.outcomes] == ["e", "d", "c", "a", "b"]


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
