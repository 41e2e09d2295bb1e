"""A run that is stopped ends, and leaves the tables that it has not begun as they were."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import workers
from shared.domain import codes
from shared.domain.codes import lookup
from shared.domain.errors import ConcurrentUpdate
from shared.domain.findings import Finding
from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.routes import internet_route
from shared.domain.runs.pending import Written
from shared.domain.runs.run import MAX_RUN_TIME, Action, Mode, RunRequest, Trigger
from tests.builders.azure import add_table, answer, rid, table_writes
from tests.builders.held import Held
from tests.builders.routes import OWNER
from tests.builders.runs import begin, begin_discovery, register, run_report, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"
NAMES = ("one", "two", "three")
STOPPED = Finding(codes.INTERRUPTED, "by hand")
TROUBLE = Finding(lookup("Odd"), "for now")
INTENT = Written(Changes({B: Change.of(None, internet_route(OWNER, B))}))

UNTOUCHED, TRIED, WRITING, SETTLED = "untouched", "tried", "writing", "settled"
states = st.lists(
    st.sampled_from([UNTOUCHED, TRIED, WRITING, SETTLED]), min_size=len(NAMES), max_size=len(NAMES)
)


@pytest.fixture
def tables(azure, app):
    answer(azure, A)
    for name in NAMES:
        add_table(azure.state, name)
    register(app, *NAMES)
    sync(app)


def begin_here(app, mode=Mode.APPLY, action=Action.SYNC):
    """Begin a run of the command line; return it after it has fanned out."""
    asked = RunRequest(Trigger.CLI, mode, action=action, route_tables=tuple(map(rid, NAMES)))
    run_id = app.create_run(asked).run_id
    app.run_start.start(run_id)
    return app.runs.get(run_id)


def bring(app, run, name, state):
    """Bring the table this far in the run."""
    pending = app.outcomes.get_pending(run.run_id, rid(name))
    match state:
        case "tried":
            app.outcomes.save(replace(pending, last_error=TROUBLE))
        case "writing":
            app.outcomes.save(replace(pending, intended=INTENT))
        case "settled":
            app.tables.sync(run.run_id, rid(name))


def last_outcomes(app):
    return {entry.route_table_id.name: entry.status.last_outcome for entry in app.registry.list()}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reached=states, mode=st.sampled_from(Mode))
def test_each_table_ends_as_it_was_reached(app, tables, reached, mode):
    run = begin_here(app, mode)
    for name, state in zip(NAMES, reached, strict=True):
        bring(app, run, name, state)
    before, settled = last_outcomes(app), app.outcomes.list(run.run_id)
    app.run_end.stop(app.runs.get(run.run_id), STOPPED)
    with time_machine.travel(datetime.now(UTC) + 2 * MAX_RUN_TIME):
        app.run_end.expire_overdue()
    report, after = run_report(app, run.run_id), last_outcomes(app)

    untouched = [name for name, state in zip(NAMES, reached, strict=True) if state == UNTOUCHED]
    if set(reached) == {SETTLED}:
        assert (report["status"], report["error"]) == ("Succeeded", None)
    else:
        assert (report["status"], report["error"]["code"]) == ("Failed", "Interrupted")
    assert {*report.get("notBegun", ())} == {str(rid(name)) for name in untouched}
    assert sum(report["counts"].values()) == len(report["outcomes"]) == 3 - len(untouched)
    assert all(outcome in app.outcomes.list(run.run_id) for outcome in settled)
    assert all(after[name] == before[name] for name in untouched)

    errors = {one["routeTableId"]: one["error"] for one in report["outcomes"] if one["error"]}
    expected = {TRIED: "Odd", WRITING: "Interrupted"}
    assert {i: error["code"] for i, error in errors.items()} == {
        str(rid(name)): expected[state]
        for name, state in zip(NAMES, reached, strict=True)
        if state in expected
    }


def test_a_worker_that_is_left_behind_writes_nothing_any_more(azure, app, tables):
    """It reads the table while its run ends. What it would write then, no report could say."""
    answer(azure, A, B)
    run, before = begin_here(app), last_outcomes(app)
    azure.state.log.clear()
    held = Held(azure.state)
    with ThreadPoolExecutor() as lane:
        worker = lane.submit(app.tables.sync, run.run_id, rid("one"))
        held.wait_for(1)
        app.run_end.stop(run, STOPPED, under_way={rid("one")})
        held.let_go()
        with suppress(ConcurrentUpdate):
            worker.result()
        assert app.tables.sync(run.run_id, rid("one")).outcome is None

    report = run_report(app, run.run_id)
    assert table_writes(azure.state) == []
    assert {*report["notBegun"]} == {str(rid("two")), str(rid("three"))}
    [outcome] = report["outcomes"]
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", "Interrupted")
    assert last_outcomes(app) == before


def test_a_run_that_is_stopped_before_it_fans_out_says_that_nothing_had_begun(app, tables):
    before = last_outcomes(app)
    run_id = begin(app)
    app.run_end.stop(app.runs.get(run_id), STOPPED)
    report = run_report(app, run_id)
    assert (report["status"], report["outcomes"]) == ("Failed", [])
    assert "no route table had begun" in report["error"]["message"]
    assert last_outcomes(app) == before
    assert app.run_start.start(run_id) == []


def test_a_task_that_is_stopped_fails_and_says_nothing_of_tables(app):
    run_id = begin_discovery(app)
    app.run_end.stop(app.runs.get(run_id), STOPPED)
    report = run_report(app, run_id)
    assert (report["status"], report["error"]["message"]) == ("Failed", "by hand")


def test_an_adoption_that_was_to_begin_has_failed(app, tables):
    """What else it may have noted, nobody can see on its row."""
    run = begin_here(app, action=Action.ADOPT)
    app.run_end.stop(run, STOPPED)
    report = run_report(app, run.run_id)
    assert report["counts"]["failed"] == len(NAMES)
    assert "notBegun" not in report


@pytest.mark.parametrize("trigger", [Trigger.CLI, Trigger.HTTP])
def test_only_a_run_of_the_command_line_that_is_overdue_leaves_the_rows_of_tables_alone(
    app, tables, trigger
):
    """The process of a command may have died. The messages of other runs come again."""
    asked = RunRequest(trigger, Mode.APPLY, route_tables=tuple(map(rid, NAMES)))
    run = app.create_run(asked)
    app.run_start.start(run.run_id)
    bring(app, run, "one", WRITING)
    before = last_outcomes(app)
    with time_machine.travel(datetime.now(UTC) + MAX_RUN_TIME + timedelta(minutes=1)):
        app.run_end.expire_overdue()
    report, after = run_report(app, run.run_id), last_outcomes(app)
    assert report["error"]["code"] == "RunTimedOut"
    assert report["counts"]["failed"] == len(NAMES)
    red = {name for name in NAMES if after[name] != before[name]}
    assert red == ({"one"} if trigger is Trigger.CLI else {*NAMES})


def test_a_late_message_of_a_run_that_was_stopped_does_nothing(azure, app, tables, monkeypatch):
    monkeypatch.setattr(workers, "app", lambda: app)
    run = begin_here(app)
    app.run_end.stop(run, STOPPED)
    report = run_report(app, run.run_id)
    azure.state.log.clear()
    assert app.tables.sync(run.run_id, rid("one")).outcome is None
    assert run_report(app, run.run_id) == report
    assert azure.state.log == []
