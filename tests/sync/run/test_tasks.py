"""Runs that are not about tables: their messages, their end, and what they must not touch."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from local.azure.faults import refusal
from shared import workers
from shared.domain.errors import TransientError
from shared.domain.runs.run import MAX_RUN_TIME
from shared.messages import RunMessage
from shared.sync.run.lifecycle import LOST_AFTER
from shared.sync.surroundings import discovery
from shared.workers import Messages
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
)
from tests.builders.runs import (
    START,
    begin_discovery,
    discover,
    register,
    run_report,
    to_the_end,
)

A = "20.0.0.0/24"


@pytest.fixture
def in_parts(app, monkeypatch):
    """Each message of a discovery looks at one environment."""
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(discovery, "LONGEST", timedelta())


@pytest.fixture
def two(azure):
    for name, subscription in (("one", SUBSCRIPTION), ("two", OTHER_SUBSCRIPTION)):
        add_environment(azure.state, name, subscription=subscription)


@pytest.mark.usefixtures("in_parts", "two")
def test_each_message_sends_the_next_one_until_the_run_has_ended(app):
    run_id = begin_discovery(app)
    message = str(RunMessage(run_id))
    sent = workers.start_run(message)
    assert sent == Messages(run=message)
    halfway = run_report(app, run_id)
    assert (halfway["status"], len(halfway["result"]["value"])) == ("Running", 1)
    assert halfway["result"]["errors"] == []
    while sent.run is not None:
        sent = workers.start_run(sent.run)
    assert sent == Messages()
    whole = run_report(app, run_id)
    assert (whole["status"], len(whole["result"]["value"])) == ("Succeeded", 2)
    assert workers.start_run(message) == Messages()
    assert run_report(app, run_id) == whole


@pytest.mark.usefixtures("in_parts", "two")
def test_a_run_that_is_overdue_keeps_its_result_and_names_what_was_not_searched(azure, app):
    run_id = begin_discovery(app)
    workers.start_run(str(RunMessage(run_id)))
    azure.state.log.clear()
    with time_machine.travel(datetime.now(UTC) + MAX_RUN_TIME):
        assert workers.start_run(str(RunMessage(run_id))) == Messages()
    assert azure.state.log == []
    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "RunTimedOut")
    assert [e["aseId"] for e in whole["result"]["value"]] == [ase_id_of("one")]
    left = {e["subscriptionId"]: e["code"] for e in whole["result"]["errors"]}
    assert left[OTHER_SUBSCRIPTION] == "NotSearched"


def test_a_task_that_is_given_up_fails_and_is_no_sync(azure, app, monkeypatch):
    """The poison function repairs the tables of every other run."""
    monkeypatch.setattr(workers, "app", lambda: app)
    answer(azure, A)
    table = add_table(azure.state, "one")
    register(app, "one")
    azure.state.faults.append(
        refusal("GET", "^/subscriptions$", 429, {}, headers={"Retry-After": "60"})
    )
    run_id = begin_discovery(app)
    message = str(RunMessage(run_id))
    with pytest.raises(TransientError):
        workers.start_run(message)
    assert run_report(app, run_id)["status"] == "Running"
    noted = run_report(app, run_id)["error"]
    assert noted["code"] == "AnswerWithoutCode"
    assert app.run_start.start(run_id) == app.run_start.start_without_tags(run_id) == []
    assert run_report(app, run_id)["status"] == "Running"
    assert workers.start_run_without_tags(message) == []
    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"], whole["outcomes"]) == ("Failed", noted, [])
    assert table.routes == []


@pytest.mark.usefixtures("in_parts", "two")
def test_the_daily_check_sends_a_message_again_that_was_lost(app):
    run_id = begin_discovery(app)
    message = str(RunMessage(run_id))
    workers.start_run(message)
    with time_machine.travel(datetime.now(UTC) + LOST_AFTER + timedelta(seconds=5)):
        assert message in workers.daily_check()


@pytest.mark.usefixtures("two")
def test_while_paused_a_discovery_registers_as_a_person_may(azure, make_app):
    app = make_app(PAUSED="true")
    add_environment(azure.state, "three", table=add_table(azure.state, "three"))
    whole = discover(app, register=True, acknowledge=True)
    assert (whole["mode"], whole["status"]) == ("apply", "Succeeded")
    assert len(list(app.registry.list())) == 1
    assert azure.state.writes() == []


@pytest.mark.parametrize("refused", [False, True])
def test_nobody_is_told_of_a_discovery(azure, make_app, receiver, monkeypatch, refused):
    app = make_app(NOTIFY_WEBHOOK_URL=receiver.url)
    monkeypatch.setattr(workers, "app", lambda: app)
    if refused:
        azure.state.faults.append(refusal("GET", "hostingEnvironments", 403, {}, times=99))
    run_id = begin_discovery(app)
    assert workers.start_run(str(RunMessage(run_id))) == Messages()
    assert run_report(app, run_id)["status"] == ("Failed" if refused else "Succeeded")
    assert str(RunMessage(run_id)) not in workers.daily_check()
    assert run_id not in [notice["runId"] for notice in receiver.notices]


@pytest.mark.usefixtures("in_parts", "two")
@pytest.mark.parametrize("place", [0, 1])
def test_what_cannot_be_read_of_a_result_is_an_error_of_it_and_hides_nothing_else(app, place):
    run_id = begin_discovery(app, register=True)
    workers.start_run(str(RunMessage(run_id)))
    rows = [*app.account.outcomes.query_entities(f"PartitionKey eq 'search|{run_id}'")]
    app.account.outcomes.update_entity(rows[place] | {"searched": b"spoiled"})
    lost = rows[place]["RowKey"]

    whole = to_the_end(app, run_id)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")
    [error] = whole["result"]["errors"]
    assert error["subscriptionId"] == lost
    [found] = whole["result"]["value"]
    assert lost not in found["aseId"]


@pytest.mark.usefixtures("two")
def test_what_was_found_goes_with_its_run(app, clock):
    clock.move_to(START)
    run_id = discover(app)["runId"]
    clock.shift(timedelta(days=401))
    app.housekeeping.remove_old()
    assert app.searches.list(run_id) == []
    assert app.runs.get(run_id) is None
