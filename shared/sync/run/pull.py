"""Pull the sources of addresses and record what differs from the last recorded version."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...domain.addresses import (
    Source,
    SourceContent,
    Version,
    parse_inbound_dependencies,
    parse_service_tag,
    service_tag_of,
    union,
)
from ...domain.armid import EnvironmentId
from ...domain.errors import (
    ConcurrentUpdate,
    PermanentError,
    TransientError,
    UnusableEnvironment,
    UnusableServiceTag,
    UnusableSource,
)
from ...domain.findings import Finding
from ..ports import Clock, InboundDependencies, ServiceTagSource, Versions

type _Answer = Mapping[str, Any] | UnusableServiceTag


@dataclass(frozen=True, slots=True)
class Pulled:
    """The newest version of each source that can be believed, and why the others cannot."""

    versions: tuple[Version, ...]
    unusable: Mapping[Source, str]


@dataclass(frozen=True, slots=True)
class Compared:
    """Which service tags differ from what is recorded, which can't be believed now, by the code of
    the error that was met, and the published document's change number at each location.
    """

    differs: frozenset[Source]
    unusable: Mapping[Source, Finding]
    change_numbers: Mapping[str, str]


class SourcePull:
    def __init__(
        self,
        service_tags: ServiceTagSource,
        environments: InboundDependencies,
        versions: Versions,
        clock: Clock,
        *,
        locations: Sequence[str],
        min_prefix_length: int,
    ) -> None:
        self._service_tags = service_tags
        self._environments = environments
        self._versions = versions
        self._clock = clock
        self._locations = locations
        self._min_prefix_length = min_prefix_length

    def record(self, sources: Collection[Source], *, run_id: str) -> Pulled:
        """Record each source whose content differs.

        Wanted is the union of the locations. Gone is what no location has, which only complete
        answers of all of them can say: one that fails makes the tag unusable. Raise TransientError
        where a location may answer soon; an environment that may do so holds nobody else up.
        """
        contents, unusable = self._read(sources)
        return Pulled(tuple(self._record(content, run_id) for content in contents), unusable)

    def last_recorded(self, sources: Collection[Source], *, why: str) -> Pulled:
        """Without asking: the newest versions there are, none of which can be believed now."""
        newest = (self._versions.newest(source) for source in sorted(sources))
        return Pulled(
            tuple(version for version in newest if version is not None),
            dict.fromkeys(sources, why),
        )

    def compare(self, service_tags: Collection[Source]) -> Compared:
        """Each location asked once, nothing recorded. What would pass is no error here either."""
        answers = [(where, self._answer_now(where)) for where in self._locations]
        differs: set[Source] = set()
        unusable: dict[Source, Finding] = {}
        for tag in sorted(service_tags):
            try:
                content = self._content(tag, answers)
            except UnusableServiceTag as error:
                unusable[tag] = Finding(error.cause or error.code, error.message)
                continue
            newest = self._versions.newest(tag)
            if newest is None or not newest.says_the_same_as(content):
                differs.add(tag)
        numbers = {
            where: str(answer.get("changeNumber"))
            for where, answer in answers
            if not isinstance(answer, UnusableServiceTag)
        }
        return Compared(frozenset(differs), unusable, numbers)

    def unusable(self, sources: Collection[Source]) -> Mapping[Source, str]:
        """Why each of these can't be used that was never recorded and isn't in every answer."""
        unknown = [source for source in sources if self._versions.newest(source) is None]
        return self._read(unknown)[1]

    def _read(self, sources: Collection[Source]) -> tuple[list[SourceContent], dict[Source, str]]:
        tags = [source for source in sources if service_tag_of(source)]
        # Every location once, whatever the number of tags.
        answers = [(where, self._answer(where)) for where in self._locations] if tags else []
        contents: list[SourceContent] = []
        unusable: dict[Source, str] = {}
        for source in sorted(sources, key=lambda s: (s not in tags, s)):
            try:
                contents.append(self._content(source, answers))
            except UnusableSource as error:
                unusable[source] = error.message
        return contents, unusable

    def _answer(self, location: str) -> _Answer:
        try:
            return self._service_tags.read(location)
        except UnusableServiceTag as error:
            return error

    def _answer_now(self, location: str) -> _Answer:
        try:
            return self._answer(location)
        except TransientError as error:
            return UnusableServiceTag(f"service tags of {location}: {error}", error.code)

    def _content(self, source: Source, answers: Iterable[tuple[str, _Answer]]) -> SourceContent:
        if service_tag_of(source) is None:
            return self._of_environment(source)
        return union([self._at(source, *answer) for answer in answers])

    def _at(self, service_tag: str, location: str, answer: _Answer) -> SourceContent:
        if isinstance(answer, UnusableServiceTag):
            raise answer
        return parse_service_tag(
            answer, service_tag, location=location, min_prefix_length=self._min_prefix_length
        )

    def _of_environment(self, source: Source) -> SourceContent:
        try:
            entries = self._environments.read(EnvironmentId.parse(source))
        except (PermanentError, TransientError) as error:
            raise UnusableEnvironment(f"the addresses of {source}: {error}") from error
        return parse_inbound_dependencies(
            entries, source, min_prefix_length=self._min_prefix_length
        )

    def _record(self, content: SourceContent, run_id: str) -> Version:
        while True:
            newest = self._versions.newest(content.source)
            if newest is not None and newest.says_the_same_as(content):
                return newest
            try:
                return self._versions.append(
                    content, newest, recorded_at=self._clock(), run_id=run_id
                )
            except ConcurrentUpdate:
                continue
