"""The locations at which service tags are read: which one moves, stands still, or flips.

The answers of locations differ while a version is rolled out. A location can also stand still for
months while others move: public reports of the Service Tag Discovery API show it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

STALE_AFTER = timedelta(days=35)
"""Azure publishes the tags every week. If they stay the same this long, something is wrong."""
ROLLOUT = timedelta(days=7)
"""A location may show a content so much later than another one."""
FLIP_NOTICE = timedelta(days=7)
"""A location that went back to an earlier content is told for this long."""
_MOST_KEPT = 20
"""About five months of weekly publications."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What one location has answered.

    `content` is the digest of its last answer, and `change_number` what that answer called itself.
    `first_seen` has the moment at which each content came first. `went_back_at` is the last time at
    which the location went back to an earlier content; None if it never did.
    """

    content: str
    change_number: str
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    went_back_at: datetime | None = None

    @property
    def newest(self) -> str:
        """The content that came last, which is not the last answer if the location flips."""
        return max([*self.first_seen][::-1], key=lambda content: self.first_seen[content])

    @property
    def moved_at(self) -> datetime:
        """The last time at which the location answered something new."""
        return self.first_seen[self.newest]

    def until(self, now: datetime) -> "Standing":
        """Take each time that lies in the future for now: the clock ran ahead when it was noted."""
        back = self.went_back_at
        return replace(
            self,
            first_seen={content: min(at, now) for content, at in self.first_seen.items()},
            went_back_at=None if back is None else min(back, now),
        )

    def flips(self, now: datetime) -> bool:
        return self.went_back_at is not None and now - self.went_back_at <= FLIP_NOTICE

    def has_missed(self, other: "Standing", now: datetime) -> bool:
        """Return whether the other location has gone on without this one, for longer than a rollout
        takes.
        """
        if other.newest in self.first_seen:
            return False
        return any(
            content not in self.first_seen and self.moved_at < at <= now - ROLLOUT
            for content, at in other.first_seen.items()
        )


def standing_after(before: Standing | None, document: Mapping[str, Any], now: datetime) -> Standing:
    """Return how a location stands after it has answered this document."""
    content, number = _digest(document), str(document.get("changeNumber"))
    if before is None:
        return Standing(content, number, {content: now})
    if content == before.content:
        return before
    if content in before.first_seen:
        return replace(before, content=content, change_number=number, went_back_at=now)

    # The oldest contents are forgotten.
    kept = sorted(before.first_seen.items(), key=lambda seen: seen[1])[1 - _MOST_KEPT :]
    return replace(
        before, content=content, change_number=number, first_seen={**dict(kept), content: now}
    )


def stale_locations(standings: Mapping[str, Standing], now: datetime) -> frozenset[str]:
    """Return the locations that have stood still for 35 days while another one moved.

    A location has a week to follow, however long nobody has looked. The one that moved last is
    never stale.
    """
    return frozenset(
        location
        for location, standing in standings.items()
        if now - standing.moved_at >= STALE_AFTER
        and any(standing.has_missed(other, now) for other in standings.values())
    )


def _digest(document: Mapping[str, Any]) -> str:
    """Return a digest of a whole answer; the order of tags and prefixes does not matter."""
    values = document.get("values")
    tags = sorted(map(_canonical, values)) if isinstance(values, list) else []
    text = json.dumps([document.get("changeNumber"), tags])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(tag: object) -> str:
    properties = tag.get("properties") if isinstance(tag, Mapping) else None
    prefixes = properties.get("addressPrefixes") if isinstance(properties, Mapping) else None
    if isinstance(tag, Mapping) and isinstance(prefixes, list):
        return json.dumps([tag.get("name"), sorted(map(str, prefixes))])
    return json.dumps(tag, sort_keys=True)
