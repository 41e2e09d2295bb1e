"""The bound of a run's time: Azure's latency and throttling, and the waits for the queues."""

import math
from dataclasses import dataclass, replace
from itertools import chain, count

from local.azure.state import State
from local.azure.throttles import Limits
from shared.arm.writes import FIRST_POLL_SECONDS

from .world import LANES, OPERATION_SECONDS, POLL_SECONDS, READ_SECONDS, WRITE_SECONDS

_TAG_READS = 6
"""There are two locations with three pages each."""
_HOPS = 2
"""The start message and the first message of a table each wait until a worker looks."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound in Azure's own seconds. `by` names its cause: latency, reads or writes."""

    seconds: float
    by: str


def bound(tables: int, *, subscriptions: int, workers: int, state: State) -> Bound:
    """Return the bound of a run that changes every table, and that idle workers begin."""
    # A table is read before its write, and again when a poll has shown its end. In the last wave
    # some table takes longest.
    waits, polls = _mean_waits_and_polls(state.poll_seconds)
    requests = (2 + polls) * READ_SECONDS + WRITE_SECONDS
    waves = math.ceil(tables / (LANES * workers))
    latency = (
        _TAG_READS * READ_SECONDS + waves * requests + (waves - 1) * waits + state.poll_seconds
    )

    # Each subscription has its own buckets.
    limits = state.throttles.limits
    most_tables = math.ceil(tables / subscriptions)
    bounds = [
        Bound(latency, "latency"),
        Bound(_seconds_to_refill(limits, "read", (2 + polls) * most_tables), "reads"),
        Bound(_seconds_to_refill(limits, "write", most_tables), "writes"),
    ]
    longest = max(bounds, key=lambda bound: bound.seconds)

    # Idle workers look at moments that have nothing to do with each other.
    waits = _HOPS * POLL_SECONDS / (workers + 1)
    return replace(longest, seconds=longest.seconds + waits)


def _mean_waits_and_polls(asked: float) -> tuple[float, float]:
    """Return how long a table waits until a poll shows the end of its write, and how many polls
    that takes. Each length of an operation is equally likely.
    """
    shortest, longest = OPERATION_SECONDS
    waits = polls = before = 0.0
    for number, at in enumerate(chain([FIRST_POLL_SECONDS], count(asked, asked)), 1):
        ended = max(0.0, min(at, longest) - max(before, shortest)) / (longest - shortest)
        waits, polls, before = waits + ended * at, polls + ended * number, at
        if at >= longest:
            break
    return waits, polls


def _seconds_to_refill(limits: Limits, kind: str, requests: float) -> float:
    """Return how long a full bucket needs to let these requests pass."""
    bucket = limits.buckets[kind]
    return max(0, requests - bucket.tokens) / bucket.per_second
