"""Messages as the host's queue delivers them, to workers that may die at any call.

A call that only reads changes nothing outside of its worker. So a worker that dies at a read leaves
behind what it leaves if it dies before its next write, or after its last one, and the workers here
die at writes only.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared.app import App
from shared.domain.armid import RouteTableId
from tests.calls import Killed, in_hand, pass_by

type Message = Callable[[App], list[Message]]


class Queue:
    """The host's queue: a function's messages come when it has returned."""

    def __init__(self, first: Message) -> None:
        self.waiting = [first]
        self.done: list[Message] = []

    def deliver(self, app: App) -> None:
        while self.waiting:
            sent = self.waiting[0](app)
            self.done.append(self.waiting.pop(0))
            self.waiting += sent


def start_message(run_id: str) -> Message:
    def table_message(table: RouteTableId) -> Message:
        def deliver(app: App) -> list[Message]:
            app.tables.sync(run_id, table)
            return []

        return deliver

    def start(app: App) -> list[Message]:
        if app.task_runs.go_on(run_id):
            return [start]
        return [table_message(table) for table in app.run_start.start(run_id)]

    return start


@contextmanager
def killed_at(write: int, *, after: bool) -> Iterator[None]:
    """Die before or after the effect of the n-th HTTP call that writes, to ARM or to storage."""
    writes = itertools.count(1)

    def strike(request: Any) -> None:
        if request.method != "GET" and next(writes) == write:
            raise Killed

    with in_hand(pass_by, strike) if after else in_hand(strike, pass_by):
        yield


def deliver_although_killed(app: App, run_id: str, write: int, *, after: bool) -> bool:
    """Deliver a run whose worker dies at this write. A worker that knows nothing of the dead one
    goes on. Then deliver every message once more, in vain.

    Return whether there was such a write.
    """
    queue = Queue(start_message(run_id))
    died = False
    try:
        with killed_at(write, after=after):
            queue.deliver(app)
    except Killed:
        died = True
        app = App(app.settings)
        queue.deliver(app)
    queue.waiting = list(queue.done)
    queue.deliver(app)
    return died


def first_write_without_a_death(attempt: Callable[[int], bool]) -> int:
    """Let the worker die at the first write, then at the second one, until there is no such write.

    `attempt` gets the number of the write, and returns whether there was one.
    """
    return next(write for write in itertools.count(1) if not attempt(write))
