"""The time that one invocation may take, which every call, wait and retry of it keeps to.

If a function exceeds the `functionTimeout` of host.json, the host kills the worker with everything
that it has in hand. So an invocation ends itself well before, and its message goes back to the
queue.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from .domain import codes
from .domain.errors import TransientError

LONGEST_INVOCATION_SECONDS = 200.0
"""A write of a route table is followed for at most 120 s, and all before and after it is short. The
front end of Azure answers an HTTP caller with an error after 230 s.
"""
RESERVE_SECONDS = 30.0
"""Storage may be used for so much longer, because what has happened is still to be recorded."""
GIVEN_UP_AFTER_SECONDS = 240.0
"""By then the last call has ended, unless something hangs that keeps to no limit."""

type Seconds = Callable[[], float]
"""A clock that only ever goes forward."""


@dataclass(frozen=True, slots=True)
class _Deadline:
    at: float
    now: Seconds


_current: ContextVar[_Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def time_limit(seconds: float, now: Seconds = time.monotonic) -> Iterator[None]:
    """Let everything within, in this thread, end after so much time. An earlier limit stays."""
    earlier = seconds_left() < seconds
    token = _current.set(_current.get() if earlier else _Deadline(now() + seconds, now))
    try:
        yield
    finally:
        _current.reset(token)


def seconds_left() -> float:
    """Return the time until the deadline, infinite without one and negative after it."""
    current = _current.get()
    return float("inf") if current is None else current.at - current.now()


def out_of_time() -> TransientError:
    return TransientError(
        codes.OUT_OF_TIME, "the invocation has no time left: its message goes back to the queue"
    )
