"""What latency and throttling alone allow, were nothing else to take any time: worked out."""

import math
from dataclasses import dataclass

from local.azure.state import State
from local.azure.throttles import Limits

from .world import READ_SECONDS, WRITE_SECONDS

READS_A_TABLE = 4
"""Of a changed one: before the write, two polls of its operation, and after it."""
_TAG_READS = 6
"""Two locations, three pages each."""


@dataclass(frozen=True, slots=True)
class Bound:
    """In Azure's own seconds, and what sets it."""

    seconds: float
    by: str


def bound(tables: int, *, subscriptions: int, lanes: int, state: State) -> Bound:
    """Of a run in which each table changes, `lanes` of them at a time."""
    # An operation takes 1 to 10 s: it still runs at the first poll, and has ended at the second.
    table = READS_A_TABLE * READ_SECONDS + WRITE_SECONDS + state.poll_seconds
    latency = _TAG_READS * READ_SECONDS + math.ceil(tables / lanes) * table
    in_one = math.ceil(tables / subscriptions)
    limits = state.throttles.limits
    return max(
        Bound(latency, "latency"),
        Bound(_refilled(limits, "read", READS_A_TABLE * in_one), "reads"),
        Bound(_refilled(limits, "write", in_one), "writes"),
        key=lambda one: one.seconds,
    )


def _refilled(limits: Limits, kind: str, requests: int) -> float:
    """How long a full bucket takes to have let these through."""
    bucket = limits.buckets[kind]
    return max(0, requests - bucket.tokens) / bucket.per_second
