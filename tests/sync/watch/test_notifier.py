"""Notices to a real webhook: at least once, in nobody's way, and no key in them."""

import logging
from datetime import timedelta

import pytest
import requests

from local.azure.faults import refusal
from shared import workers
from shared.domain.errors import ConcurrentUpdate, TransientError
from shared.domain.runs.run import Mode, RunRequest, Trigger
from shared.log import quiet_libraries
from shared.messages import RunMessage, TableMessage
from shared.notify import webhook
from shared.sync.asking import SyncRequest
from shared.sync.requester import Requester
from shared.sync.run.lifecycle import RunStart
from shared.workers import Messages
from tests.builders.azure import add_table, answer, rid
from tests.builders.routes import owned, to_firewall
from tests.builders.runs import begin, register, sync
from tests.builders.tags import tag_table

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


@pytest.fixture
def app(make_app, receiver):
    return make_app(
        NOTIFY_WEBHOOK_URL=receiver.url,
        WEBSITE_HOSTNAME="app.azurewebsites.net",
        WEBSITE_SITE_NAME="app",
    )


@pytest.fixture
def one(azure, app, monkeypatch):
    monkeypatch.setattr(workers, "app", lambda: app)
    answer(azure, A)
    register(app, "one")
    return add_table(azure.state, "one", [to_firewall()])


def test_a_run_that_has_ended_sends_its_message_again_and_people_are_told(app, one, receiver):
    run_id = begin(app)
    [message] = workers.start_run(str(RunMessage(run_id))).later
    assert receiver.notices == []
    ended = workers.sync_route_table(message).run
    assert ended == str(RunMessage(run_id))
    assert workers.start_run(ended) == Messages()
    [notice] = receiver.notices
    assert (notice["kind"], notice["runId"]) == ("changed", run_id)
    assert notice["link"] == f"https://app.azurewebsites.net/api/dashboard?run={run_id}"
    assert notice["summary"].startswith(
        "ASE Route Sync (app, AzureCloud): 1 route table changed. one in rg-one: changed, +1. "
    )
    assert receiver.headers[0]["X-Run-Id"] == run_id
    assert A.encode() not in receiver.bodies[0]


@pytest.mark.parametrize("even_without_tags", [True, False])
def test_a_run_that_ends_after_the_last_attempt_to_start_it_is_told(
    app, receiver, monkeypatch, even_without_tags
):
    monkeypatch.setattr(workers, "app", lambda: app)
    run_id = begin(app)
    if not even_without_tags:
        monkeypatch.setattr(RunStart, "start_without_tags", lambda *_: 1 / 0)
    assert workers.start_run_without_tags(str(RunMessage(run_id))) == []
    [notice] = receiver.notices
    assert (notice["kind"], notice["runId"]) == ("fault", run_id)


def test_told_is_told(app, one, receiver):
    run_id = sync(app)["runId"]
    for _ in range(2):
        workers.start_run(str(RunMessage(run_id)))
    assert len(receiver.notices) == 1
    late = str(TableMessage(run_id, rid("one")))
    assert workers.sync_route_table(late) == Messages()


def test_a_table_that_was_given_up_is_told(azure, app, one, receiver):
    azure.state.faults.append(refusal("GET", "tables/one", 503, {}, times=99))
    run_id = begin(app)
    [message] = workers.start_run(str(RunMessage(run_id))).later
    ended = str(RunMessage(run_id))
    assert workers.fail_poisoned_route_table(message) == Messages(run=ended)
    workers.start_run(ended)
    [notice] = receiver.notices
    assert (notice["kind"], notice["items"][0]["state"]) == ("fault", "failed")


def test_where_it_was_not_taken_the_queue_tries_again(app, one, receiver, monkeypatch):
    monkeypatch.setattr(webhook, "WAIT_SECONDS", 0)
    whole = sync(app)
    message = str(RunMessage(whole["runId"]))
    assert whole["status"] == "Succeeded"
    for status in (500, 429, 404, 302):
        receiver.status = status
        with pytest.raises(TransientError, match=f"answered {status}"):
            workers.start_run(message)
    receiver.status = 200
    workers.start_run(message)
    assert [notice["runId"] for notice in receiver.notices] == [whole["runId"]]


def test_what_could_not_be_told_is_tried_again_by_the_daily_check(app, one, receiver):
    receiver.status = 500
    run_id = sync(app)["runId"]
    with pytest.raises(TransientError):
        workers.start_run(str(RunMessage(run_id)))
    messages = workers.daily_check()
    assert str(RunMessage(run_id)) in messages


