"""What stays in the history of a table, and what is no news."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.registry.history import MOST_KEPT, Entry, with_entry
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import LastOutcome, TableNews
from shared.domain.routing.changes import Change, Changes
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.run import Action, Mode, Run, RunRequest, Trigger
from tests.builders.azure import rid
from tests.builders.routes import owned
from tests.builders.runs import TAG

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
ONE = RegisteredTable(rid("one"), Registration((TAG,)))
UNCHANGED, CHANGED, FAILED = (
    OutcomeStatus.UNCHANGED,
    OutcomeStatus.CHANGED,
    OutcomeStatus.FAILED,
)


def entry(number, status=UNCHANGED, **written):
    at = NOW + number * timedelta(minutes=1)
    return Entry(f"run-{number}", at, Action.SYNC, Trigger.TIMER, status, **written)


def after(*settled):
    """Return the history of a table after these entries, each with the signature of its outcome."""
    table = ONE
    for one, signature in settled:
        last = LastOutcome(one.run_id, one.at, one.status, signature)
        table = table.with_news(TableNews(outcome=last, entry=one))
    return [known.run_id for known in table.status.history]


def test_an_entry_counts_what_the_run_has_written():
    changes = Changes(
        {
            A: Change(None, owned(A)),
            B: Change(owned(B), None),
            C: Change(owned(C), owned(C, "None")),
        }
    )
    run = Run("run", RunRequest(Trigger.EVENT, Mode.APPLY, Action.ADOPT, requested_by="she"), NOW)
    outcome = Outcome(rid("one"), CHANGED, added=(A, "20.9.0.0/24"), changes=changes)
    assert Entry.of(run, outcome, NOW) == Entry(
        "run", NOW, Action.ADOPT, Trigger.EVENT, CHANGED, 1, 1, 1, "she"
    )


def test_the_first_outcome_is_news():
    assert after((entry(1), "")) == ["run-1"]


def test_what_is_found_again_is_no_news():
    assert after((entry(1), ""), (entry(2), "")) == ["run-1"]
    assert after((entry(1, FAILED), "a"), (entry(2, FAILED), "a")) == ["run-1"]


def test_what_is_newly_found_is_news_and_its_end_as_well():
    found = [(entry(1), ""), (entry(2, FAILED), "a"), (entry(3, FAILED), "b"), (entry(4), "")]
    assert after(*found) == ["run-4", "run-3", "run-2", "run-1"]


def test_what_was_written_is_news_each_time():
    found = [(entry(1), ""), (entry(2, CHANGED, added=1), ""), (entry(3, CHANGED, removed=1), "")]
    assert after(*found) == ["run-3", "run-2", "run-1"]


@pytest.mark.parametrize("written", [{}, {"updated": 1}])
def test_an_outcome_that_is_settled_again_stands_once(written):
    """Another worker was quicker, and the message came again."""
    found = [(entry(1), ""), (entry(2, FAILED), "a"), (entry(2, CHANGED, **written), "")]
    assert after(*found) == ["run-2", "run-1"]


def test_the_newest_are_kept():
    history: tuple[Entry, ...] = ()
    for number in range(MOST_KEPT + 1):
        history = with_entry(history, entry(number, CHANGED, added=1), is_new=False)
    assert len(history) == MOST_KEPT
    assert history[0].run_id == f"run-{MOST_KEPT}"
    again = replace(history[0], added=2)
    assert with_entry(history, again, is_new=False) == (again, *history[1:])
