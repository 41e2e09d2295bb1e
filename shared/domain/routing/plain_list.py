"""The addresses of a source as a plain list, which others read: a firewall, for example."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Self

from ..addresses import Version, in_order, ipv4_of
from .grace import departures, grace_ends


class Family(StrEnum):
    """The prefixes that a list has."""

    ALL = "all"
    IPV4 = "ipv4"
    IPV6 = "ipv6"


@dataclass(frozen=True, slots=True)
class PlainList:
    """The addresses of the newest version, and those that are still in their grace.

    `retained` has the latter, each with the day (UTC) on which its grace ends. The list is as it is
    since `changed_at`.
    """

    version: Version
    retained: Mapping[str, date]
    changed_at: datetime

    @classmethod
    def of(cls, history: Sequence[Version], *, grace_days: int, today: date) -> Self:
        """Make it of the versions, the oldest first, back to the grace before the newest one."""
        newest, ends = history[-1], grace_ends(departures(history), grace_days)
        retained = {prefix: end for prefix, end in ends.items() if today < end}

        # The list also changes when a grace ends.
        over = (_begin_of(end) for end in ends.values() if end <= today)
        return cls(newest, retained, max([newest.recorded_at, *over]))

    def without(self, unbelieved: Collection[str]) -> Self:
        """Return the list without these of its prefixes in grace."""
        retained = {one: end for one, end in self.retained.items() if one not in unbelieved}
        return replace(self, retained=retained)

    def prefixes(self, family: Family) -> tuple[str, ...]:
        """Return the prefixes of this family in numerical order."""
        every = in_order({*self.version.address_prefixes, *self.retained})
        match family:
            case Family.ALL:
                return every
            case Family.IPV4:
                return ipv4_of(every)
            case Family.IPV6:
                return tuple(prefix for prefix in every if ":" in prefix)


def _begin_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
