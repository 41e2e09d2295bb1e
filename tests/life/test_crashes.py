"""A worker killed at any call: the next delivery heals it, and nothing is done or said twice."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.app import App
from tests.builders.azure import add_table, table_writes, tag_document
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, begin, register, run_report
from tests.calls import Killed, in_hand

# It runs again and again what others cover, and is faster if its coverage is not measured.
pytestmark = pytest.mark.no_cover

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"

type Message = Callable[[], list[Message]]


class Queue:
    """The host's: a message goes when its function has returned, and what it sends comes then."""

    def __init__(self, first: Message) -> None:
        self.waiting = [first]
        self.done: list[Message] = []

    def deliver(self) -> None:
        while self.waiting:
            sent = self.waiting[0]()
            self.done.append(self.waiting.pop(0))
            self.waiting += sent


def start_message(app: App, run_id: str) -> Message:
    def table_message(table: Any) -> Message:
        def deliver() -> list[Message]:
            app.tables.sync(run_id, table)
            return []

        return deliver

    return lambda: [table_message(table) for table in app.run_start.start(run_id)]


@contextmanager
def killed_at(call: int, *, after: bool) -> Iterator[None]:
    """Die before or after the effect of the n-th HTTP call, to ARM or to storage."""
    calls = itertools.count(1)

    def strike(_request: object) -> None:
        if next(calls) == call:
            raise Killed

    def pass_by(_request: object) -> None:
        return

    with in_hand(pass_by, strike) if after else in_hand(strike, pass_by):
        yield


def deliver_although_killed(app: App, run_id: str, call: int, *, after: bool) -> bool:
    """Whether there was such a call; then every message once more, for nothing."""
    queue = Queue(start_message(app, run_id))
    died = False
    try:
        with killed_at(call, after=after):
            queue.deliver()
    except Killed:
        died = True
        queue.deliver()
    queue.waiting = list(queue.done)
    queue.deliver()
    return died


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_a_run_is_healed_by_the_next_delivery(azure, azurite, make_app, after):
    call = 1
    while _killed_and_healed(azure, make_app(AzureWebJobsStorage=azurite()), call, after):
        call += 1
    assert call > 30


def _killed_and_healed(azure, app: App, call: int, after: bool) -> bool:
    where = f"killed at call {call}"
    one = add_table(azure.state, "one", [to_firewall(), owned(C)])
    two = add_table(azure.state, "two", [to_firewall(A, "mine")])
    azure.state.tags.answers["westeurope"] = tag_document([A, B])
    register(app, "one", "two")
    run_id = begin(app)
    azure.state.log.clear()
    died = deliver_although_killed(app, run_id, call, after=after)

    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"]) == ("Failed", None), where  # two has a conflict
    assert whole["counts"]["changed"] == whole["counts"]["conflict"] == 1, where
    [changed] = [o for o in whole["outcomes"] if o["status"] == "changed"]
    assert (changed["added"], changed["removed"]) == ([A, B], [C]), where
    assert owned_prefixes(one) == {A, B}, where
    assert owned_prefixes(two) == {B}, where
    assert two.routes[0] == to_firewall(A, "mine"), where
    assert len(table_writes(azure.state)) == 2, where
    assert len(app.versions.history(TAG)) == 1, where
    return died
