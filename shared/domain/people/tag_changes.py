"""Notices about a service tag or a list that has changed, also if no route table does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..addresses import Difference, Version, ipv4_of, is_list
from ..times import utc_minute
from .notices import Item, Ledger, Notice, NoticeKind, counted, number_of

MOST_PREFIXES = 20
"""The most that are shown of each tag and kind of change. The others are counted."""
_MOST_TAGS = 10
_ELSEWHERE = "If a firewall of yours has these addresses, change it as well."


@dataclass(frozen=True, slots=True)
class TagVersion:
    """The newest version of a service tag or list, and the last one of which people were told.

    `before` is None if people were never told of it, and this version is no change of it.
    """

    version: Version
    before: Version | None

    @property
    def change(self) -> Difference:
        before = self.before or self.version
        return self.version.change_since(before)

    @property
    def is_news(self) -> bool:
        return bool(self.change.added or self.change.removed)


def history_of(version_id: str) -> str:
    """Return the name that all versions of a source share: their ids without the number."""
    return version_id.rpartition("-")[0]


def tag_notice(
    notice_id: str, at: datetime, path: str, newest: Sequence[TagVersion], ledger: Ledger
) -> tuple[Notice | None, Ledger]:
    """Return the notice about the tags and lists that have changed, and the ledger after it.

    The first version that is ever recorded is no change, and neither is a version that only has
    another change number.
    """
    told = {history_of(one.version.version_id): one.version.version_id for one in newest}
    after = replace(ledger, versions={**ledger.versions, **told})
    news = [one for one in newest if one.is_news]
    if not news:
        return None, after

    kind, items = NoticeKind.SERVICE_TAG_CHANGED, tuple(_items(news))
    notice = Notice(notice_id, kind, _title(news), at, _summary(news), _facts(news), items)
    return replace(notice, path=path), after


def _title(news: Sequence[TagVersion]) -> str:
    if len(news) > 1:
        return f"{_numbered(news)} changed"
    return f"{news[0].version.source} changed: {_counted(news[0])} prefixes"


def _summary(news: Sequence[TagVersion]) -> str:
    first, *others = news
    more = f"And {_numbered(others)} more." if others else ""
    changed = f"{first.version.source}: {_from_to(first)}."
    return " ".join(filter(None, (changed, more, _to_do(news))))


def _numbered(news: Sequence[TagVersion]) -> str:
    lists = sum(is_list(one.version.source) for one in news)
    counts = {"service tag": len(news) - lists, "list": lists}
    return " and ".join(number_of(count, noun) for noun, count in counts.items() if count)


def _to_do(news: Sequence[TagVersion]) -> str:
    prefixes = (p for one in news for p in (*one.change.added, *one.change.removed))
    if not ipv4_of(prefixes):
        return f"All of them are IPv6, so no route changes. {_ELSEWHERE}"
    return f"The app's route tables follow, unless APPLY_POLICY or PAUSED holds them. {_ELSEWHERE}"


def _facts(news: Sequence[TagVersion]) -> dict[str, str]:
    facts = {one.version.source: _from_to(one) for one in news[:_MOST_TAGS]}
    # A list has a page instead of a location, and its URL can be too long for a notice.
    tags = [one.version for one in news if not is_list(one.version.source)]
    locations = dict.fromkeys(at for version in tags for at in version.locations)
    return {**facts, "Locations": ", ".join(locations)} if locations else facts


def _from_to(one: TagVersion) -> str:
    before = one.before.version_id if one.before else ""
    recorded = utc_minute(one.version.recorded_at)
    return f"{_counted(one)}, from {before} to {one.version.version_id}, recorded {recorded}"


def _items(news: Sequence[TagVersion]) -> Iterator[Item]:
    for one in news:
        changes = {"added": one.change.added, "removed": one.change.removed}
        for state, prefixes in changes.items():
            if prefixes:
                yield Item(state, f"{one.version.source}: {_shortened(prefixes)}")


def _shortened(prefixes: Sequence[str]) -> str:
    more = len(prefixes) - MOST_PREFIXES
    shown = ", ".join(prefixes[:MOST_PREFIXES])
    return f"{shown} and {more} more" if more > 0 else shown


def _counted(one: TagVersion) -> str:
    return counted(added=one.change.added, updated=(), removed=one.change.removed)
