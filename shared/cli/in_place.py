"""Carry out a run in this process: a few threads stand for the queues."""

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from .. import workers
from ..app import app
from ..domain import codes
from ..domain.armid import RouteTableId
from ..domain.errors import TransientError
from ..domain.findings import Finding
from ..messages import RunMessage, TableMessage
from .contact import CUT_OFF
from .interruption import Abandoned, Interrupted, noted

LANES = 8
"""This many tables are written at a time."""
DELIVERIES = 5
"""After so many attempts a passing error counts as a lasting one, as with the queue."""
SECONDS_BETWEEN = 15
SECONDS_UNHEARD = 0.1
"""A signal that comes while the command waits for its tables is heard after so long at most."""
_INTERRUPTED = Finding(codes.INTERRUPTED, "interrupted at the command line")


class Watch(Protocol):
    """Sees how far a run has come."""

    def show_total(self, tables: int) -> None:
        """Take the number of tables that the run has."""

    def show_table(self, message: TableMessage) -> None:
        """Take each message after it was delivered."""

    def show_stopping(self, begun: int) -> None:
        """Take the number of tables that are under way when the run is stopped."""


def carry_out(run_id: str, watch: Watch) -> None:
    """Deliver the messages of this run as the queues would, until it has ended.

    If somebody interrupts, the tables that are under way are brought to their end, and no other
    table begins. The run fails, and Interrupted is raised. If somebody interrupts once more, what
    is under way is left behind, and Abandoned is raised.

    The run is stopped in the same way if storage or Azure cannot be used any more.
    """
    delivery = _Delivery(run_id, watch)
    try:
        delivery.deliver()
    except TransientError as error:
        delivery.stop(Finding.of(error))
    except Exception as error:
        delivery.stop_if_possible(Finding.of(error))
        raise
    except Interrupted:
        delivery.stop(_INTERRUPTED)
        raise


def end_interrupted(run_id: str) -> None:
    """End the run if it has not ended. Nobody else goes on with a run of the command line.

    A signal may come before `carry_out` begins, and once more while it ends the run.
    """
    _end_run(run_id, _INTERRUPTED)


def _end_run(run_id: str, error: Finding, under_way: Collection[RouteTableId] = ()) -> None:
    run = app().runs.get(run_id)
    if run is not None:
        app().run_end.stop(run, error, under_way)


@dataclass(slots=True)
class _Delivery:
    """The messages of one run. `hurried` is set if nobody waits for a next attempt any more."""

    run_id: str
    watch: Watch
    lanes: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(LANES))
    waiting: dict[Future[workers.Messages], str] = field(default_factory=dict)
    hurried: threading.Event = field(default_factory=threading.Event)

    def deliver(self) -> None:
        messages = self._started()
        self.watch.show_total(sum(1 + len(TableMessage.parse(text).then) for text in messages))

        with noted() as signals:
            self._submit(messages)
            while self.waiting and not signals:
                done, _ = wait(self.waiting, SECONDS_UNHEARD, FIRST_COMPLETED)
                for future in done:
                    self._take(future)
        self.lanes.shutdown()

    def stop(self, error: Finding) -> None:
        """Let the tables under way end, and end the run with this error."""
        try:
            self._end_what_has_begun()
        except Interrupted:
            with suppress(Interrupted):
                self._end_run(error)
            raise Abandoned from None
        self._end_run(error)
        self._tell(str(RunMessage(self.run_id)))

    def stop_if_possible(self, error: Finding) -> None:
        """Stop after an error that nobody foresaw: nobody goes on with a run of the command line.

        If storage does not let it be stopped, that error is still the one to tell.
        """
        with suppress(Exception):
            self.stop(error)

    def _started(self) -> Sequence[str]:
        """Start the run, or bring its task to the end. Return the messages of its tables."""
        start = str(RunMessage(self.run_id))
        try:
            while (sent := self._persistently(lambda: workers.start_run(start))).run is not None:
                pass
        except TransientError as error:
            if error.code in CUT_OFF:
                raise
            return workers.start_run_without_tags(start)
        for other in sent.others:
            self._tell(other)
        return sent.later

    def _submit(self, messages: Sequence[str]) -> None:
        for text in messages:
            self.waiting[self.lanes.submit(self._delivered, text)] = text

    def _take(self, future: Future[workers.Messages]) -> None:
        """Go on with what follows from a message that was delivered."""
        text, sent = self.waiting.pop(future), future.result()
        self._submit(sent.later)
        self.watch.show_table(TableMessage.parse(text))
        if sent.run is not None:
            self._tell(sent.run)

    def _tell(self, run_message: str) -> None:
        # If the webhook does not answer now, the daily check tries again.
        with suppress(TransientError):
            workers.start_run(run_message)

    def _end_what_has_begun(self) -> None:
        self.hurried.set()
        self.lanes.shutdown(wait=False, cancel_futures=True)
        begun = [future for future in self.waiting if not future.done()]
        # If the terminal has gone, the tables still have to be ended.
        with suppress(OSError):
            self.watch.show_stopping(len(begun))
        wait(begun)

    def _end_run(self, error: Finding) -> None:
        under_way = [text for future, text in self.waiting.items() if not future.done()]
        tables = {TableMessage.parse(text).route_table_id for text in under_way}
        _end_run(self.run_id, error, tables)

    def _delivered(self, text: str) -> workers.Messages:
        try:
            return self._persistently(lambda: workers.sync_route_table(text))
        except TransientError as error:
            # If nobody waits, the end of the run says what became of the table.
            if self.hurried.is_set():
                return workers.Messages()
            if error.code in CUT_OFF:
                raise
            return workers.fail_poisoned_route_table(text)

    def _persistently[T](self, attempt: Callable[[], T]) -> T:
        for _ in range(DELIVERIES - 1):
            try:
                return attempt()
            except TransientError:
                if self.hurried.wait(SECONDS_BETWEEN):
                    break
        return attempt()
