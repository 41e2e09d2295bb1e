"""Queue messages in the hands of the workers."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Never
from unittest.mock import Mock

import pytest
import time_machine
from azure.core.exceptions import AzureError, HttpResponseError

from local.azure.faults import refusal
from local.azure.throttles import BucketSize
from local.azurite import ROOT
from local.host.config import queue_options
from local.host.queues import LEASE_SECONDS
from shared import app as wiring
from shared import workers
from shared.arm import budgets
from shared.arm.budgets import LOW
from shared.deadline import GIVEN_UP_AFTER_SECONDS, out_of_time
from shared.domain import codes
from shared.domain.errors import ConcurrentUpdate, TransientError
from shared.domain.findings import Finding
from shared.domain.runs.run import MAX_RUN_TIME, Mode, RunRequest, Trigger
from shared.messages import RunMessage, TableMessage
from shared.settings import InvalidSettings
from shared.storage.app_record import AppRecordLog
from shared.sync.run.events import WINDOW
from shared.sync.run.lifecycle import LOST_AFTER, RunEnd, RunStart
from shared.sync.table.delivery import TableSync
from shared.workers import Messages, Start
from tests.builders.alerts import event
from tests.builders.azure import OTHER_SUBSCRIPTION, add_table, answer, rid, table_id
from tests.builders.runs import begin, outcome_of, register, run_report, spoil_run, started

P = "20.0.0.0/24"


@pytest.fixture
def in_hand(azure, app, monkeypatch):
    """A run of a table in each subscription; the first subscription has no budget left."""
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(budgets, "WAIT_SECONDS", 60.0)
    other = add_table(azure.state, "other", subscription=OTHER_SUBSCRIPTION)
    add_table(azure.state, "one")
    answer(azure, P)
    register(app, "one", other.resource_id)
    run_id = started(app, "one", other.resource_id)
    azure.state.throttles.limits.buckets["read"] = BucketSize(LOW, 0)
    app.route_tables.read(rid("one"))
    azure.state.throttles.limits.buckets["read"] = BucketSize(250, 25)
    azure.state.log.clear()
    return run_id, [str(TableMessage(run_id, rid(i))) for i in ("one", other.resource_id)]


def test_a_table_without_budget_goes_to_the_end_of_the_queue(azure, app, in_hand, monkeypatch):
    run_id, [one, other] = in_hand
    assert workers.sync_route_table(one) == Messages(later=(one,))
    assert azure.state.log == []
    assert workers.sync_route_table(other) == Messages()
    changed = run_report(app, run_id)["outcomes"]
    assert [o["routeTableId"] for o in changed] == [table_id("other", OTHER_SUBSCRIPTION)]
    monkeypatch.setattr(app.clients.budgets, "seconds_to_wait", lambda _subscription: 0.0)
    assert workers.sync_route_table(one) == Messages()
    whole = run_report(app, run_id)
    assert whole["status"] == "Succeeded"
    assert outcome_of(whole, "one")["added"] == [P]


@pytest.mark.parametrize("over", ["settled", "ended", "overdue", "gone"])
def test_a_message_that_nobody_waits_for_ends_while_its_subscription_waits(
    azure, app, in_hand, over
):
    run_id, [one, other] = in_hand
    chained = str(TableMessage(run_id, rid("one"), (TableMessage.parse(other).route_table_id,)))
    match over:
        case "settled":
            app.tables.fail_poisoned(run_id, rid("one"))
        case "ended":
            app.run_end.fail(app.runs.get(run_id), Finding(codes.INTERRUPTED, "by hand"))
        case "gone":
            app.outcomes.remove(run_id)
            app.runs.remove(run_id)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3 if over == "overdue" else 0)):
        assert workers.sync_route_table(one) == Messages()
        assert workers.sync_route_table(chained) == Messages(later=(other,))
    assert azure.state.log == []
    if over == "overdue":
        assert run_report(app, run_id)["error"]["code"] == "RunTimedOut"


@pytest.mark.parametrize("rest", [0.1, 3600])
def test_it_rests_a_moment_first_but_not_for_long(app, in_hand, monkeypatch, rest):
    _, [one, _] = in_hand
    slept: list[float] = []
    monkeypatch.setattr(app.clients.budgets, "seconds_to_wait", lambda _subscription: rest)
    monkeypatch.setattr(time, "sleep", slept.append)
    for _ in range(20):
        workers.sync_route_table(one)
    most = min(rest, workers.LONGEST_WAIT_SECONDS)
    assert all(most / 2 <= seconds <= most for seconds in slept)
    assert len(set(slept)) > 1


@pytest.mark.usefixtures("nobody_waits")
def test_what_comes_after_a_table_does_not_wait_for_it(azure, app, monkeypatch):
    """Done, in trouble, or poisoned: the next one's message is sent."""
    monkeypatch.setattr(workers, "app", lambda: app)
    for name in ("one", "two"):
        add_table(azure.state, name)
    run_id = started(app, "one", "two")
    alone, after = TableMessage(run_id, rid("one")), TableMessage(run_id, rid("two"))
    chained = str(TableMessage(run_id, rid("one"), (rid("two"),)))
    azure.state.faults.append(refusal("GET", "tables/one", 503, {}, times=9))
    assert workers.sync_route_table(chained) == Messages(later=(str(alone), str(after)))
    with pytest.raises(TransientError):
        workers.sync_route_table(str(alone))
    assert workers.fail_poisoned_route_table(chained) == Messages(later=(str(after),))
    assert workers.sync_route_table(str(after)) == Messages()
    assert workers.sync_route_table(chained) == Messages(later=(str(after),))  # late, and done
    assert (
        run_report(app, run_id)["counts"] | {"changed": 1, "failed": 1}
        == (run_report(app, run_id)["counts"])
    )


def test_a_poisoned_message_that_another_worker_gets_ahead_of_is_tried_again(
    azure, app, monkeypatch
):
    monkeypatch.setattr(workers, "app", lambda: app)
    add_table(azure.state, "one")
    run_id = started(app, "one")
    fail_poisoned, taken = TableSync.fail_poisoned, [ConcurrentUpdate(codes.TABLE_TAKEN, "one")]

    def once_taken(*arguments):
        if taken:
            raise taken.pop()
        return fail_poisoned(*arguments)

    monkeypatch.setattr(TableSync, "fail_poisoned", once_taken)
    assert workers.fail_poisoned_route_table(str(TableMessage(run_id, rid("one")))) == Messages()
    assert run_report(app, run_id)["counts"]["failed"] == 1


ERRORS = [
    AzureError("no answer"),
    InvalidSettings(["A: missing"]),
    out_of_time(),
    ConcurrentUpdate(codes.TABLE_TAKEN, "one"),
    RuntimeError("nobody foresaw this"),
]


def raising(error: Exception) -> Callable[..., Never]:
    def fail(*_arguments: object) -> Never:
        raise error

    return fail


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_poison_function_never_fails_and_sends_what_comes_next(
    azure, app, monkeypatch, caplog, error
):
    monkeypatch.setattr(workers, "app", lambda: app)
    run_id = started(app, "one", "two")
    chained = str(TableMessage(run_id, rid("one"), (rid("two"),)))
    monkeypatch.setattr(workers, "app", raising(error))
    then = Messages(later=(str(TableMessage(run_id, rid("two"))),))
    assert workers.fail_poisoned_route_table(chained) == then
    assert workers.start_run_without_tags(str(RunMessage(run_id))) == []
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert f"poisoned: {run_id} {rid('one')}: attempt 1 failed" in caplog.text
    assert str(error) in caplog.text


TABLE_EVENT = json.dumps(event()).encode()


def take(body=TABLE_EVENT, deliveries=1):
    return workers.take_event(body, deliveries=deliveries)


def event_records(caplog):
    records = [json.loads(r.getMessage()) for r in caplog.records if "record" in r.getMessage()]
    return [record for record in records if record["record"] == "event"]


def test_the_start_message_of_a_window_leaves_when_the_window_begins(app, clock, monkeypatch):
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(workers, "utc_now", app.events.clock)
    register(app, "one")
    clock.shift(timedelta(seconds=1))
    first = take()
    assert first.seconds == 0
    run_id = RunMessage.parse(str(first.message)).run_id
    assert take(json.dumps(event(number="2")).encode()) == Start()

    app.run_start.start(run_id)
    third = take(json.dumps([event(number="3"), event(number="4")]).encode())
    assert third.message not in {None, first.message}
    assert third.seconds == WINDOW.total_seconds() - 1
    assert len(list(app.runs.list())) == 2


