"""The grace of prefixes that left their sources, worked out from recorded versions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from ..addresses import Version


@dataclass(frozen=True, slots=True)
class SourceHistory:
    """The versions of a source, oldest first.

    `ended_at` is the moment at which the registration lost the source; None if it still has it.
    """

    versions: Sequence[Version]
    ended_at: datetime | None = None

    def contents(self) -> list[tuple[datetime, frozenset[str]]]:
        """Return each content of the source with the moment at which it began."""
        contents = [(v.recorded_at, frozenset(v.address_prefixes)) for v in self.versions]
        end = self.ended_at
        if end is None:
            return contents
        return [*(each for each in contents if each[0] <= end), (end, frozenset())]


def retained_until(
    prefixes: Iterable[str],
    histories: Sequence[SourceHistory],
    *,
    grace_days: int,
    today: date,
) -> Mapping[str, date]:
    """Return the day (UTC) on which the grace ends, for each prefix that is still in its grace.

    The grace of a prefix begins when the prefix last left one of its sources. If it never left one,
    its grace begins with the oldest version.
    """
    left_at = {prefix: _left_at(prefix, histories) for prefix in prefixes}
    known = {prefix: at for prefix, at in left_at.items() if at is not None}
    return _in_grace(known, grace_days, today)


def departures(versions: Sequence[Version]) -> Mapping[str, datetime]:
    """Return when each prefix last left that the newest version lacks. The oldest comes first."""
    left: dict[str, datetime] = {}
    for before, after in pairwise(versions):
        gone = set(before.address_prefixes).difference(after.address_prefixes)
        left |= dict.fromkeys(gone, after.recorded_at)

    there = {prefix for version in versions[-1:] for prefix in version.address_prefixes}
    return {prefix: at for prefix, at in left.items() if prefix not in there}


def tags_retained_until(
    tags: Iterable[str],
    ended_at: Mapping[str, datetime],
    *,
    grace_days: int,
    today: date,
) -> Mapping[str, date]:
    """Return the same as `retained_until` for routes whose prefix is a service tag.

    The grace of a tag begins when the registration loses the tag.
    """
    left_at = {tag: ended_at[tag] for tag in tags if tag in ended_at}
    return _in_grace(left_at, grace_days, today)


def grace_ends(left_at: Mapping[str, datetime], grace_days: int) -> Mapping[str, date]:
    """Return the first day (UTC) on which each of these is not in its grace any more."""
    return {prefix: at.date() + timedelta(days=grace_days) for prefix, at in left_at.items()}


def _in_grace(left_at: Mapping[str, datetime], grace_days: int, today: date) -> Mapping[str, date]:
    ends = grace_ends(left_at, grace_days)
    return {prefix: end for prefix, end in ends.items() if today < end}


def _left_at(prefix: str, histories: Sequence[SourceHistory]) -> datetime | None:
    departures = [
        at
        for history in histories
        for (_, before), (at, after) in pairwise(history.contents())
        if prefix in before and prefix not in after
    ]
    if departures:
        return max(departures)
    beginnings = (history.versions[0].recorded_at for history in histories if history.versions)
    return min(beginnings, default=None)
