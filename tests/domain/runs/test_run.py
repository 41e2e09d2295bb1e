"""The final status of a run, and when it is overdue."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.runs.outcome import OutcomeStatus
from shared.domain.runs.run import Mode, Run, RunRequest, RunStatus, Trigger, final_status

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(**changed):
    return Run("r", RunRequest(Trigger.HTTP, Mode.APPLY), NOW, **changed)


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


@pytest.mark.parametrize(("seconds", "overdue"), [(7199, False), (7200, True)])
def test_a_run_is_overdue_after_two_hours(seconds, overdue):
    assert run().overdue(NOW + timedelta(seconds=seconds)) is overdue


def test_an_ended_run_is_never_overdue():
    assert not run(status=RunStatus.SUCCEEDED).overdue(NOW + timedelta(days=9))
