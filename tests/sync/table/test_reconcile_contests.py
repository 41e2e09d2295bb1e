"""Somebody else undoes what we do."""

from datetime import timedelta

import pytest

from local.azure.faults import refusal
from local.azure.resources import new_etag
from shared.domain.codes import TABLE_BUSY
from shared.domain.errors import TransientError
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Mode, written_by
from tests.builders.azure import add_table, answer, rid, table_writes
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import begin, codes, keep, outcome_of, register, run_report, sync

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def table(azure, app, clock):
    """A table that we have brought to A and B."""
    made = add_table(azure.state, "one", [to_firewall()])
    answer(azure, A, B)
    register(app, "one")
    sync(app)
    return made


def wipe(table):
    """As a pipeline with inline routes does."""
    table.routes, table.etag = [to_firewall()], new_etag()


def undone(app, clock, table, *, after, **asked):
    """What a run says that comes so long after, and finds our routes gone."""
    clock.shift(after)
    wipe(table)
    return outcome_of(sync(app, "one", **asked), "one")


def contest_of(app):
    return app.registry.get(rid("one")).status.contest


def test_drift_is_repaired_and_no_contest(app, clock, table):
    outcome = undone(app, clock, table, after=DAY)
    assert (outcome["status"], outcome["added"]) == ("changed", [A, B])
    assert "Contested" not in codes(outcome)
    assert contest_of(app).since is None


def test_undone_twice_within_seven_days_it_is_contested_and_repaired_all_the_same(
    app, clock, table
):
    undone(app, clock, table, after=DAY)
    writers = written_by(["pipeline@example"], [rid("one")])
    outcome = undone(app, clock, table, after=7 * DAY, writers=writers)
    assert outcome["status"] == "changed"
    [finding] = [f for f in outcome["findings"] if f["code"] == "Contested"]
    assert "pipeline@example" in finding["message"]
    assert owned_prefixes(table) == {A, B}
    contest = app.registry.get(rid("one")).status.contest
    assert contest.by == ("pipeline@example",)
    assert len(contest.undone) == 2


def fail_after_the_write(app, monkeypatch):
    """Let a run give up on its table when its write has taken effect."""
    run_id = begin(app, "one")
    [message] = app.run_start.start(run_id)
    write = app.route_tables.write

    def lost(*arguments):
        write(*arguments)
        raise TransientError(TABLE_BUSY, "the answer is lost")

    with monkeypatch.context() as patched:
        patched.setattr(app.route_tables, "write", lost)
        with pytest.raises(TransientError):
            app.tables.sync(run_id, message)
    app.tables.fail_poisoned(run_id, message)
    return outcome_of(run_report(app, run_id), "one")


def test_what_a_run_wrote_before_it_failed_nobody_has_undone(azure, app, clock, table, monkeypatch):
    for _ in range(2):
        clock.shift(DAY)
        answer(azure, A, C)
        failed = fail_after_the_write(app, monkeypatch)
        assert (failed["status"], failed["added"], failed["removed"]) == ("failed", [C], [B])
        answer(azure, A, B)
        later = outcome_of(sync(app), "one")
        assert (later["added"], later["removed"]) == ([B], [C])
    assert contest_of(app).undone == ()


def test_undone_again_after_more_than_seven_days_it_is_drift(app, clock, table):
    undone(app, clock, table, after=DAY)
    undone(app, clock, table, after=7 * DAY + SECOND)
    assert contest_of(app).since is None


def contested(app, clock, table):
    undone(app, clock, table, after=DAY)
    undone(app, clock, table, after=DAY)
    assert contest_of(app).since is not None


def test_a_contested_table_is_written_at_most_hourly(azure, app, clock, table):
    contested(app, clock, table)
    azure.state.log.clear()
    early = undone(app, clock, table, after=HOUR - SECOND)
    assert early["status"] == "blocked"
    [violation] = early["violations"]
    assert (violation["code"], violation["limit"]) == ("Contested", 60)
    assert violation["forceable"] is False
    assert {(w["prefix"], w["why"]) for w in early["withheld"]} == {
        (A, "Contested"),
        (B, "Contested"),
    }
    assert table_writes(azure.state) == []
    clock.shift(SECOND)
    late = outcome_of(sync(app, "one"), "one")
    assert (late["status"], late["added"]) == ("changed", [A, B])
    assert len(table_writes(azure.state)) == 1
    assert len(contest_of(app).undone) == 3


