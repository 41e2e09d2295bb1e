"""The lower bound of a run's time, calculated from Azure's latency and throttling alone."""

import math
from dataclasses import dataclass

from local.azure.state import State
from local.azure.throttles import Limits

from .world import READ_SECONDS, WRITE_SECONDS

READS_A_TABLE = 4
"""A changed table is read before its write and after it, and its operation is polled twice."""
_TAG_READS = 6
"""There are two locations with three pages each."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound in Azure's own seconds. `by` names its cause: latency, reads or writes."""

    seconds: float
    by: str


def bound(tables: int, *, subscriptions: int, lanes: int, state: State) -> Bound:
    """Return the bound of a run that changes every table, `lanes` of them at a time."""
    # An operation takes 1 to 10 s: it still runs at the first poll, and has ended at the second.
    table_seconds = READS_A_TABLE * READ_SECONDS + WRITE_SECONDS + state.poll_seconds
    latency = _TAG_READS * READ_SECONDS + math.ceil(tables / lanes) * table_seconds

    # Each subscription has its own buckets.
    limits = state.throttles.limits
    most_tables = math.ceil(tables / subscriptions)
    bounds = [
        Bound(latency, "latency"),
        Bound(_seconds_to_refill(limits, "read", READS_A_TABLE * most_tables), "reads"),
        Bound(_seconds_to_refill(limits, "write", most_tables), "writes"),
    ]
    return max(bounds, key=lambda bound: bound.seconds)


def _seconds_to_refill(limits: Limits, kind: str, requests: int) -> float:
    """Return how long a full bucket needs to let these requests pass."""
    bucket = limits.buckets[kind]
    return max(0, requests - bucket.tokens) / bucket.per_second
