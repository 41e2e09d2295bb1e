"""The bound of a run's time: Azure's latency and throttling, and the waits for the queues."""

import math
from dataclasses import dataclass, replace

from local.azure.state import State
from local.azure.throttles import Limits

from .world import LANES, POLL_SECONDS, READ_SECONDS, WRITE_SECONDS

READS_A_TABLE = 4
"""A changed table is read before its write and after it, and its operation is polled twice."""
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
    # An operation takes 1 to 10 s: it still runs at the first poll, and has ended at the second.
    table_seconds = READS_A_TABLE * READ_SECONDS + WRITE_SECONDS + state.poll_seconds
    latency = _TAG_READS * READ_SECONDS + math.ceil(tables / (LANES * workers)) * table_seconds

    # Each subscription has its own buckets.
    limits = state.throttles.limits
    most_tables = math.ceil(tables / subscriptions)
    bounds = [
        Bound(latency, "latency"),
        Bound(_seconds_to_refill(limits, "read", READS_A_TABLE * most_tables), "reads"),
        Bound(_seconds_to_refill(limits, "write", most_tables), "writes"),
    ]
    longest = max(bounds, key=lambda bound: bound.seconds)

    # Idle workers look at moments that have nothing to do with each other.
    waits = _HOPS * POLL_SECONDS / (workers + 1)
    return replace(longest, seconds=longest.seconds + waits)


def _seconds_to_refill(limits: Limits, kind: str, requests: int) -> float:
    """Return how long a full bucket needs to let these requests pass."""
    bucket = limits.buckets[kind]
    return max(0, requests - bucket.tokens) / bucket.per_second
