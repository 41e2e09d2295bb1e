"""The report of a run that goes on or has failed, and a command that waits for its end."""

import time

import pytest

from shared.cli import follow
from tests.builders.azure import add_table, answer, rid
from tests.builders.runs import register, started, sync

A = "20.0.0.0/24"


def test_the_report_of_a_failed_run_is_status_1_in_both_forms(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    sync(app)
    for form in ((), ("--json",)):
        assert cli("runs", "last", *form).status == 1
    add_table(azure.state, "one")
    sync(app)
    assert cli("runs", "last").status == 0


def test_the_id_alone_is_no_report(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    failed = sync(app)["runId"]
    done = cli("runs", "last", "-o", "id")
    assert (done.status, done.out) == (1, f"{failed}\n")
    add_table(azure.state, "one")
    newest = sync(app)
    waited = cli("runs", "last", "--wait", "-o", "id")
    assert (waited.status, waited.out) == (0, f"{newest['runId']}\n")
    [version] = newest["outcomes"][0]["versionIds"]
    assert cli("versions", "000001", "-o", "id").out == f"{version}\n"
    compared = cli("versions", version, version, "-o", "id")
    assert (compared.status, compared.out) == (1, "")
    assert "a comparison has no id" in compared.err


def test_a_run_that_goes_on_says_so_and_how_to_follow_it(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one")
    run_id = started(app, "one")
    shown = cli("runs", run_id)
    assert shown.status == 0
    assert f"Run {run_id} (http, sync): Running" in shown.out
    assert "The run is still under way. So far: 0 added" in shown.out
    assert f"To follow it: ase-route-sync runs {run_id} --wait" in shown.out


@pytest.mark.parametrize(("there", "status"), [(True, 0), (False, 1)])
def test_wait_follows_a_run_to_its_end(azure, app, monkeypatch, capsys, there, status):
    from shared import app as wiring
    from shared.cli import main

    answer(azure, A)
    if there:
        add_table(azure.state, "one")
    run_id = started(app, "one")
    waits = []

    def meanwhile(seconds):
        waits.append(seconds)
        assert app.outcomes.how_far(run_id) == (0, 1)
        app.tables.sync(run_id, rid("one"))
        assert app.outcomes.how_far(run_id) == (1, 1)

    monkeypatch.setattr(wiring, "_app", lambda: app)
    monkeypatch.setattr(time, "sleep", meanwhile)
    assert main(["runs", run_id, "--wait"]) == status
    assert waits == [follow.SECONDS_BETWEEN]
    shown = capsys.readouterr().out
    assert ("Done: 1 added" in shown) == there
    assert "still under way" not in shown
    assert main(["runs", run_id, "--wait"]) == status
    assert len(waits) == 1


def test_to_wait_needs_a_run(app, cli):
    refused = cli("runs", "--wait")
    assert refused.status == 1
    assert "--wait needs the run" in refused.err
