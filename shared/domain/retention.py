"""How long an address that left its tag keeps its route, worked out from recorded versions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from .addresses import Version


def retained_until(
    prefixes: Iterable[str],
    histories: Sequence[Sequence[Version]],
    *,
    grace_days: int,
    today: date,
) -> Mapping[str, date]:
    """For each of these prefixes that is still in its grace, the day (UTC) on which it ends.

    `histories` holds each source's versions, oldest first. A prefix left with the first version
    that no longer had it; one that no version holds counts as having left with the first.
    """
    grace = timedelta(days=grace_days)
    ends = {
        prefix: left.date() + grace
        for prefix in prefixes
        if (left := _left_at(prefix, histories)) is not None
    }
    return {prefix: end for prefix, end in ends.items() if today < end}


def _left_at(prefix: str, histories: Sequence[Sequence[Version]]) -> datetime | None:
    departures = [
        after.recorded_at
        for history in histories
        for before, after in pairwise(history)
        if prefix in before.address_prefixes and prefix not in after.address_prefixes
    ]
    first = [history[0].recorded_at for history in histories if history]
    return max(departures, default=min(first, default=None))