def test_a_start_message_does_not_wait_for_the_clock_of_another_instance(app, clock, monkeypatch):
    """It wrote the run of a window that is far away for us."""
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(workers, "utc_now", lambda: app.events.clock() - timedelta(minutes=9))
    register(app, "one")
    assert take().seconds == WINDOW.total_seconds()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\x00 no JSON",
        b"[" * 40_000,
        b'{"eventType": "\\ud800"}',
        b'{"eventType": ' + b"9" * 10_000 + b"}",
        b"[]",
        b'[[{"eventType": "x"}], 7]',
        json.dumps(event(kind="Microsoft.Resources.ResourceActionSuccess")).encode(),
        b'{"eventType": "Microsoft.Resources.ResourceWriteSuccess", "data": [], "subject": 7}',
        b'{"schemaId": "azureMonitorCommonAlertSchema", "data": {}}',
        json.dumps(event(kind="Microsoft.EventGrid.SubscriptionValidationEvent")).encode(),
    ],
)
def test_what_is_no_event_ends_with_one_record(app, monkeypatch, caplog, body):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(workers, "app", lambda: app)
    register(app, "one")
    assert take(body) == Start()
    [record] = event_records(caplog)
    assert record["ignored"]
    assert list(app.runs.list()) == []
    assert app.store.events.last() is None


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_event_that_fails_comes_again_until_it_is_given_up(app, monkeypatch, caplog, error):
    with monkeypatch.context() as patch:
        patch.setattr(workers, "app", raising(error))
        with pytest.raises(Exception, match=r".") as raised:
            take()
        assert raised.value.__cause__ is None  # the host logs the whole chain
        assert workers.take_poisoned_event(TABLE_EVENT) == Start()
    [record] = event_records(caplog)
    assert record["error"]["code"] == "RetriesExhausted"
    assert "poisoned: an event: attempt 3 failed" in caplog.text

    monkeypatch.setattr(workers, "app", lambda: app)
    register(app, "one")
    assert workers.take_poisoned_event(TABLE_EVENT).message


def test_an_event_that_is_given_up_starts_the_run_that_it_opened(app, clock, monkeypatch):
    """A message is poisoned as soon as its last delivery has failed."""
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(workers, "utc_now", app.events.clock)
    register(app, "one")
    first = take(deliveries=15)
    assert first.message
    assert workers.take_poisoned_event(TABLE_EVENT) == first


def test_an_event_that_is_given_up_starts_its_run_although_an_attempt_fails(
    app, clock, monkeypatch
):
    """The attempt has opened the run before."""
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(workers, "utc_now", app.events.clock)
    register(app, "one")
    errors = iter([AzureError("storage is away")])
    claim = app.runs.claim

    def claim_with_errors(*claimed):
        for error in errors:
            raise error
        return claim(*claimed)

    monkeypatch.setattr(app.runs, "claim", claim_with_errors)
    assert workers.take_poisoned_event(TABLE_EVENT).message
    assert len(list(app.runs.list())) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", "no JSON", "\x00"])
def test_a_poisoned_message_that_is_not_ours_ends_in_the_log(caplog, text):
    assert workers.fail_poisoned_route_table(text) == Messages()
    assert workers.start_run_without_tags(text) == []
    assert len([r for r in caplog.records if "not ours" in r.getMessage()]) == 2


@pytest.mark.parametrize("fanned_out", [False, True])
def test_a_run_that_cannot_even_start_without_its_tags_fails(azure, app, monkeypatch, fanned_out):
    monkeypatch.setattr(workers, "app", lambda: app)
    add_table(azure.state, "one")
    run_id = started(app, "one") if fanned_out else begin(app, "one")
    monkeypatch.setattr(RunStart, "start_without_tags", raising(RuntimeError("no")))
    assert workers.start_run_without_tags(str(RunMessage(run_id))) == []
    found = run_report(app, run_id)
    if fanned_out:  # its tables have their messages, or the daily check sends them again
        assert found["status"] == "Running"
    else:
        assert (found["status"], found["error"]["code"]) == ("Failed", "StartFailed")