def test_a_contest_that_was_recorded_while_the_clock_ran_ahead_blocks_no_repair(app, clock, table):
    clock.shift(400 * DAY)
    contested(app, clock, table)
    outcome = undone(app, clock, table, after=-400 * DAY)
    assert (outcome["status"], outcome["added"]) == ("changed", [A, B])
    assert owned_prefixes(table) == {A, B}


def test_of_a_contested_table_nothing_is_removed(azure, app, clock, table):
    contested(app, clock, table)
    clock.shift(DAY)
    answer(azure, B, C)
    outcome = outcome_of(sync(app, "one"), "one")
    assert (outcome["status"], outcome["added"], outcome["removed"]) == ("changed", [C], [])
    assert outcome["withheld"] == [{"prefix": A, "change": "remove", "why": "Contested"}]
    assert owned_prefixes(table) == {A, B, C}
    assert outcome_of(sync(app, "one"), "one")["status"] == "unchanged"


def test_what_we_removed_and_somebody_puts_back_is_undone_too(azure, app, clock, table):
    answer(azure, A)
    sync(app)
    for _ in range(2):
        clock.shift(DAY)
        table.routes, table.etag = [*table.routes, owned(B)], new_etag()
        sync(app)
    assert contest_of(app).since is not None
    assert owned_prefixes(table) == {A, B}


def test_a_release_ends_it(azure, app, clock, table):
    contested(app, clock, table)
    app.registry.change(rid("one"), RegisteredTable.release)
    answer(azure, B)
    outcome = outcome_of(sync(app, "one"), "one")
    assert (outcome["status"], outcome["removed"]) == ("changed", [A])
    assert contest_of(app).since is None
    undone(app, clock, table, after=DAY)
    assert contest_of(app).since is None


def test_a_plan_says_what_a_run_would_do_and_records_nothing(app, clock, table):
    contested(app, clock, table)
    wipe(table)
    plan = outcome_of(sync(app, "one", mode=Mode.PLAN), "one")
    assert plan["status"] == "blocked"
    clock.shift(HOUR)
    before = contest_of(app)
    plan = outcome_of(sync(app, "one", mode=Mode.PLAN), "one")
    assert (plan["status"], plan["added"]) == ("planned", [A, B])
    assert contest_of(app) == before


def test_what_is_undone_once_counts_once_however_often_it_is_tried(azure, app, clock, table):
    clock.shift(DAY)
    wipe(table)
    azure.state.faults.append(refusal("PUT", "one", 503, {}, times=2))
    run_id = begin(app)
    app.run_start.start(run_id)
    for _ in range(2):
        with pytest.raises(TransientError):
            app.tables.sync(run_id, rid("one"))
    app.tables.fail_poisoned(run_id, rid("one"))
    assert outcome_of(sync(app), "one")["status"] == "changed"
    assert len(contest_of(app).undone) == 1


def test_what_is_undone_on_and_on_while_a_run_writes_counts_once(app, clock, table, monkeypatch):
    clock.shift(DAY)
    table.routes, table.etag = [to_firewall(), owned(A)], new_etag()
    write = app.route_tables.write

    def overtaken(*given):
        monkeypatch.setattr(app.route_tables, "write", write)
        wipe(table)
        return write(*given)

    monkeypatch.setattr(app.route_tables, "write", overtaken)
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["added"]) == ("changed", [A, B])
    assert len(contest_of(app).undone) == 1


def test_what_waits_for_approval_is_undone_once(app, clock, table):
    keep(
        app,
        RegisteredTable(
            rid("one"), Registration(("AppServiceManagement",), apply_policy=ApplyPolicy.APPROVAL)
        ),
    )
    undone(app, clock, table, after=DAY)
    for _ in range(3):
        clock.shift(DAY)
        assert outcome_of(sync(app), "one")["status"] == "planned"
    assert len(contest_of(app).undone) == 1


def test_a_tag_that_comes_and_goes_is_no_contest(azure, app, clock, table):
    for prefixes in ((A,), (A, B)) * 4:
        clock.shift(HOUR)
        answer(azure, *prefixes)
        assert outcome_of(sync(app), "one")["status"] == "changed"
    assert contest_of(app).undone == ()
