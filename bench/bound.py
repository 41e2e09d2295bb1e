"""The bound of a run's time: Azure's latency and throttling, the queue's hops and the lanes."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from math import ceil
from random import Random

from local.azure.state import State
from local.azure.throttles import Limits
from shared.arm.writes import FIRST_POLL_SECONDS

from .lanes import first_look, time_of_queue
from .world import READ_SECONDS, WRITE_SECONDS

_TAG_READS = 6
"""There are two locations with three pages each."""
_RUNS = 200
"""The bound is the mean of so many runs, because operations and the waits for polls vary."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound in Azure's own seconds. `by` names its cause: latency, reads or writes."""

    seconds: float
    by: str


def bound(tables: int, *, subscriptions: int, workers: int, state: State) -> Bound:
    """Return the bound of a run that changes every table, and that idle workers begin."""
    draw = Random(1)
    writes = _Writes(state, draw)
    hops = statistics.mean(first_look(workers, draw) for _ in range(_RUNS))
    hops += _TAG_READS * READ_SECONDS
    latency = statistics.mean(
        time_of_queue(tables, workers=workers, seconds_of_one=writes.seconds, draw=draw)
        for _ in range(_RUNS)
    )

    # Each subscription has its own buckets.
    limits = state.throttles.limits
    most_tables = ceil(tables / subscriptions)
    bounds = [
        Bound(hops + latency, "latency"),
        Bound(hops + _seconds_to_refill(limits, "read", writes.reads * most_tables), "reads"),
        Bound(hops + _seconds_to_refill(limits, "write", most_tables), "writes"),
    ]
    return max(bounds, key=lambda bound: bound.seconds)


class _Writes:
    """Draws what one table needs: a read, a write, polls until its operation has ended, a read."""

    def __init__(self, state: State, draw: Random) -> None:
        self._operation_seconds = state.timing.operation_seconds
        self._asked = state.poll_seconds
        self._draw = draw
        self.reads = statistics.mean(2 + polls for _, polls in self._many())

    def seconds(self) -> float:
        waits, polls = self._waits_and_polls()
        return waits + (2 + polls) * READ_SECONDS + WRITE_SECONDS

    def _many(self) -> Iterator[tuple[float, int]]:
        return (self._waits_and_polls() for _ in range(10_000))

    def _waits_and_polls(self) -> tuple[float, int]:
        """Return the time until a poll shows the end of an operation, and the number of polls."""
        ended_after = self._draw.uniform(*self._operation_seconds)
        polls = enumerate(chain([FIRST_POLL_SECONDS], count(self._asked, self._asked)), 1)
        return next((at, number) for number, at in polls if at >= ended_after)


def _seconds_to_refill(limits: Limits, kind: str, requests: float) -> float:
    """Return how long a full bucket needs to let these requests pass."""
    bucket = limits.buckets[kind]
    return max(0, requests - bucket.tokens) / bucket.per_second
