"""Clocks in the hands of a test."""


class SteppedClock:
    """The time as a test sets it, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds
