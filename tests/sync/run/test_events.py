"""Events are collected in windows: at most one run in each, and no event is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus

import pytest
from azure.core.pipeline.transport import RequestsTransport

from shared.domain import codes
from shared.domain.findings import Finding
from shared.domain.runs.alert import Alert, Ignored
from shared.domain.runs.run import MAX_RUN_TIME, Mode
from shared.sync.run.events import NOTED_FOR, WINDOW, Arrivals
from shared.sync.run.intake import LOST_AFTER, AlertRun
from tests.builders.azure import add_table, answer, rid, table_id
from tests.builders.runs import START, begin, register, run_report

SECOND = timedelta(seconds=1)


@pytest.fixture
def three(azure, app, clock):
    answer(azure, "20.0.0.0/24")
    for name in ("one", "two", "three"):
        add_table(azure.state, name)
    register(app, "one", "two", "three")


def event(*names, number, **known):
    return Alert("write", tuple(table_id(name).lower() for name in names), str(number), **known)


def take(app, *names, number, comes_again=False, **known):
    return app.events.take(event(*names, number=number, **known), b"", comes_again=comes_again)


def run_of(app, taken):
    return app.runs.get(taken.run.run_id)


def tables_of(app, taken):
    return [each.name for each in run_of(app, taken).request.route_tables]


def finish(app, taken):
    for table in app.run_start.start(taken.run.run_id):
        app.tables.sync(taken.run.run_id, table)
    return run_report(app, taken.run.run_id)


def test_the_first_event_starts_its_run_at_once_and_others_are_added_to_it(app, three, clock):
    clock.shift(SECOND)
    first = take(app, "one", number=1)
    assert (first.send, first.run.started_at) == (True, START + SECOND)
    assert run_of(app, first).request.reason == "event write"
    for number, names in ((2, ["two"]), (3, ["one"]), (4, ["two", "three"])):
        added = take(app, *names, number=number)
        assert (added.run.run_id, added.send) == (first.run.run_id, False)
    assert tables_of(app, first) == ["one", "two", "three"]
    whole = finish(app, first)
    assert (whole["counts"]["changed"], whole["reason"]) == (3, "several events")
    assert len(list(app.runs.list())) == 1


def test_what_comes_after_the_start_waits_for_the_next_window(app, three, clock):
    first = take(app, "one", number=1)
    app.run_start.start(first.run.run_id)
    clock.shift(SECOND)
    second = take(app, "one", number=2)
    assert (second.send, second.run.started_at) == (True, START + WINDOW)
    third = take(app, "two", number=3)
    assert (third.run.run_id, third.send) == (second.run.run_id, False)
    assert tables_of(app, second) == ["one", "two"]


def test_a_window_whose_run_started_too_soon_is_over(app, three, clock):
    """By an instance whose clock runs ahead, for example."""
    for number in range(3):
        taken = take(app, "one", number=number)
        assert taken.run.started_at == START + number * WINDOW
        app.run_start.start(taken.run.run_id)


def test_an_event_that_comes_while_a_run_starts_does_not_disturb_the_start(app, three, monkeypatch):
    """The start has chosen its tables. It reads none of them yet."""
    first = take(app, "one", number=1)
    came: list[AlertRun] = []
    read = app.azure.service_tags.read

    def read_meanwhile(location):
        came.extend((take(app, "one", number=2), take(app, "one", "two", number=3)))
        return read(location)

    monkeypatch.setattr(app.azure.service_tags, "read", read_meanwhile)
    assert app.run_start.start(first.run.run_id) == [rid("one")]
    joined, other = came
    assert (joined.run.run_id, joined.send) == (first.run.run_id, False)
    assert (other.run.started_at, other.send) == (START + WINDOW, True)
    assert tables_of(app, first) == ["one"]


def test_a_run_that_has_failed_takes_no_event(app, three):
    first = take(app, "one", number=1)
    app.run_end.fail(run_of(app, first), Finding(codes.INTERRUPTED, "by hand"))
    assert take(app, "one", number=2).run.run_id != first.run.run_id
    assert take(app, "two", number=3).run.run_id != first.run.run_id


@pytest.mark.parametrize("how", ["overdue", "expired", "failed"])
def test_an_event_that_comes_again_has_a_new_run_if_its_own_has_read_nothing(
    app, three, clock, how
):
    first = take(app, "one", number=1)
    if how == "failed":
        app.run_end.fail_unstarted(first.run.run_id)
    else:
        clock.shift(MAX_RUN_TIME)
    if how == "expired":
        app.run_end.expire_overdue()

    again = take(app, "one", number=1, comes_again=True)
    assert (again.run.run_id == first.run.run_id, again.send) == (False, True)
    assert finish(app, again)["counts"]["changed"] == 1


def test_an_event_that_comes_twice_has_one_run(app, three, clock):
    first = take(app, "one", number=1)
    app.run_start.start(first.run.run_id)
    clock.shift(WINDOW)
    for comes_again in (False, True):
        again = take(app, "one", number=1, comes_again=comes_again)
        assert (again.run.run_id, again.send) == (first.run.run_id, False)


def test_what_a_waiting_run_will_read_is_left_to_it(app, three):
    weekly = begin(app)
    taken = take(app, "one", number=1)
    assert (taken.run.run_id, taken.send) == (weekly, False)


def test_a_plan_is_not_joined_and_while_paused_an_event_only_plans(app, three, make_app, clock):
    plan = begin(app, mode=Mode.PLAN)
    taken = take(app, "one", number=1)
    assert taken.run.run_id != plan
    paused = make_app(PAUSED="true")
    planned = take(paused, "two", number=2)
    assert planned.run.run_id == plan
    paused.run_start.start(plan)
    later = take(paused, "two", number=3)
    assert (later.run.request.mode, later.run.started_at) == (Mode.PLAN, START + WINDOW)


def test_what_concerns_no_table_starts_nothing(app, three):
    assert take(app, "unregistered", number=1) == Ignored("it concerns no registered route table")
    assert list(app.runs.list()) == []


@pytest.mark.parametrize("claimed", [True, False])
def test_a_message_that_comes_again_sends_the_start_message_that_may_be_lost(
    app, three, clock, monkeypatch, claimed
):
    """Its worker died: after it had written the run, and before or after the claim."""
    with monkeypatch.context() as patch:
        if not claimed:
            patch.setattr(app.runs, "claim", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                take(app, "one", number=1)
        else:
            take(app, "one", number=1)
    [lost] = app.runs.list()
    assert not take(app, "two", number=2).send  # this event relies on it
    clock.shift(LOST_AFTER + SECOND)
    weekly = begin(app)

    again = take(app, "one", number=1, comes_again=True)
    assert (again.run.run_id, again.send) == (lost.run_id, True)
    assert weekly != lost.run_id
    assert finish(app, again)["counts"]["changed"] == 2
    assert take(app, "one", number=1, comes_again=True).send is False


def test_a_message_that_comes_again_starts_its_run_although_its_own_table_has_gone(app, three):
    """Another event has added its table to the run."""
    first = take(app, "one", number=1)
    take(app, "two", number=2)
    app.registry.delete(rid("one"))
    again = take(app, "one", number=1, comes_again=True)
    assert (again.run.run_id, again.send) == (first.run.run_id, True)


def test_no_other_message_relies_on_a_run_that_may_be_lost(app, three, clock):
    lost = take(app, "one", number=1)
    clock.shift(LOST_AFTER)
    assert take(app, "one", number=2).run.run_id == lost.run.run_id
    clock.shift(SECOND)
    later = take(app, "one", number=3)
    assert (later.run.run_id == lost.run.run_id, later.send) == (False, True)


def test_only_the_message_that_opened_a_run_starts_it(app, three):
    first = take(app, "one", number=1)
    app.run_start.start(first.run.run_id)
    waiting = take(app, "one", number=2)
    assert waiting.run.started_at == START + WINDOW
    for number, again in ((3, False), (4, True), (2, False)):
        other = take(app, "one", number=number, comes_again=again)
        assert (other.run.run_id, other.send) == (waiting.run.run_id, False)
    again = take(app, "one", number=2, comes_again=True)
    assert (again.run.run_id, again.send) == (waiting.run.run_id, True)


def test_of_two_deliveries_at_once_one_sends_the_start_message(app, three, monkeypatch):
    create, others = app.runs.create, list[AlertRun]()

    def overtaken(run):
        monkeypatch.setattr(app.runs, "create", create)
        others.append(take(app, "one", number=1))
        return create(run)

    monkeypatch.setattr(app.runs, "create", overtaken)
    taken = take(app, "one", number=1)
    assert [taken.send, *(other.send for other in others)] == [False, True]
    assert taken.run.run_id == others[0].run.run_id


def test_a_run_whose_row_storage_wrote_with_an_error_is_started(
    app, three, nobody_waits, monkeypatch
):
    """The client then writes the row once more, in vain: the row of its own is there."""
    send, failed = RequestsTransport.send, list[str]()

    def answered(transport, request, **options):
        answer = send(transport, request, **options)
        if request.method == "POST" and request.url.endswith("/SyncRuns") and not failed:
            failed.append(request.url)
            answer.status_code = HTTPStatus.INTERNAL_SERVER_ERROR
        return answer

    list(app.runs.list())  # its table is there
    monkeypatch.setattr(RequestsTransport, "send", answered)
    taken = take(app, "one", number=1)
    assert failed
    assert taken.send


def test_each_table_of_a_run_keeps_who_wrote_it(app, three):
    first = take(app, "one", number=1, callers=frozenset({"ann"}))
    take(app, "two", number=2, callers=frozenset({"bob", "bot"}))
    take(app, "three", number=3)
    request = run_of(app, first).request
    named = [request.writers_of(rid(name)) for name in ("one", "two", "three")]
    assert named == [("ann",), ("bob", "bot"), ()]


def test_all_who_wrote_a_table_are_kept(app, three):
    """One of them may be a pipeline that undoes our changes."""
    first = take(app, "one", number=1, callers=frozenset({"ann"}))
    take(app, "one", number=2, callers=frozenset({"bot"}))
    take(app, "one", "two", number=3, callers=frozenset({"ann", "cy"}))
    before = run_of(app, first)
    take(app, "one", number=4, callers=frozenset({"bot"}))
    assert run_of(app, first) == before
    assert before.request.writers_of(rid("one")) == ("ann", "bot", "cy")
    assert before.request.writers_of(rid("two")) == ("ann", "cy")


def test_many_workers_at_once_have_one_run_for_each_window(azure, app, make_app, clock):
    """On Azurite: two instances, and 32 events in hand. The first run starts in the middle."""
    names = [f"t{number:02}" for number in range(24)]
    for name in names:
        add_table(azure.state, name)
    register(app, *names)
    apps = [app, make_app()]
    first = take(app, names[0], number=0).run.run_id

    def deliver(number):
        return take(apps[number % 2], names[number % len(names)], number=number)

    with ThreadPoolExecutor(32) as threads:
        started = threads.submit(app.run_start.start, first)
        early = [*threads.map(deliver, range(1, 48))]
        started.result()
        late = [*threads.map(deliver, range(48, 96))]

    taken = [*early, *late]
    assert sum(each.send for each in taken) == 1
    runs = {run.run_id: run for run in app.runs.list()}
    [second] = {each.run.run_id for each in late}
    assert runs.keys() == {first, second}
    assert {*runs[second].request.route_tables} == {rid(name) for name in names}
    for run in runs.values():
        assert len({*run.request.route_tables}) == len(run.request.route_tables)
    for number, each in enumerate(taken, 1):
        assert rid(names[number % len(names)]) in runs[each.run.run_id].request.route_tables


def test_that_events_come_is_noted_once_an_hour(app, clock):
    arrivals = Arrivals(app.store.events, app.events.clock)
    assert app.store.events.last() is None
    for after, noted in ((SECOND, SECOND), (SECOND, SECOND), (NOTED_FOR, NOTED_FOR + 2 * SECOND)):
        clock.shift(after)
        arrivals.note()
        assert app.store.events.last() == START + noted
    clock.shift(-2 * NOTED_FOR)
    arrivals.note()
    assert app.store.events.last() == START + 2 * SECOND - NOTED_FOR
