"""Runs and outcomes on Azurite: many rows, two writers at once, and answers that were lost."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.codes import lookup
from shared.domain.errors import ConcurrentUpdate
from shared.domain.findings import Finding
from shared.domain.routing.changes import Change, Changes
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.pending import Pending, Written
from shared.domain.runs.run import (
    Action,
    Mode,
    Run,
    RunRequest,
    RunStatus,
    Trigger,
    VersionSeen,
    run_id_of,
)
from shared.storage.runs import OutcomeLog, RunLog
from tests.builders.azure import rid
from tests.builders.routes import owned
from tests.builders.runs import TAG, in_batches

from . import values

NOW = datetime(2026, 11, 23, 6, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def make_run(at=NOW, **changed):
    return Run(
        run_id_of(at, secrets.token_hex(4)), RunRequest(Trigger.HTTP, Mode.APPLY), at, **changed
    )


def outcome(status, pending):
    return Outcome(pending.route_table_id, OutcomeStatus(status))


def test_a_run_comes_back_as_it_was_written(app):
    run = Run(
        run_id_of(NOW, "0123abcd"),
        RunRequest(
            Trigger.ALERT,
            Mode.PLAN,
            Action.ADOPT,
            (rid("a"), rid("b")),
            plan_run_id="a plan",
            force=("MaxRemovedPercent",),
            rolled_back_run_id="another",
            from_owner="old",
            reason="why",
            change_id="CHG1",
            requested_by="who",
        ),
        NOW,
        finished_at=NOW + timedelta(minutes=1),
        fanned_out_at=NOW,
        status=RunStatus.FAILED,
        error=Finding(lookup("X"), "y"),
        unusable={TAG: "gone"},
        versions=(VersionSeen("v", "c", TAG, "1", ("20.0.0.0/24",), ()),),
        counts={OutcomeStatus.FAILED: 1},
    )
    app.runs.create(run)
    found = app.runs.get(run.run_id)
    assert replace(found, etag="") == run


def test_a_run_that_changed_since_it_was_read_is_not_replaced(app):
    app.runs.create(make_run())
    [first] = app.runs.running(before=LATER)
    [second] = app.runs.running(before=LATER)
    ended = app.runs.replace(replace(first, status=RunStatus.SUCCEEDED))
    with pytest.raises(ConcurrentUpdate):
        app.runs.replace(replace(second, status=RunStatus.FAILED))
    assert app.runs.get(ended.run_id) == ended
    assert list(app.runs.running(before=LATER)) == []


def test_runs_are_listed_newest_first_past_a_thousand_rows(app):
    runs = [make_run(NOW + timedelta(minutes=n)) for n in range(1001)]
    with in_batches(app.account.runs) as table:
        for run in runs:
            RunLog(table).create(run)
    assert [r.run_id for r in app.runs.list()] == [r.run_id for r in reversed(runs)]
    older = [r.run_id for r in app.runs.list(older_than=runs[2].run_id)]
    assert older == [runs[1].run_id, runs[0].run_id]


@pytest.mark.parametrize("run_id", ["", "../x", "20260101", "a" * 2000])
def test_an_id_that_no_run_has_is_no_error(app, run_id):
    assert app.runs.get(run_id) is None


def test_a_thousand_tables_of_a_run_are_expected_and_settled(app):
    tables = [rid(f"t{n:04}") for n in range(1005)]
    app.outcomes.expect("run", tables)
    assert len(list(app.outcomes.pending("run"))) == 1005
    assert app.outcomes.counts("run") is None
    with in_batches(app.account.outcomes) as table:
        for pending in app.outcomes.pending("run"):
            OutcomeLog(table).settle(pending, outcome("unchanged", pending))
    assert app.outcomes.counts("run") == {"unchanged": 1005}
    assert len(app.outcomes.list("run")) == 1005


def test_a_final_outcome_is_never_overwritten(app):
    app.outcomes.expect("run", [rid("a")])
    pending = app.outcomes.get_pending("run", rid("a"))
    app.outcomes.settle(pending, outcome("changed", pending))
    with pytest.raises(ConcurrentUpdate):
        app.outcomes.settle(pending, outcome("failed", pending))
    app.outcomes.expect("run", [rid("a"), rid("b")])
    assert [p.route_table_id for p in app.outcomes.pending("run")] == [rid("b")]
    assert [found.status for found in app.outcomes.list("run")] == ["changed"]


def test_settling_again_after_an_answer_that_was_lost_is_no_error(app):
    app.outcomes.expect("run", [rid("a")])
    pending = app.outcomes.get_pending("run", rid("a"))
    for _ in range(2):
        app.outcomes.settle(pending, outcome("changed", pending))
    assert app.outcomes.counts("run") == {"changed": 1}


def test_of_two_that_expect_the_same_tables_one_comes_again(app, monkeypatch):
    """A start message that was delivered twice at once."""
    app.outcomes.expect("run", [rid("a")])
    settled = app.outcomes.get_pending("run", rid("a"))
    app.outcomes.settle(settled, outcome("changed", settled))
    monkeypatch.setattr(app.outcomes, "_rows", lambda *_, **__: iter(()))  # as it was before
    with pytest.raises(ConcurrentUpdate):
        app.outcomes.expect("run", [rid("a")])
    monkeypatch.undo()
    assert app.outcomes.counts("run") == {"changed": 1}


def added(*prefixes):
    return Changes({prefix: Change(None, owned(prefix)) for prefix in prefixes})


def test_what_was_never_expected_is_not_settled(app):
    app.outcomes.expect("run", [rid("b")])
    stray = Pending("run", rid("a"), row_etag='W/"1"')
    with pytest.raises(ConcurrentUpdate):
        app.outcomes.settle(stray, outcome("changed", stray))
    assert app.outcomes.list("run") == []


def test_of_two_workers_on_one_table_the_one_that_wrote_says_what_became_of_it(app):
    app.outcomes.expect("run", [rid("a")])
    late = app.outcomes.get_pending("run", rid("a"))
    first = app.outcomes.save(replace(late, intended=Written(added("20.0.0.0/24"))))
    with pytest.raises(ConcurrentUpdate):
        app.outcomes.save(replace(late, etag="other"))
    with pytest.raises(ConcurrentUpdate):
        app.outcomes.settle(late, outcome("unchanged", late))
    app.outcomes.settle(first, outcome("changed", first))
    assert app.outcomes.counts("run") == {"changed": 1}


def test_what_is_intended_comes_back_and_shrinks_without_a_rest(app):
    finding = Finding(lookup("X"), "y")
    routes = added(*(f"20.{n // 256}.{n % 256}.0/24" for n in range(5000)))
    many = Written(routes, (finding,))
    app.outcomes.expect("run", [rid("a")])
    fresh = app.outcomes.get_pending("run", rid("a"))
    long = app.outcomes.save(replace(fresh, intended=many, etag='W/"1"'))
    assert app.outcomes.get_pending("run", rid("A")) == long
    short = replace(long, intended=Written(), last_error=finding, applied=many)
    assert app.outcomes.save(short) == app.outcomes.get_pending("run", rid("A"))


def test_nothing_is_noted_on_a_table_that_is_settled(app):
    app.outcomes.expect("run", [rid("a")])
    pending = app.outcomes.get_pending("run", rid("a"))
    app.outcomes.settle(pending, outcome("changed", pending))
    with pytest.raises(ConcurrentUpdate):
        app.outcomes.save(pending)
    assert app.outcomes.get_pending("run", rid("a")) is None


def test_what_is_due_is_due_until_it_was_told(app):
    app.checks.put(values.EMPTY_CHECK, notice_due=True)
    run = make_run(notice_due=True, status=RunStatus.SUCCEEDED)
    app.runs.create(run)
    app.runs.create(make_run(NOW - timedelta(days=9), notice_due=True))
    since = NOW - timedelta(days=3)
    assert [r.run_id for r in app.runs.due(since=since)] == [run.run_id]
    assert list(app.checks.due(since=since)) == [values.EMPTY_CHECK.check_id]
    app.runs.told(run)
    app.checks.told(values.EMPTY_CHECK.check_id)
    assert list(app.runs.due(since=since)) == []
    assert list(app.checks.due(since=since)) == []


def test_the_runs_over_all_tables_are_found_among_many_others(app):
    def begun(days, trigger=Trigger.HTTP, mode=Mode.APPLY, **asked):
        at = NOW + timedelta(days=days)
        run = Run(run_id_of(at, "0123abcd"), RunRequest(trigger, mode, **asked), at)
        app.runs.create(run)
        return run.run_id

    expected = [
        *(begun(6), begun(5, Trigger.CLI), begun(4, Trigger.TIMER, Mode.PLAN)),
        *(begun(3, Trigger.CHECK), begun(0.1)),
    ]
    begun(6.5, route_tables=(rid("one"),))
    begun(5.5, mode=Mode.PLAN)
    begun(4.5, action=Action.DISCOVER)
    begun(-1)
    for number in range(20):
        begun(2 + number / 100, route_tables=(rid("one"),))
    assert [run.run_id for run in app.runs.covering_all(since=NOW)] == expected
