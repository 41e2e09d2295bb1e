"""The daily check, when somebody asks for it: one report, one run at most, and told once."""

import itertools
import logging
from collections import deque
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from local.azure.faults import refusal
from shared import workers
from shared.domain.errors import TransientError
from shared.domain.runs.run import MAX_RUN_TIME, Trigger
from shared.messages import RunMessage
from shared.sync.asking import CheckRequest
from shared.sync.requester import Requester
from shared.sync.run.lifecycle import LOST_AFTER
from tests.builders.azure import add_table, answer, rid, table_id
from tests.builders.logs import records
from tests.builders.routes import owned, owned_prefixes
from tests.builders.runs import register, run_report, sync
from tests.calls import Killed
from tests.deliveries import killed_at

A, B = "20.0.0.0/24", "20.0.1.0/24"
WITH_AN_ALARM = {"SYNC_SCHEDULE": ""}
SOMEBODY = Requester(Trigger.HTTP, "somebody")
HERE = Requester(Trigger.CLI, "somebody")


def asked(app, by=SOMEBODY, reason=None):
    """Ask for a check; return the id of its run."""
    return app.asking.check(CheckRequest(reason=reason), by).run_id


def deliver(app, monkeypatch, *run_ids):
    """Deliver these start messages and all that follow, as the queues do; return those of runs."""
    monkeypatch.setattr(workers, "app", lambda: app)
    waiting, seen = deque(str(RunMessage(run_id)) for run_id in run_ids), []
    while waiting:
        text = waiting.popleft()
        if "routeTableId" in text:
            sent = workers.sync_route_table(text)
        else:
            seen.append(RunMessage.parse(text).run_id)
            sent = workers.start_run(text)
        waiting += [one for one in (sent.run, *sent.others, *sent.later) if one]
    return seen


def runs_of(app, trigger):
    return [run for run in app.runs.list() if run.request.trigger is trigger]


@pytest.fixture
def drifted(azure, app):
    """Two tables, one of which somebody has emptied since the last run."""
    answer(azure, A)
    tables = {name: add_table(azure.state, name) for name in ("one", "two")}
    register(app, "one", "two")
    sync(app)
    tables["one"].routes = []
    azure.state.log.clear()
    return tables