def test_a_webhook_that_failed_waits(app, one, receiver):
    run_id = sync(app)["runId"]
    receiver.status = 500
    with pytest.raises(TransientError, match="answered 500"):
        workers.start_run(str(RunMessage(run_id)))
    receiver.status = 200
    with pytest.raises(TransientError, match="a moment ago"):
        workers.start_run(str(RunMessage(run_id)))
    assert receiver.notices == []


def test_a_webhook_that_hangs_is_left(app, one, receiver, monkeypatch):
    monkeypatch.setattr(webhook, "READ_SECONDS", 0.2)
    receiver.seconds = 2
    run_id = sync(app)["runId"]
    with pytest.raises(TransientError, match="ReadTimeout"):
        workers.start_run(str(RunMessage(run_id)))
    assert app.runs.get(run_id).status == "Succeeded"


def test_its_url_is_in_no_message_and_no_log(make_app, one, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    quiet_libraries()
    secret = "http://127.0.0.1:9/hook?sig=very-secret"
    app = make_app(NOTIFY_WEBHOOK_URL=secret)
    monkeypatch.setattr(workers, "app", lambda: app)
    run_id = sync(app)["runId"]
    with pytest.raises(TransientError, match="ConnectionError") as raised:
        workers.start_run(str(RunMessage(run_id)))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert caplog.records
    assert not any("very-secret" in r.getMessage() for r in caplog.records)


def test_killed_after_telling_it_tells_again(app, one, receiver, monkeypatch):
    run_id = sync(app)["runId"]
    with monkeypatch.context() as patch:
        patch.setattr(app.runs, "told", lambda _run: 1 / 0)
        with pytest.raises(workers.InvocationFailed, match="ZeroDivisionError"):
            workers.start_run(str(RunMessage(run_id)))
    workers.start_run(str(RunMessage(run_id)))
    assert [notice["runId"] for notice in receiver.notices] == [run_id] * 2


def test_two_that_tell_at_once_lose_no_fault(azure, app, one, receiver, monkeypatch):
    """Both found a fault; the second to write looks again."""
    add_table(azure.state, "two", [to_firewall(A, "mine")])
    one.routes = [to_firewall(A, "mine")]
    register(app, "two")
    first, second = sync(app, "one")["runId"], sync(app, "two")["runId"]
    post = requests.post

    def overtaken(*arguments, **options):
        monkeypatch.setattr(requests, "post", post)
        workers.start_run(str(RunMessage(second)))
        return post(*arguments, **options)

    monkeypatch.setattr(requests, "post", overtaken)
    with pytest.raises(ConcurrentUpdate):
        workers.start_run(str(RunMessage(first)))
    workers.start_run(str(RunMessage(first)))
    again = sync(app)["runId"]
    receiver.take()
    workers.start_run(str(RunMessage(again)))
    assert receiver.notices == []


def test_the_check_tells_too_and_once(app, one, receiver):
    sync(app)
    messages = workers.daily_check()
    check = next(m for m in messages if "check-" in m)
    for _ in range(2):
        workers.start_run(check)
    [notice] = receiver.notices
    assert notice["kind"] == "allWell"
    assert notice["link"] == "https://app.azurewebsites.net/api/dashboard"
    assert receiver.headers[0]["X-Run-Id"].startswith("check-")
    assert "all well, 1 route table, version" in notice["title"]


def test_what_azure_tags_have_registered_is_told_once(azure, make_app, receiver, monkeypatch):
    app = make_app(NOTIFY_WEBHOOK_URL=receiver.url, DISCOVER_BY_TAG="true")
    monkeypatch.setattr(workers, "app", lambda: app)
    answer(azure, A)
    table = add_table(azure.state, "one", [to_firewall()])
    tag_table(table, "AppServiceManagement")
    [check] = [m for m in workers.daily_check() if "check-" in m]
    for _ in range(2):
        workers.start_run(check)
    first = receiver.notices[0]
    assert (first["kind"], first["items"][0]["state"]) == ("registrations", "registered")
    assert "Azure tags: 1 table registered" in first["title"]
    assert [notice["kind"] for notice in receiver.notices].count("registrations") == 1

    receiver.take()
    tag_table(table, None)
    [check] = [m for m in workers.daily_check() if "check-" in m]
    workers.start_run(check)
    assert receiver.notices[0]["items"][0]["state"] == "unregistered"
    assert "its routes stay" in receiver.notices[0]["summary"]


def test_without_a_webhook_nobody_is_told(make_app, one, monkeypatch):
    app = make_app()
    monkeypatch.setattr(workers, "app", lambda: app)
    run_id = begin(app)
    [message] = workers.start_run(str(RunMessage(run_id))).later
    assert workers.sync_route_table(message) == Messages()
    assert workers.daily_check() == []


def commands_of(notice):
    return [step["command"] for step in notice["nextSteps"]]


def carry_out(run_id):
    """Deliver every message of the run, and tell people."""
    for message in workers.start_run(str(RunMessage(run_id))).later:
        ended = workers.sync_route_table(message).run
        if ended is not None:
            workers.start_run(ended)


def check_day(app):
    """Make the daily check, with the run that it starts, and tell people of both."""
    messages = workers.daily_check()
    for message in messages:
        run_id = RunMessage.parse(message).run_id
        carry_out(run_id)
    return [app.runs.get(RunMessage.parse(message).run_id) for message in messages]


@pytest.fixture
def waiting(make_app, receiver, azure, monkeypatch):
    """An app whose changes wait, with one table."""
    app = make_app(NOTIFY_WEBHOOK_URL=receiver.url, APPLY_POLICY="approval", REMOVAL_GRACE_DAYS="2")
    monkeypatch.setattr(workers, "app", lambda: app)
    register(app, "one")
    add_table(azure.state, "one", [owned(B), owned(C)])
    return app


def test_a_run_that_waits_is_told_at_once_then_daily_and_no_more_when_it_is_approved(
    azure, waiting, receiver, clock
):
    app = waiting
    answer(azure, A, B, C)
    run_id = app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id
    carry_out(run_id)
    [notice] = receiver.take()
    assert (notice["kind"], notice["runId"]) == ("waits", run_id)
    assert commands_of(notice) == [f"ase-route-sync approve {run_id}"]

    clock.shift(timedelta(hours=23, minutes=20))
    assert [run for run in check_day(app) if run] == []
    [notice] = receiver.take()
    assert (notice["kind"], commands_of(notice)) == ("waits", [f"ase-route-sync approve {run_id}"])
    check_day(app)
    assert receiver.take() == []

    request = SyncRequest(plan_run_id=run_id)
    approval = app.asking.sync(request, Requester(Trigger.HTTP, "somebody")).run_id
    carry_out(approval)
    [notice] = receiver.take()
    assert (notice["kind"], notice["runId"]) == ("changed", approval)
    clock.shift(timedelta(days=1))
    check_day(app)
    assert [notice["kind"] for notice in receiver.take()] == ["allWell"]


def test_a_grace_that_ends_changes_what_waits_and_the_newest_run_is_named(
    azure, waiting, receiver, clock
):
    """Two addresses have left the tag. Of one the grace ends on the second day."""
    app = waiting
    answer(azure, A, B, C)
    carry_out(app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id)
    answer(azure, A, C)
    clock.shift(timedelta(days=1))
    first = app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id
    carry_out(first)
    receiver.take()
    named = []
    for _ in range(3):
        clock.shift(timedelta(days=1))
        started = [run.run_id for run in check_day(app) if run]
        [notice] = [notice for notice in receiver.take() if notice["kind"] == "waits"]
        [item] = notice["items"]
        [command] = commands_of(notice)
        named.append((command.split()[-1], item["text"].split()[:2], started))

    [before, (newest, counts, [run_id]), still] = named
    assert before == (first, ["+1", "in"], [])
    assert (newest, counts) == (run_id, ["+1", "-1"])
    assert still == (run_id, ["+1", "-1"], [])
    done = app.asking.sync(SyncRequest(plan_run_id=run_id), Requester(Trigger.HTTP)).run_id
    carry_out(done)
    assert app.outcomes.get(done, rid("one")).removed == (B,)


@pytest.mark.parametrize("known", [False, True])
def test_what_waits_in_a_run_that_nobody_was_told_of_is_told_by_the_next_check(
    azure, waiting, make_app, receiver, clock, known
):
    """Somebody ran it at the command line, without a webhook."""
    answer(azure, A, B, C)
    if known:
        carry_out(waiting.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id)
        receiver.take()
    laptop = make_app(APPLY_POLICY="approval", REMOVAL_GRACE_DAYS="2")
    run_id = sync(laptop)["runId"]
    clock.shift(timedelta(days=1))
    assert [run for run in check_day(waiting) if run] == []
    [notice] = receiver.take()
    assert commands_of(notice) == [f"ase-route-sync approve {run_id}"]
    assert notice["facts"]["Since"] == "2026-03-04 06:00 UTC"


def test_while_the_app_is_paused_nothing_waits_for_an_approval(
    azure, waiting, make_app, receiver, clock, monkeypatch
):
    answer(azure, A)
    carry_out(waiting.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id)
    receiver.take()
    paused = make_app(NOTIFY_WEBHOOK_URL=receiver.url, APPLY_POLICY="approval", PAUSED="true")
    monkeypatch.setattr(workers, "app", lambda: paused)
    for _ in range(2):
        clock.shift(timedelta(days=1))
        check_day(paused)
    assert receiver.take() == []

    monkeypatch.setattr(workers, "app", lambda: waiting)
    clock.shift(timedelta(days=1))
    check_day(waiting)
    assert "waits" in [notice["kind"] for notice in receiver.take()]


def test_a_notice_that_was_taken_is_not_sent_again_if_the_next_one_fails(
    azure, waiting, receiver, monkeypatch
):
    monkeypatch.setattr(webhook, "WAIT_SECONDS", 0)
    answer(azure, A)
    add_table(azure.state, "two", [to_firewall(A, "mine")])
    register(waiting, "two")
    run_id = sync(waiting)["runId"]
    post = requests.post

    def refused_once(*arguments, **options):
        receiver.status = 500 if receiver.bodies else 200
        return post(*arguments, **options)

    monkeypatch.setattr(requests, "post", refused_once)
    with pytest.raises(TransientError, match="answered 500"):
        workers.start_run(str(RunMessage(run_id)))
    monkeypatch.setattr(requests, "post", post)
    receiver.status = 200
    workers.start_run(str(RunMessage(run_id)))
    assert [notice["kind"] for notice in receiver.notices] == ["waits", "fault"]


def tag_news(receiver):
    """The added and the removed prefixes of each notice about a tag."""
    return [
        [item["text"].removeprefix("AppServiceManagement: ") for item in notice["items"]]
        for notice in receiver.take()
        if notice["kind"] == "serviceTagChanged"
    ]


@pytest.fixture
def weekly(app, one):
    """Begin a weekly run, carry it out and tell people."""
    return lambda: carry_out(app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id)


IPV6 = "2603:1020::/48"


def test_a_tag_that_changed_is_told_once_also_if_no_table_did(azure, weekly, receiver):
    weekly()
    assert [notice["kind"] for notice in receiver.take()] == ["changed"]  # the first one is no news
    answer(azure, A, IPV6)
    weekly()
    [notice] = receiver.notices
    assert notice["kind"] == "serviceTagChanged"
    assert tag_news(receiver) == [[IPV6]]
    weekly()
    assert receiver.take() == []


def test_a_tag_and_the_tables_that_follow_it_are_told_apart(azure, weekly, receiver):
    weekly()
    receiver.take()
    answer(azure, A, B)
    weekly()
    told = receiver.take()
    assert [notice["kind"] for notice in told] == ["serviceTagChanged", "changed"]
    assert len({notice["runId"] for notice in told}) == 1


def test_a_tag_that_changed_in_a_plan_that_somebody_asked_for_is_told_by_the_check(
    azure, app, weekly, receiver, clock
):
    weekly()
    receiver.take()
    answer(azure, A, IPV6)
    plan = app.create_run(RunRequest(Trigger.HTTP, Mode.PLAN)).run_id
    carry_out(plan)
    assert receiver.take() == []
    clock.shift(timedelta(days=1))
    check_day(app)
    assert tag_news(receiver) == [[IPV6]]
    weekly()
    assert tag_news(receiver) == []


def test_what_could_not_be_told_is_told_with_the_next_version(
    azure, app, weekly, receiver, monkeypatch
):
    """From the version that people know to the one that counts now, whatever was between them."""
    monkeypatch.setattr(webhook, "WAIT_SECONDS", 0)
    weekly()
    receiver.status = 500
    for prefixes in ((A, B), (A, B, C), (A, C)):
        answer(azure, *prefixes)
        with pytest.raises(TransientError):
            weekly()
    receiver.status = 200
    receiver.take()
    weekly()
    assert tag_news(receiver) == [[C]]

    # The runs before it have nothing left to tell of the tag.
    for run_id in list(app.notifier.due()):
        workers.start_run(str(RunMessage(run_id)))
    assert tag_news(receiver) == []


def test_a_tag_that_goes_and_comes_back_is_told_twice(azure, weekly, receiver):
    weekly()
    news = []
    for prefixes in ((A, IPV6), (A,), (A, IPV6)):
        answer(azure, *prefixes)
        weekly()
        news += tag_news(receiver)
    assert news == [[IPV6]] * 3


def test_in_an_app_that_told_nothing_of_tags_so_far_only_what_a_run_records_is_news(
    azure, app, make_app, one, receiver, monkeypatch
):
    """Nobody was told while there was no webhook."""
    silent = make_app()
    sync(silent)
    answer(azure, A, B)
    sync(silent)
    carry_out(app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id)
    assert tag_news(receiver) == []
    answer(azure, A, B, IPV6)
    carry_out(app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id)
    assert tag_news(receiver) == [[IPV6]]


def test_the_first_change_that_an_app_with_a_webhook_records_is_told(
    azure, app, make_app, one, receiver
):
    sync(make_app())
    answer(azure, A, IPV6)
    carry_out(app.create_run(RunRequest(Trigger.TIMER, Mode.APPLY)).run_id)
    assert tag_news(receiver) == [[IPV6]]
