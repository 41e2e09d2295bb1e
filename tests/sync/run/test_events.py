"""Events are collected in windows: at most one run in each, and no event is lost."""

from datetime import timedelta

import pytest

from shared.domain.runs.alert import Alert
from shared.sync.run.events import WINDOW
from shared.sync.run.intake import LOST_AFTER
from tests.builders.azure import add_table, table_id
from tests.builders.runs import START, begin, register

SECOND = timedelta(seconds=1)


@pytest.fixture
def three(azure, app, clock):
    for name in ("one", "two", "three"):
        add_table(azure.state, name)
    register(app, "one", "two", "three")


def take(app, *names, number, comes_again=False, **known):
    event = Alert("write", tuple(table_id(name).lower() for name in names), str(number), **known)
    return app.events.take(event, b"", comes_again=comes_again)


def tables_of(app, taken):
    return [each.name for each in app.runs.get(taken.run.run_id).request.route_tables]


def test_the_first_event_starts_its_run_at_once_and_others_are_added_to_it(app, three, clock):
    clock.shift(SECOND)
    first = take(app, "one", number=1)
    assert (first.send, first.run.started_at) == (True, START + SECOND)
    for number, names in ((2, ["two"]), (3, ["one"]), (4, ["two", "three"])):
        added = take(app, *names, number=number)
        assert (added.run.run_id, added.send) == (first.run.run_id, False)
    assert tables_of(app, first) == ["one", "two", "three"]
    assert len(list(app.runs.list())) == 1
    assert len(app.run_start.start(first.run.run_id)) == 3


def test_what_comes_after_the_start_waits_for_the_next_window(app, three, clock):
    first = take(app, "one", number=1)
    app.run_start.start(first.run.run_id)
    clock.shift(SECOND)
    second = take(app, "one", number=2)
    assert (second.send, second.run.started_at) == (True, START + WINDOW)
    third = take(app, "two", number=3)
    assert (third.run.run_id, third.send) == (second.run.run_id, False)
    assert tables_of(app, second) == ["one", "two"]
    app.run_start.start(second.run.run_id)  # by an instance whose clock runs ahead
    assert take(app, "one", number=4).run.started_at == START + 2 * WINDOW


def test_an_event_that_comes_twice_has_one_run(app, three, clock):
    first = take(app, "one", number=1)
    app.run_start.start(first.run.run_id)
    clock.shift(WINDOW)
    again = take(app, "one", number=1, comes_again=True)
    assert (again.run.run_id, again.send) == (first.run.run_id, False)


def test_what_a_waiting_run_will_read_is_left_to_it(app, three):
    weekly = begin(app)
    taken = take(app, "one", number=1)
    assert (taken.run.run_id, taken.send) == (weekly, False)


@pytest.mark.parametrize("number", [1, 2], ids=["claimed", "not claimed"])
def test_only_a_message_that_comes_again_sends_a_start_message_that_may_be_lost(
    app, three, clock, number
):
    lost = take(app, "one", number=1)
    clock.shift(LOST_AFTER + SECOND)
    other = take(app, "one", number=3)
    assert other.send and other.run.run_id != lost.run.run_id
    again = take(app, "one", number=number, comes_again=True)
    assert again.send == (number == 1)
