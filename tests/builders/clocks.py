"""Time in the hands of a test: a clock, and a question that takes as long as the test wants."""

import threading
import time
from collections.abc import Callable

LONGEST_SECONDS = 30


class SteppedClock:
    """The time as a test sets it, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Slow:
    """A question that is not answered before it may be."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self.begun, self.may_end = threading.Event(), threading.Event()
        self._error = error

    def __call__(self) -> int:
        self.asked += 1
        self.begun.set()
        assert self.may_end.wait(LONGEST_SECONDS)
        if self._error:
            raise self._error
        return self.asked


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds. The test fails if that takes too long."""
    ends = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)
