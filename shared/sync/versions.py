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
        """Read every location once; record each tag whose content differs.

        Wanted is the union of the locations. Gone is what no location has, which only complete
        answers of all of them can say: one that fails makes the tag unusable.
        """
        answers = [(location, self._answer(location)) for location in self._locations]
        versions: list[Version] = []
        unusable: dict[str, str] = {}
        for tag in sorted(service_tags):
            try:
                content = union([self._content(tag, *answer) for answer in answers])
            except UnusableServiceTag as error:
                unusable[tag] = error.message
            else:
                versions.append(self._record(content, run_id))
        return Pulled(tuple(versions), unusable)

    def why_unusable(self, service_tag: str) -> str | None:
        """None where the tag has been recorded, or is in every location's answer."""
        if self._versions.newest(service_tag) is not None:
            return None
        try:
            for location in self._locations:
                self._content(service_tag, location, self._answer(location))
        except UnusableServiceTag as error:
            return error.message
        return None

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
