"""Ctrl-C: what has not begun stays as it was, and what is under way is finished."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures._base import _AcquireFutures
from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import pytest

from local.azure.faults import refusal
from local.azurite import ROOT
from shared.app import made_by
from shared.cli import shell
from shared.cli.errors import Ended
from shared.cli.in_place import LANES
from shared.cli.interruption import Abandoned, Interrupted, interruptible
from shared.domain.runs.run import Mode, RunRequest, Trigger
from shared.sync.run.lifecycle import RunEnd
from tests.builders.azure import add_table, answer, rid, table_writes
from tests.builders.clocks import LONGEST_SECONDS, wait_until
from tests.builders.held import Held
from tests.builders.routes import owned, owned_prefixes
from tests.builders.runs import register_many, run_report, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"
NAMES = [f"table{number:02}" for number in range(LANES + 4)]
LEFT = len(NAMES) - LANES
UNDER_WAY = f"{LANES} route tables are under way"


@pytest.fixture
def tables(azure, app):
    """Tables that a run has found right, and that lack a prefix now."""
    answer(azure, A)
    found = {name: add_table(azure.state, name, [owned(A)]) for name in NAMES}
    register_many(app, NAMES)
    assert sync(app)["counts"]["unchanged"] == len(NAMES)
    answer(azure, A, B)
    return found


def states(app):
    """Return the last outcome of each table."""
    return {one.route_table_id.name: one.status.last_outcome for one in app.registry.list()}


def refused(azure):
    return sum(call.get("status") == 503 for call in azure.state.log)


def last_report(app):
    return run_report(app, next(app.runs.list()).run_id)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_under_way_is_finished_and_the_rest_stays_as_it_was(
    azure, app, tables, start, number
):
    before = states(app)
    held = Held(azure.state)
    command = start("apply", "--yes")
    held.wait_for(LANES)
    command.interrupt(number)
    command.wait_until_said(UNDER_WAY)
    held.let_go()
    done = command.end()
    assert done.status == 130
    assert f"{LEFT} of {len(NAMES)} route tables had not begun, and stay as they were" in done.out

    assert f"Not begun ({LEFT}):" in done.out

    report = last_report(app)
    assert (report["status"], report["error"]["code"]) == ("Failed", "Interrupted")
    assert report["counts"]["changed"] == len(report["outcomes"]) == LANES
    changed = {name for name in NAMES if owned_prefixes(tables[name]) == {A, B}}
    assert {f"{one['routeTableId']}" for one in report["outcomes"]} == {
        str(rid(name)) for name in changed
    }
    not_begun = {name for name in NAMES if str(rid(name)) in report["notBegun"]}
    assert not_begun == {*NAMES} - changed
    after = states(app)
    assert {name for name in NAMES if after[name] == before[name]} == not_begun


def test_the_report_in_json_names_what_was_not_begun(azure, tables, start):
    held = Held(azure.state)
    command = start("plan", "--json")
    held.wait_for(LANES)
    command.interrupt()
    command.wait_until_said(UNDER_WAY)
    held.let_go()
    done = command.end()
    assert done.status == 130
    assert len(done.json["notBegun"]) == LEFT
    assert done.json["counts"]["planned"] == LANES


def test_a_second_ctrl_c_leaves_what_is_under_way_and_the_run_ends_all_the_same(
    azure, app, tables, start
):
    before = states(app)
    held = Held(azure.state)
    command = start("apply", "--yes")
    held.wait_for(LANES)
    command.interrupt()
    command.wait_until_said(UNDER_WAY)
    command.interrupt()
    done = command.end()
    assert done.status == 130
    report = last_report(app)
    assert f"ase-route-sync runs {report['runId']}" in done.err
    assert (report["status"], report["error"]["code"]) == ("Failed", "Interrupted")
    assert len(report["notBegun"]) == LEFT
    assert [one["error"]["code"] for one in report["outcomes"]] == ["Interrupted"] * LANES
    assert states(app) == before
    held.let_go()


def test_a_write_under_way_that_is_left_behind_has_failed_and_its_report_says_what_it_meant(
    azure, app, tables, start
):
    before = states(app)
    held = Held(azure.state, method="PUT")
    command = start("apply", "--yes")
    held.wait_for(LANES)
    command.interrupt()
    command.wait_until_said(UNDER_WAY)
    command.interrupt()
    assert command.end().status == 130
    held.let_go()
    report = last_report(app)
    assert report["counts"]["failed"] == LANES
    assert {one["error"]["code"] for one in report["outcomes"]} == {"Interrupted"}
    assert {one["findings"][-1]["code"] for one in report["outcomes"]} == {"WriteUnconfirmed"}
    after = states(app)
    assert sum(after[name] == before[name] for name in NAMES) == LEFT


@pytest.mark.parametrize("moment", ["before the run is carried out", "while the run is ended"])
def test_a_run_ends_whenever_the_signal_comes(azure, app, tables, monkeypatch, capsys, moment):
    """Otherwise it would be shown as under way for two hours, and people would be told then."""

    def interrupt(*_: object, **__: object) -> None:
        monkeypatch.undo()
        raise Interrupted

    run = app.create_run(RunRequest(Trigger.CLI, Mode.APPLY))
    if moment == "before the run is carried out":
        monkeypatch.setattr(shell, "_Quiet", interrupt)
    else:
        monkeypatch.setattr(
            shell, "_Quiet", Mock(return_value=Mock(show_total=Mock(side_effect=Interrupted)))
        )
        monkeypatch.setattr(RunEnd, "stop", interrupt)

    with made_by(lambda: app), pytest.raises(Ended) as end:
        shell.carried_out(run, as_json=True)
    assert end.value.code == 130
    assert json.loads(capsys.readouterr().out)["status"] == "Failed"
    report = last_report(app)
    assert (report["status"], report["error"]["code"]) == ("Failed", "Interrupted")
    assert table_writes(azure.state) == []


@pytest.fixture
def heeded() -> Iterator[None]:
    """A shell lets its background jobs ignore Ctrl-C, and the tests may be one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_that_comes_between_two_locks_leaves_none_of_them_taken(
    app, tables, heeded, monkeypatch
):
    """Before Python waits for futures it takes their locks, without which none can end."""
    enter, taken = _AcquireFutures.__enter__, []

    def interrupted(acquiring: Any) -> None:
        monkeypatch.setattr(_AcquireFutures, "__enter__", enter)
        enter(acquiring)
        taken.extend(acquiring.futures)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(_AcquireFutures, "__enter__", interrupted)
    run = app.create_run(RunRequest(Trigger.CLI, Mode.APPLY))
    # A command that hangs is interrupted again.
    to_me = [threading.get_ident(), signal.SIGINT]
    again = threading.Timer(LONGEST_SECONDS / 2, signal.pthread_kill, to_me)
    again.start()
    try:
        with made_by(lambda: app), interruptible(), pytest.raises(Ended) as end:
            shell.carried_out(run, as_json=True)
    finally:
        again.cancel()
        with suppress(RuntimeError):
            for future in taken:
                future._condition.release()

    report = last_report(app)
    assert not isinstance(end.value, Abandoned)
    assert (end.value.code, report["counts"]["failed"]) == (130, 0)
    assert report["counts"]["changed"] + len(report["notBegun"]) == len(NAMES)