@pytest.mark.parametrize("fanned_out", [False, True])
def test_the_daily_check_brings_a_run_to_its_end_that_has_lost_a_message(
    azure, app, monkeypatch, fanned_out
):
    monkeypatch.setattr(workers, "app", lambda: app)
    add_table(azure.state, "one")
    add_table(azure.state, "two")
    register(app, "one", "two")
    answer(azure, P)
    begun = datetime.now(UTC)
    run_id = started(app, "one", "two") if fanned_out else begin(app, "one", "two")
    if fanned_out:
        app.tables.sync(run_id, rid("one"))

    again = str(RunMessage(run_id))
    with time_machine.travel(begun + LOST_AFTER - timedelta(seconds=5)):
        assert again not in workers.daily_check()
    with time_machine.travel(begun + LOST_AFTER + timedelta(seconds=5)):
        assert again in workers.daily_check()
        tables = workers.start_run(again).later
        assert len(tables) == (1 if fanned_out else 2)
        for text in tables:
            workers.sync_route_table(text)
    assert run_report(app, run_id)["counts"]["changed"] == 2
    assert run_report(app, run_id)["status"] == "Succeeded"


def test_settings_that_cannot_be_recorded_keep_no_route_from_being_right(
    app, app_settings, monkeypatch, caplog
):
    """Storage may refuse this one row. A command then hears that the app confirms nothing."""
    refused = HttpResponseError("PropertyValueTooLarge")
    monkeypatch.setattr(AppRecordLog, "write", Mock(side_effect=refused))
    for name, value in {**app_settings, "WEBSITE_HOSTNAME": "app.invalid"}.items():
        monkeypatch.setenv(name, value)
    wiring.forget()
    try:
        run_id = RunMessage.parse(workers.scheduled_sync()).run_id
        workers.daily_check()
    finally:
        wiring.forget()
    assert app.runs.get(run_id) is not None
    assert app.checks.latest(until=datetime.now(UTC)) is not None
    assert caplog.text.count("the settings were not recorded") == 2


def test_the_daily_check_logs_which_run_it_could_not_end(app, monkeypatch, caplog):
    monkeypatch.setattr(workers, "app", lambda: app)
    run_id, other = begin(app), begin(app)
    end = RunEnd.fail

    def fail(self, run, error):
        if run.run_id == run_id:
            raise RuntimeError("nobody foresaw this")
        return end(self, run, error)

    monkeypatch.setattr(RunEnd, "fail", fail)
    with time_machine.travel(datetime.now(UTC) + MAX_RUN_TIME + timedelta(seconds=5)):
        workers.daily_check()
    assert run_report(app, other)["status"] == "Failed"
    [said] = [r.getMessage() for r in caplog.records if "cannot be ended" in r.getMessage()]
    assert f"run {run_id}: RuntimeError in test_workers.py" in said


def test_a_run_whose_row_cannot_be_read_stops_no_other_run_and_no_check(
    azure, app, monkeypatch, caplog
):
    monkeypatch.setattr(workers, "app", lambda: app)
    add_table(azure.state, "one")
    register(app, "one")
    spoiled = begin(app)
    spoil_run(app, spoiled)

    with time_machine.travel(datetime.now(UTC) + MAX_RUN_TIME + timedelta(seconds=5)):
        run_id = begin(app)
        assert len(workers.start_run(str(RunMessage(run_id))).later) == 1
        assert str(RunMessage(spoiled)) not in workers.daily_check()
    assert spoiled not in [run.run_id for run in app.runs.list()]
    [said] = [r.getMessage() for r in caplog.records if "cannot be ended" in r.getMessage()]
    assert f"run {spoiled}: error in entities.py" in said


def test_nobody_takes_a_run_of_the_command_line_over(app, monkeypatch):
    monkeypatch.setattr(workers, "app", lambda: app)
    by_hand = app.create_run(RunRequest(Trigger.CLI, Mode.APPLY)).run_id
    by_timer = app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id
    with time_machine.travel(datetime.now(UTC) + LOST_AFTER + timedelta(seconds=5)):
        sent = workers.daily_check()
    assert str(RunMessage(by_timer)) in sent
    assert str(RunMessage(by_hand)) not in sent


def test_no_run_counts_as_lost_while_the_message_of_a_dead_instance_may_come_again():
    options = queue_options(ROOT, {})
    longest = timedelta(seconds=LEASE_SECONDS + GIVEN_UP_AFTER_SECONDS)
    pauses = options.visibility_timeout + 2 * options.max_polling_interval
    assert longest + pauses < LOST_AFTER < MAX_RUN_TIME
