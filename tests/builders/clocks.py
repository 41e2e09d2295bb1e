"""Time in the hands of a test: a clock, and a question that takes as long as the test wants."""

import threading

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
