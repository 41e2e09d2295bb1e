"""Carry out a run in this process: a few threads stand for the queues."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress

from .. import workers
from ..app import app
from ..domain import codes
from ..domain.errors import TransientError
from ..domain.findings import Finding
from ..messages import RunMessage, TableMessage

LANES = 8
"""This many tables are written at a time."""
DELIVERIES = 5
"""After so many attempts a passing error counts as a lasting one, as with the queue."""
SECONDS_BETWEEN = 15

type OnTables = Callable[[int], None]
"""Take the number of tables that a run has."""
type OnDelivered = Callable[[TableMessage], None]
"""Take each message after it was delivered."""


def carry_out(run_id: str, on_tables: OnTables, on_delivered: OnDelivered) -> None:
    """Deliver the messages of this run as the queues would, until it has ended.

    If a person interrupts, the tables that have begun are brought to their end, and the run fails.
    """
    lanes = ThreadPoolExecutor(LANES)
    try:
        messages = _started(run_id)
        on_tables(sum(1 + len(TableMessage.parse(text).then) for text in messages))
        _tell(_settled(lanes, messages, on_delivered))

    except KeyboardInterrupt:
        lanes.shutdown(cancel_futures=True)
        _interrupt(run_id)
        raise
    finally:
        lanes.shutdown(cancel_futures=True)


def _tell(run_messages: Iterable[str]) -> None:
    for text in run_messages:
        # If the webhook does not answer now, the daily check tries again.
        with suppress(TransientError):
            workers.start_run(text)


def _interrupt(run_id: str) -> None:
    run = app().runs.get(run_id)
    if run is not None:
        app().run_end.fail(run, Finding(codes.INTERRUPTED, "interrupted at the command line"))


def _started(run_id: str) -> Sequence[str]:
    """Start the run, or bring its task to the end. Return the messages of its tables."""
    start = str(RunMessage(run_id))
    try:
        while (sent := _persistently(lambda: workers.start_run(start))).run is not None:
            pass
    except TransientError:
        return workers.start_run_without_tags(start)
    return sent.later


def _settled(
    lanes: ThreadPoolExecutor, messages: Sequence[str], on_delivered: OnDelivered
) -> Iterator[str]:
    """Yield the message of the run if it has ended and people are to be told."""
    waiting = {lanes.submit(_delivered, text): text for text in messages}
    while waiting:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            text, sent = waiting.pop(future), future.result()
            waiting |= {lanes.submit(_delivered, later): later for later in sent.later}
            on_delivered(TableMessage.parse(text))
            if sent.run is not None:
                yield sent.run


def _delivered(text: str) -> workers.Messages:
    try:
        return _persistently(lambda: workers.sync_route_table(text))
    except TransientError:
        return workers.fail_poisoned_route_table(text)


def _persistently[T](attempt: Callable[[], T]) -> T:
    for _ in range(DELIVERIES - 1):
        try:
            return attempt()
        except TransientError:
            time.sleep(SECONDS_BETWEEN)
    return attempt()