def test_a_table_that_waits_for_its_next_attempt_gets_it_at_once(azure, app, tables, start):
    busy = {"Retry-After": "99"}
    fault = refusal("GET", "routeTables/", 503, {}, times=LANES, headers=busy)
    azure.state.faults.append(fault)
    command = start("apply", "--yes")
    wait_until(lambda: refused(azure) == LANES)
    command.interrupt()
    done = command.end()
    assert done.status == 130
    report = last_report(app)
    assert report["counts"]["changed"] == len(report["outcomes"]) == LANES
    assert len(report["notBegun"]) == LEFT


def test_a_table_that_fails_in_its_last_attempt_has_failed_for_its_own_reason(
    azure, app, tables, start
):
    busy = {"Retry-After": "99"}
    azure.state.faults.append(refusal("GET", "routeTables/", 503, {}, times=999, headers=busy))
    command = start("apply", "--yes")
    wait_until(lambda: refused(azure) == LANES)
    command.interrupt()
    assert command.end().status == 130
    report = last_report(app)
    assert {one["error"]["code"] for one in report["outcomes"]} == {"AnswerWithoutCode"}
    assert len(report["outcomes"]) == LANES
    assert not any(entry.status.poisoned for entry in app.registry.list())


def test_while_the_tags_are_read_no_table_has_begun(azure, app, tables, start):
    before = states(app)
    held = Held(azure.state, "serviceTags")
    command = start("apply", "--yes")
    held.wait_for(1)
    command.interrupt()
    done = command.end()
    held.let_go()
    assert done.status == 130
    report = last_report(app)
    assert (report["status"], report["error"]["code"]) == ("Failed", "Interrupted")
    assert "no route table had begun" in report["error"]["message"]
    assert states(app) == before
    assert table_writes(azure.state) == []


def test_at_a_question_nothing_was_changed(azure, app, tables, start):
    before = states(app)
    command = start("apply", types="")
    command.wait_until_said("Apply this?")
    command.interrupt()
    done = command.end()
    assert done.status == 130
    assert "Interrupted: nothing was changed" in done.err
    assert states(app) == before


def test_a_discovery_ends_as_well(azure, app, start):
    held = Held(azure.state, "^/subscriptions$")
    command = start("discover")
    held.wait_for(1)
    command.interrupt()
    assert command.end().status == 130
    held.let_go()
    assert last_report(app)["error"]["code"] == "Interrupted"


def test_a_command_without_a_run_just_ends(azure, tables, start):
    held = Held(azure.state, "permissions|serviceTags")
    command = start("doctor")
    held.wait_for(1)
    command.interrupt()
    held.let_go()
    done = command.end()
    assert (done.status, "Interrupted." in done.err) == (130, True)


# A shell lets its background jobs ignore Ctrl-C, and the tests may be one.
AT_A_TERMINAL = """
import fcntl, runpy, signal, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("shared", run_name="__main__", alter_sys=True)
"""


def test_a_key_at_a_real_terminal_does_it(azure, app, environment, tables):
    """The program of a person, and not a fork of one that has imported everything."""
    held = Held(azure.state)
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, "apply", "--yes"],
        cwd=ROOT,
        env=environment(),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    try:
        held.wait_for(LANES)
        os.write(keyboard, b"\x03")
        shown = read_until(keyboard, "Press Ctrl-C again")
        held.let_go()
        out, _ = process.communicate(timeout=LONGEST_SECONDS)
    finally:
        process.kill()
        os.close(keyboard)
    assert process.returncode == 130
    assert UNDER_WAY in " ".join(shown.split())
    assert "Traceback" not in shown + out.decode()
    assert last_report(app)["counts"]["changed"] == LANES


def read_until(terminal, text):
    """Return what stands at the terminal when this text has come."""
    shown, ends = "", time.monotonic() + LONGEST_SECONDS
    while text not in " ".join(shown.split()):
        assert time.monotonic() < ends, shown
        shown += os.read(terminal, 4096).decode()
    return shown
