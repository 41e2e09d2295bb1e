"""Messages as the host's queue delivers them, to workers that may die at any call."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.app import App
from shared.domain.armid import RouteTableId
from tests.calls import Killed, in_hand, pass_by

type Message = Callable[[], list[Message]]


class Queue:
    """The host's queue: a function's messages come when it has returned."""

    def __init__(self, first: Message) -> None:
        self.waiting = [first]
        self.done: list[Message] = []

    def deliver(self) -> None:
        while self.waiting:
            sent = self.waiting[0]()
            self.done.append(self.waiting.pop(0))
            self.waiting += sent


def start_message(app: App, run_id: str) -> Message:
    def table_message(table: RouteTableId) -> Message:
        def deliver() -> list[Message]:
            app.tables.sync(run_id, table)
            return []

        return deliver

    def start() -> list[Message]:
        if app.task_runs.go_on(run_id):
            return [start]
        return [table_message(table) for table in app.run_start.start(run_id)]

    return start


@contextmanager
def killed_at(call: int, *, after: bool) -> Iterator[None]:
    """Die before or after the effect of the n-th HTTP call, to ARM or to storage."""
    calls = itertools.count(1)

    def strike(_request: object) -> None:
        if next(calls) == call:
            raise Killed

    with in_hand(pass_by, strike) if after else in_hand(strike, pass_by):
        yield


def deliver_although_killed(app: App, run_id: str, call: int, *, after: bool) -> bool:
    """Deliver a run whose worker dies at this call; then deliver every message once more, in vain.

    Return whether there was such a call.
    """
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


def first_call_without_a_death(attempt: Callable[[int], bool]) -> int:
    """Let the worker die at the first call, then at the second one, until there is no such call.

    `attempt` gets the number of the call, and returns whether there was one.
    """
    return next(call for call in itertools.count(1) if not attempt(call))
