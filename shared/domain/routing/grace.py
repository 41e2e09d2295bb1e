"""How long an address that left its sources keeps its route, worked out from recorded versions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from ..addresses import Version


@dataclass(frozen=True, slots=True)
class SourceHistory:
    """A source's versions, oldest first; a source that a registration lost ended on that day."""

    versions: Sequence[Version]
    ended_at: datetime | None = None

    def contents(self) -> list[tuple[datetime, frozenset[str]]]:
        """When each content began."""
        if self.ended_at is None:
            return [(v.recorded_at, frozenset(v.address_prefixes)) for v in self.versions]
        seen = [v for v in self.versions if v.recorded_at <= self.ended_at]
        return [*SourceHistory(seen).contents(), (self.ended_at, frozenset())]


def retained_until(
    prefixes: Iterable[str],
    histories: Sequence[SourceHistory],
    *,
    grace_days: int,
    today: date,
) -> Mapping[str, date]:
    """For each of these prefixes that is still in its grace, the day (UTC) on which it ends.

    A prefix left a source with the first version that no longer had it; one that no version holds
    counts as having left with the first.
    """
    left = {prefix: at for prefix in prefixes if (at := _left_at(prefix, histories)) is not None}
    return _in_grace(left, grace_days, today)


def tags_retained_until(
    tags: Iterable[str],
    ended_at: Mapping[str, datetime],
    *,
    grace_days: int,
    today: date,
) -> Mapping[str, date]:
    """The same for routes whose prefix is a service tag: it left when the registration lost it."""
    left = {tag: ended_at[tag] for tag in tags if tag in ended_at}
    return _in_grace(left, grace_days, today)


def _in_grace(left: Mapping[str, datetime], grace_days: int, today: date) -> Mapping[str, date]:
    ends = {prefix: at.date() + timedelta(days=grace_days) for prefix, at in left.items()}
    return {prefix: end for prefix, end in ends.items() if today < end}


def _left_at(prefix: str, histories: Sequence[SourceHistory]) -> datetime | None:
    departures = [
        at
        for history in histories
        for (_, before), (at, after) in pairwise(history.contents())
        if prefix in before and prefix not in after
    ]
    first = [history.versions[0].recorded_at for history in histories if history.versions]
    return max(departures, default=min(first, default=None))
