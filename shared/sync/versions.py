"""Pull service tags and record what differs from the last recorded version."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.addresses import TagContent, Version, parse_service_tag, union
from shared.domain.errors import ConcurrentUpdate, UnusableServiceTag

from .ports import Clock, ServiceTagSource, Versions

type _Answer = Mapping[str, Any] | UnusableServiceTag


@dataclass(frozen=True, slots=True)
class Pulled:
    """The newest version of each tag that can be believed, and why the others cannot."""

    versions: tuple[Version, ...]
    unusable: Mapping[str, str]


class ServiceTagPull:
    def __init__(
        self,
        source: ServiceTagSource,
        versions: Versions,
        clock: Clock,
        *,
        locations: Sequence[str],
        min_prefix_length: int,
    ) -> None:
        self._source = source
        self._versions = versions
        self._clock = clock
        self._locations = locations
        self._min_prefix_length = min_prefix_length

    def record(self, service_tags: Collection[str], *, run_id: str) -> Pulled:
        """Record each tag whose content differs.

        Wanted is the union of the locations. Gone is what no location has, which only complete
        answers of all of them can say: one that fails makes the tag unusable.
        """
        contents, unusable = self._read(service_tags)
        return Pulled(tuple(self._record(content, run_id) for content in contents), unusable)

    def last_recorded(self, service_tags: Collection[str], *, why: str) -> Pulled:
        """Without asking: the newest versions there are, none of which can be believed now."""
        newest = (self._versions.newest(tag) for tag in sorted(service_tags))
        return Pulled(
            tuple(version for version in newest if version is not None),
            dict.fromkeys(service_tags, why),
        )

    def unusable(self, service_tags: Collection[str]) -> Mapping[str, str]:
        """Why each of these can't be used that was never recorded and isn't in every answer."""
        unknown = [tag for tag in service_tags if self._versions.newest(tag) is None]
        return self._read(unknown)[1] if unknown else {}

    def _read(self, service_tags: Collection[str]) -> tuple[list[TagContent], dict[str, str]]:
        """Every location once, whatever the number of tags."""
        answers = [(location, self._answer(location)) for location in self._locations]
        contents: list[TagContent] = []
        unusable: dict[str, str] = {}
        for tag in sorted(service_tags):
            try:
                contents.append(union([self._content(tag, *answer) for answer in answers]))
            except UnusableServiceTag as error:
                unusable[tag] = error.message
        return contents, unusable

    def _answer(self, location: str) -> _Answer:
        try:
            return self._source.read(location)
        except UnusableServiceTag as error:
            return error

    def _content(self, service_tag: str, location: str, answer: _Answer) -> TagContent:
        if isinstance(answer, UnusableServiceTag):
            raise answer
        return parse_service_tag(
            answer, service_tag, location=location, min_prefix_length=self._min_prefix_length
        )

    def _record(self, content: TagContent, run_id: str) -> Version:
        while True:
            newest = self._versions.newest(content.service_tag)
            if newest is not None and newest.says_the_same_as(content):
                return newest
            try:
                return self._versions.append(
                    content, newest, recorded_at=self._clock(), run_id=run_id
                )
            except ConcurrentUpdate:
                continue