def test_its_report_is_the_one_of_a_daily_check(azure, app, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    answer(azure, A)
    add_table(azure.state, "one", [owned(A)])
    register(app, "one")
    sync(app)
    azure.state.log.clear()
    run_id = asked(app, reason="CHG7")
    waiting = run_report(app, run_id)
    assert (waiting["status"], waiting["result"]) == ("Running", None)
    assert deliver(app, monkeypatch, run_id) == [run_id]

    report = run_report(app, run_id)
    assert (report["action"], report["trigger"], report["status"]) == (
        "check",
        "http",
        "Succeeded",
    )
    assert (report["requestedBy"], report["reason"]) == ("somebody", "CHG7")
    assert report["outcomes"] == []
    result = report["result"]
    assert (result["tables"], result["right"], result["alarms"]) == (1, 1, [])
    assert (result["runId"], result["routeTables"][0]["routeTableId"]) == (None, table_id("one"))
    assert app.checks.latest(until=datetime.now(UTC)).check_id == result["checkId"]
    assert azure.state.writes() == []
    [logged] = [one for one in records(caplog) if one["record"] == "check"]
    assert logged["checkId"] == result["checkId"]


def test_it_starts_the_run_that_helps_in_the_name_of_whoever_asked(app, drifted, monkeypatch):
    run_id = asked(app)
    deliver(app, monkeypatch, run_id)
    [started] = runs_of(app, Trigger.CHECK)
    assert run_report(app, run_id)["result"]["runId"] == started.run_id
    assert (started.request.route_tables, started.request.requested_by) == (
        (rid("one"),),
        "somebody",
    )
    assert owned_prefixes(drifted["one"]) == {A}


def test_a_message_that_comes_again_starts_and_tells_nothing_more(
    make_app, drifted, receiver, monkeypatch
):
    app = make_app(NOTIFY_WEBHOOK_URL=receiver.url, **WITH_AN_ALARM)
    run_id = asked(app)
    deliver(app, monkeypatch, run_id)
    check_id = run_report(app, run_id)["result"]["checkId"]
    [started] = runs_of(app, Trigger.CHECK)
    told = [notice["runId"] for notice in receiver.notices]
    assert sorted(told) == sorted([check_id, started.run_id])

    report = run_report(app, run_id)
    assert deliver(app, monkeypatch, run_id) == [run_id]
    assert run_report(app, run_id) == report
    assert runs_of(app, Trigger.CHECK) == [started]
    assert list(app.notifier.due()) == []
    assert len(receiver.notices) == len(told)


def test_while_its_notice_cannot_be_sent_the_run_goes_on_and_the_notice_is_due(
    make_app, drifted, receiver, monkeypatch
):
    app = make_app(NOTIFY_WEBHOOK_URL=receiver.url, **WITH_AN_ALARM)
    receiver.status = 500
    run_id = asked(app)
    monkeypatch.setattr(workers, "app", lambda: app)
    sent = workers.start_run(str(RunMessage(run_id)))
    [started] = runs_of(app, Trigger.CHECK)
    check_id = run_report(app, run_id)["result"]["checkId"]
    assert sent.others == (str(RunMessage(started.run_id)), str(RunMessage(check_id)))
    with pytest.raises(TransientError):
        workers.start_run(sent.others[1])
    assert check_id in app.notifier.due()


DEATHS = 8
"""The writes of a check that starts a run, and one more."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", range(1, DEATHS + 1))
def test_wherever_a_worker_dies_there_is_one_report_and_one_run(
    make_app, drifted, monkeypatch, write, after
):
    app = make_app()
    run_id = asked(app)
    monkeypatch.setattr(workers, "app", lambda: app)
    died = False
    with killed_at(write, after=after):
        try:
            workers.start_run(str(RunMessage(run_id)))
        except Killed:
            died = True
    assert died == (write < DEATHS)

    another = make_app()
    deliver(another, monkeypatch, run_id)
    # If only the messages were lost, the daily check sends that of the run again.
    with time_machine.travel(datetime.now(UTC) + LOST_AFTER + timedelta(minutes=1)):
        left = list(another.run_start.unattended())
    deliver(another, monkeypatch, *left)

    report = run_report(another, run_id)
    [started] = runs_of(another, Trigger.CHECK)
    assert (report["status"], report["result"]["runId"]) == ("Succeeded", started.run_id)
    rows = another.account.runs.query_entities("PartitionKey eq 'check'")
    assert len([*rows]) == 1
    assert owned_prefixes(drifted["one"]) == {A}


def test_two_workers_with_the_same_message_make_one_report_and_one_run(app, drifted, monkeypatch):
    """The second one begins while the first one has not kept its report yet."""
    run_id = asked(app)
    run = app.runs.get(run_id)
    add, second = type(app.checks).add, itertools.count()

    def adding(self, report, **how):
        if next(second) == 0:
            app.check.check(run)
        add(self, report, **how)

    monkeypatch.setattr(type(app.checks), "add", adding)
    deliver(app, monkeypatch, run_id)
    assert len(runs_of(app, Trigger.CHECK)) == 1
    assert run_report(app, run_id)["result"]["runId"] == runs_of(app, Trigger.CHECK)[0].run_id


def test_at_the_command_line_it_starts_no_run(azure, app, drifted, monkeypatch):
    run_id = asked(app, HERE)
    deliver(app, monkeypatch, run_id)
    result = run_report(app, run_id)["result"]
    assert (result["right"], result["tables"], result["runId"]) == (1, 2, None)
    assert runs_of(app, Trigger.CHECK) == []
    assert azure.state.writes() == []


def test_a_check_that_is_overdue_has_failed_without_a_result(app, drifted, monkeypatch):
    run_id = asked(app)
    with time_machine.travel(datetime.now(UTC) + MAX_RUN_TIME):
        assert deliver(app, monkeypatch, run_id) == [run_id]
        report = run_report(app, run_id)
    assert (report["status"], report["error"]["code"]) == ("Failed", "RunTimedOut")
    assert report["result"] is None
    assert runs_of(app, Trigger.CHECK) == []


def test_while_paused_its_run_only_plans(azure, make_app, drifted, monkeypatch):
    app = make_app(PAUSED="true")
    run_id = asked(app)
    deliver(app, monkeypatch, run_id)
    assert run_report(app, run_id)["status"] == "Succeeded"
    assert azure.state.writes() == []


def test_a_look_with_the_rights_of_a_person_says_nothing_of_those_of_the_app(
    azure, app, drifted, monkeypatch
):
    """The dashboard shows the alarms of the last check. It must not lose one by such a look."""

    def latest():
        return app.checks.latest(until=datetime.now(UTC))

    deliver(app, monkeypatch, asked(app, HERE))
    assert latest() is not None  # as long as the app has made none

    error = {"error": {"code": "AuthorizationFailed", "message": "no right"}}
    azure.state.faults.append(refusal("GET", "routeTables/", 403, error, times=2))
    alarmed = app.check.check()
    assert [alarm.code.name for alarm in alarmed.alarms] == ["RightsLostOnTables"]
    looked = asked(app, HERE)
    deliver(app, monkeypatch, looked)
    assert run_report(app, looked)["result"]["alarms"] == []
    assert latest() == alarmed

    deliver(app, monkeypatch, asked(app))
    assert latest().alarms == ()
