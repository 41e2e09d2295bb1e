"""Deliveries of messages: killed at any call, or two at once in any order of their calls."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from shared.domain.errors import RouteSyncError
from tests.calls import Killed, in_hand

type Work = Callable[[], None]
type Before = Callable[[Any], None]


class Worker:
    """Does one piece of work; where told to, it dies at its n-th call, before or after it, or after
    the first call that it `dies_of`.
    """

    def __init__(
        self,
        work: Work,
        *,
        dies_at: int | None = None,
        after: bool = False,
        dies_of: Callable[[Any], bool] | None = None,
    ) -> None:
        self._work = work
        self._dies_at = dies_at
        self._after = after
        self._dies_of = dies_of
        self._calls = 0
        self.done = False

    def run(self) -> None:
        with suppress(RouteSyncError, Killed):
            self._work()
            self.done = True

    def before_call(self) -> None:
        self._calls += 1
        self._strike(after=False)

    def after_call(self, request: Any) -> None:
        if self._dies_of is not None and self._dies_of(request):
            raise Killed
        self._strike(after=True)

    def _strike(self, *, after: bool) -> None:
        if self._calls == self._dies_at and after is self._after:
            raise Killed


def run_alone(worker: Worker, before: Before) -> None:
    def first(request: Any) -> None:
        worker.before_call()
        before(request)

    with in_hand(first, worker.after_call):
        worker.run()


def run_both(
    one: Worker, two: Worker, turns: Sequence[bool], before: Callable[[Worker, Any], None]
) -> None:
    """Let one call of one of them happen at a time, in this order: True is the first's turn."""
    threads = {worker: _Turn(worker) for worker in (one, two)}
    by_thread = {turn.ident: turn for turn in threads.values()}

    def first(request: Any) -> None:
        turn = by_thread[threading.get_ident()]
        turn.pass_on()
        turn.worker.before_call()
        before(turn.worker, request)

    def last(request: Any) -> None:
        by_thread[threading.get_ident()].worker.after_call(request)

    with in_hand(first, last):
        order = iter(turns)
        while alive := [turn for turn in threads.values() if not turn.ended]:
            wanted = threads[one] if next(order, True) else threads[two]
            (wanted if wanted in alive else alive[0]).take()


class _Turn:
    """A thread that moves only while it is its turn: from one call to the next."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.ended = False
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._thread.ident is not None
        self.ident = self._thread.ident

    def take(self) -> None:
        self._go.release()
        self._stopped.acquire()

    def pass_on(self) -> None:
        self._stopped.release()
        self._go.acquire()

    def _run(self) -> None:
        self._go.acquire()
        try:
            self.worker.run()
        finally:
            self.ended = True
            self._stopped.release()
