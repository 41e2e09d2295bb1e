"""An alert starts one run, however often it comes and whatever dies in between."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from operator import methodcaller

import pytest

from shared.domain.registry.contest import BETWEEN_WRITES, MOST_UNDONE, Undoing
from shared.domain.registry.status import TableNews
from shared.domain.runs.alert import Alert, Ignored
from shared.domain.runs.run import Mode, RunRequest, Trigger
from shared.sync.run.intake import LOST_AFTER, MOST_SUBSCRIPTIONS, AlertRun
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, add_table, rid, table_id
from tests.builders.runs import START, begin, register, run_report, sync

SECOND = timedelta(seconds=1)


@pytest.fixture
def two(azure, app, clock):
    for name in ("one", "two"):
        add_table(azure.state, name)
    register(app, "one", "two")


def alert(*names, number=1, **known):
    return Alert("rule", tuple(table_id(name).lower() for name in names), str(number), **known)


def take(app, wanted):
    return app.alerts.take(wanted, b"")


def asked(app, taken):
    return [i.name for i in app.runs.get(taken.run.run_id).request.route_tables]


def test_the_runs_id_is_derived_from_the_instance(app, two):
    first = take(app, alert("one", number=1))
    other = take(app, alert("two", number=2))
    assert first.send and other.send
    assert first.run.run_id[-8:] != other.run.run_id[-8:]
    assert take(app, alert("one", number=1)).run.run_id == first.run.run_id


def test_a_run_keeps_who_prompted_it(app, two):
    taken = take(app, alert("one", callers=frozenset({"pipeline@example"})))
    run = app.runs.get(taken.run.run_id)
    assert run.request.writers_of(rid("one")) == ("pipeline@example",)
    assert run.request.reason == "alert rule"


def test_what_a_waiting_run_will_read_is_left_to_it(app, two):
    first = take(app, alert("one", "two", number=1))
    for number, names in ((2, ["one"]), (3, ["two"]), (4, ["one", "two"])):
        joined = take(app, alert(*names, number=number))
        assert (joined.run.run_id, joined.send) == (first.run.run_id, False)
    assert len(list(app.runs.list())) == 1
    app.run_start.start(first.run.run_id)
    later = take(app, alert("one", number=5))
    assert later.run.run_id != first.run.run_id
    assert take(app, alert("one", number=2)).run.run_id == first.run.run_id


def test_a_run_of_fewer_tables_is_not_joined(app, two):
    first = take(app, alert("one", number=1))
    both = take(app, alert("one", "two", number=2))
    everything = take(app, alert(number=3))
    assert len({first.run.run_id, both.run.run_id, everything.run.run_id}) == 3
    assert take(app, alert("two", number=4)).run.run_id in {both.run.run_id, everything.run.run_id}


def test_a_plan_or_an_approval_is_not_joined(app, two):
    plan = sync(app, mode=Mode.PLAN)["runId"]
    waiting = {begin(app, mode=Mode.PLAN), begin(app, plan_run_id=plan)}
    assert take(app, alert("one")).run.run_id not in waiting


def test_nobody_relies_on_a_run_of_the_command_line_or_starts_it(app, two, clock):
    """If somebody presses Ctrl-C, it ends before it has read a table."""
    run_id = app.create_run(RunRequest(Trigger.CLI, Mode.APPLY)).run_id
    taken = [app.events.take(alert("one", number=1), b"", comes_again=False)]
    taken.append(take(app, alert("two", number=2)))
    clock.shift(LOST_AFTER + SECOND)
    taken.append(take(app, alert("one", "two", number=3)))
    assert run_id not in {each.run.run_id for each in taken}


def test_the_weekly_run_that_waits_is_joined(app, two):
    weekly = begin(app)
    taken = take(app, alert("one"))
    assert (taken.run.run_id, taken.send) == (weekly, False)


@pytest.mark.parametrize(("later", "sent"), [(LOST_AFTER, False), (LOST_AFTER + SECOND, True)])
def test_a_start_message_that_may_be_lost_is_sent_again(app, two, clock, later, sent):
    first = take(app, alert("one", number=1))
    clock.shift(later)
    assert take(app, alert("one", number=1)).send is sent
    assert take(app, alert("one", number=2)).send is sent
    app.run_start.start(first.run.run_id)
    clock.shift(later)
    assert take(app, alert("one", number=1)).send is False


def test_a_run_that_began_while_the_clock_ran_ahead_keeps_no_alert_waiting(app, two, clock):
    clock.shift(timedelta(days=400))
    lost = take(app, alert("one", number=1))
    clock.shift(timedelta(days=-400))
    assert take(app, alert("one", number=1)).send is True
    taken = take(app, alert("one", number=2))
    assert (taken.run.run_id == lost.run.run_id, taken.send) == (False, True)


def test_killed_before_the_run_was_written_the_next_delivery_writes_it(
    app, two, clock, monkeypatch
):
    with monkeypatch.context() as patch:
        interrupted = replace(app.alerts, create_run=lambda *_: 1 / 0)
        patch.setattr(app, "alerts", interrupted)
        with pytest.raises(ZeroDivisionError):
            take(app, alert("one"))
    clock.shift(SECOND)
    taken = take(app, alert("one"))
    assert taken.send
    for table in app.run_start.start(taken.run.run_id):
        app.tables.sync(taken.run.run_id, table)
    assert run_report(app, taken.run.run_id)["counts"]["changed"] == 1
    assert len(list(app.runs.list())) == 1


def test_of_two_deliveries_at_once_one_run_comes(app, two, clock, monkeypatch):
    """The other one comes in between, when nobody had claimed it yet."""
    claim = app.runs.claim
    others = []

    def overtaken(instance, run_id):
        monkeypatch.setattr(app.runs, "claim", claim)
        clock.shift(SECOND)
        others.append(take(app, alert("one")))
        return claim(instance, run_id)

    monkeypatch.setattr(app.runs, "claim", overtaken)
    taken = take(app, alert("one"))
    assert others[0].send
    assert (taken.run.run_id, taken.send) == (others[0].run.run_id, False)
    assert len(list(app.runs.list())) == 1


@pytest.mark.parametrize("count", [MOST_SUBSCRIPTIONS, MOST_SUBSCRIPTIONS + 1])
def test_targets_in_many_subscriptions_find_what_they_concern(app, two, count):
    register(app, table_id("three", OTHER_SUBSCRIPTION))
    others = [f"/subscriptions/{n:08}-0000-4000-8000-000000000000" for n in range(count - 1)]
    group = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-one"
    assert asked(app, take(app, Alert("rule", (*others, group), "1"))) == ["one"]
    none = Ignored("it concerns no registered route table")
    assert take(app, Alert("rule", tuple(others), "2")) == none


def test_an_event_about_a_contested_table_starts_no_run_while_the_table_waits(app, two, clock):
    """A pipeline may write it every few seconds, and each run would be blocked and fail."""

    def come(number):
        event = app.events.take(alert("one", number=number), b"", comes_again=False)
        return event, take(app, alert("one", number=number + 1))

    for number in range(MOST_UNDONE):
        undoing = Undoing(START, f"run {number}", ("pipeline@example",))
        undo = methodcaller("with_undoing", undoing=undoing, owned=frozenset())
        app.registry.change(rid("one"), undo)
    assert app.registry.get(rid("one")).status.contest.since is not None

    reason = "its route table is contested, and was repaired within the last hour"
    event, asked_for = come(1)
    assert event == Ignored(reason)
    assert asked(app, asked_for) == ["one"]
    app.run_start.start(asked_for.run.run_id)
    both = take(app, alert("one", "two", number=3))
    assert asked(app, both) == ["one", "two"]
    app.run_start.start(both.run.run_id)

    clock.move_to(START + BETWEEN_WRITES)
    assert all(isinstance(each, AlertRun) for each in come(4))


def test_a_table_on_more_subnets_than_are_looked_at_may_be_on_any(app, two):
    network = (
        f"/subscriptions/{SUBSCRIPTION}/resourcegroups/g"
        "/providers/microsoft.network/virtualnetworks/v"
    )
    names = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(2000)]  # incompressible
    subnets = frozenset(f"{network}/subnets/{name}" for name in names)
    for name, found in (("one", subnets), ("two", frozenset())):
        app.registry.change(rid(name), methodcaller("with_news", TableNews(subnet_ids=found)))
    assert app.registry.get(rid("one")).status.subnet_ids == subnets
    assert asked(app, take(app, Alert("rule", (f"{network}x",), "1"))) == ["one"]
