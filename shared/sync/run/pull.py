"""Pull the sources of addresses and record every source that differs from its last version."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Self

from ...domain.addresses import (
    Publication,
    Source,
    SourceContent,
    Version,
    is_list,
    names_in,
    parse_inbound_dependencies,
    parse_service_tag,
    service_tag_of,
    union,
)
from ...domain.armid import EnvironmentId
from ...domain.custom_lists import SETTING, lists_in, parse_custom_list
from ...domain.errors import (
    ConcurrentUpdate,
    PermanentError,
    TransientError,
    UnusableEnvironment,
    UnusableList,
    UnusableServiceTag,
    UnusableSource,
)
from ...domain.findings import Finding
from ...domain.locations import Standing, stale_locations, standing_after
from ..policy import Policy
from ..ports import Azure, Clock, Store
from .read_once import ServiceTagsReadOnce
from .second_source import Second, SecondSource

type _Answer = Mapping[str, Any] | UnusableServiceTag
type _Answers = Sequence[tuple[str, _Answer]]
type _News = Callable[[Version | None], SourceContent | None]
"""Return what there is to record after the newest version; None if there is nothing."""
type _Lists = Mapping[str, object] | UnusableList


@dataclass(frozen=True, slots=True)
class PullResult:
    """The newest version of each usable source, and why the others are unusable.

    An unusable tag has a version, too, if the weekly file has added to it. `noted` says what is
    wrong with that file.
    """

    versions: tuple[Version, ...]
    unusable: Mapping[Source, str]
    noted: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference between the published service tags and the recorded versions.

    `differs` are the tags that have changed. `unusable` gives the error that was met for each
    unusable tag. `standings` say how each location stands after its answer. `noted` says what is
    wrong with the weekly file, and `publication` which one was read.
    """

    differs: frozenset[Source]
    unusable: Mapping[Source, Finding]
    standings: Mapping[str, Standing]
    noted: tuple[Finding, ...] = ()
    publication: Publication | None = None


@dataclass(frozen=True, slots=True)
class SourcePull:
    store: Store
    azure: Azure
    policy: Policy
    clock: Clock
    second: SecondSource

    def record(
        self, sources: Collection[Source], *, run_id: str, also: Collection[Source] = ()
    ) -> PullResult:
        """Record a version of each source whose content differs from the last one.

        A service tag's prefixes are the union over all locations. A prefix is gone only if no
        location has it, which only complete answers from every location can show, so one unusable
        answer makes the tag unusable. A location that stands still while another moves is no such
        location. Raise TransientError if a location may answer soon. An environment or a list that
        may be read soon is only unusable, so that no other source waits for it. The weekly file
        adds what it alone has.

        The sources in `also` are recorded as well, if they can be, and the result leaves them out.
        """
        extra = {*also}.difference(sources)
        contents, unusable = self._read(sources, extra)
        second = self.second.read([content.source for content in contents], unusable)
        self.second.note(second)
        news = _news(contents, unusable, second)

        # If storage is slow, the routes must not wait for the lists.
        needed = {source: told for source, told in news.items() if source not in extra}
        versions, refused = self._record_each(needed, run_id)
        self._try_to_record({source: news[source] for source in extra & news.keys()}, run_id)

        why = {source: why for source, why in unusable.items() if source not in extra}
        return PullResult(versions, why | refused, second.findings)

    def _record_each(
        self, news: Mapping[Source, _News], run_id: str
    ) -> tuple[tuple[Version, ...], dict[Source, str]]:
        """Return the versions, and why the other sources cannot be recorded."""
        versions: list[Version | None] = []
        refused: dict[Source, str] = {}
        for source, told in news.items():
            try:
                versions.append(self._record(source, told, run_id))
            except PermanentError as error:  # what no row can hold is an error of one source
                refused[source] = f"{source}: {error}"
        return tuple(version for version in versions if version is not None), refused

    def _try_to_record(self, news: Mapping[Source, _News], run_id: str) -> set[Source]:
        """Return the sources that are recorded now. The others keep no run from its tables."""
        recorded: set[Source] = set()
        for source, told in news.items():
            with suppress(Exception):
                self._record(source, told, run_id)
                recorded.add(source)
        return recorded

    def last_recorded(self, sources: Collection[Source], *, why: str, run_id: str) -> PullResult:
        """Return the newest recorded versions without asking a location or an environment.

        All sources count as unusable, for this reason, except the lists that can be read: no list
        waits for Azure's answers.
        """
        contents, errors = self._contents(sorted(filter(is_list, sources)), ())
        usable = self._try_to_record(_news(contents, errors, Second()), run_id)
        reasons = {source: error.message for source, error in errors.items()}

        newest = [self.store.versions.newest(source) for source in sorted(sources)]
        versions = tuple(version for version in newest if version is not None)
        return PullResult(versions, dict.fromkeys({*sources} - usable, why) | reasons)

    def compare(
        self, service_tags: Collection[Source], also: Collection[Source] = ()
    ) -> Comparison:
        """Ask each location once and record nothing.

        A transient error is not raised: it makes the tags unusable. A tag in `also` is reported
        only if it is unusable now and was recorded before, for its list gets old then.
        """
        named = sorted({*service_tags, *also})
        answers, standings = self._ask_if_needed(named, self._answer_now)
        contents, errors = self._contents(named, answers)
        second = self.second.read([content.source for content in contents], errors)
        told = {t: _cause_of(errors[t]) for t in errors if t in service_tags or self.is_recorded(t)}

        news = _news(contents, errors, second)
        differs = self._differing({tag: news[tag] for tag in service_tags if tag in news})
        return Comparison(differs, told, standings, second.findings, second.publication)

    def asking_once(self) -> Self:
        """Return a pull for many tables: it asks each location once, whatever they need."""
        service_tags = ServiceTagsReadOnce(self.azure.service_tags)
        return replace(self, azure=replace(self.azure, service_tags=service_tags))

    def is_recorded(self, source: Source) -> bool:
        return self.store.versions.newest(source) is not None

    def unusable(self, sources: Collection[Source]) -> Mapping[Source, str]:
        """Return why a source is unusable, for each such source that was never recorded."""
        unknown = [source for source in sources if not self.is_recorded(source)]
        _, reasons = self._read(unknown)
        return reasons

    def spelled(self, service_tags: Collection[str]) -> Collection[str]:
        """Return how the answers spell these tags, each of which may be in any case.

        Raise TransientError as `unusable` does.
        """
        answers, _ = self._ask(self._answer)
        wanted = {tag.lower() for tag in service_tags}
        usable = (answer for _, answer in answers if not isinstance(answer, UnusableServiceTag))
        return {name for answer in usable for name in names_in(answer) if name.lower() in wanted}

    def routable(self, service_tags: Collection[Source]) -> Mapping[Source, bool | None]:
        """Return for each tag whether the last answer says that a route may have it; None if not.

        A tag that was never recorded is asked for. Raise TransientError as `unusable` does.
        """
        newest = {tag: self.store.versions.newest(tag) for tag in service_tags}
        said = {tag: version.routable for tag, version in newest.items() if version is not None}
        asked, _ = self._read(newest.keys() - said.keys())
        return said | {content.source: content.routable for content in asked}

    def _read(
        self, sources: Collection[Source], also: Collection[Source] = ()
    ) -> tuple[list[SourceContent], dict[Source, str]]:
        """Return the contents of the usable sources, and why the others are unusable.

        Nothing waits for the tags in `also`.
        """
        tags = sorted(source for source in sources if service_tag_of(source))
        others = sorted(source for source in sources if not service_tag_of(source))

        # One answer has all tags, so ask each location only once.
        read = self._answer if tags else self._answer_now
        answers, standings = self._ask_if_needed((*tags, *also), read)
        if standings:
            self.store.locations.write(standings)

        contents, errors = self._contents((*tags, *sorted(also), *others), answers)
        return contents, {source: error.message for source, error in errors.items()}

    def _ask_if_needed(
        self, named: Iterable[Source], read: Callable[[str], _Answer]
    ) -> tuple[_Answers, Mapping[str, Standing]]:
        """No location has a list, or the addresses of an environment."""
        return self._ask(read) if any(map(service_tag_of, named)) else ((), {})

    def _ask(self, read: Callable[[str], _Answer]) -> tuple[_Answers, Mapping[str, Standing]]:
        """Ask each location once. Return the answers that count, and how all locations stand."""
        now = self.clock()
        standings = self._standings(now)
        stale = stale_locations(standings, now)

        # The others need not wait for a location that does not count.
        answers = [
            (location, self._answer_now(location) if location in stale else read(location))
            for location in self.policy.service_tag_locations
        ]
        for location, answer in answers:
            if not isinstance(answer, UnusableServiceTag):
                standings[location] = standing_after(standings.get(location), answer, now)

        stale = stale_locations(standings, now)
        return [each for each in answers if each[0] not in stale], standings

    def _standings(self, now: datetime) -> dict[str, Standing]:
        """Return how each location stood before that is still in the settings."""
        known = self.store.locations.read()
        locations = self.policy.service_tag_locations
        return {at: known[at].until(now) for at in locations if at in known}

    def _contents(
        self, sources: Collection[Source], answers: _Answers
    ) -> tuple[list[SourceContent], dict[Source, UnusableSource]]:
        # Somebody may replace the blob meanwhile, so all lists come from one reading of it.
        lists = self._lists() if any(map(is_list, sources)) else {}

        contents: list[SourceContent] = []
        errors: dict[Source, UnusableSource] = {}
        for source in sources:
            try:
                contents.append(self._content(source, answers, lists))
            except UnusableSource as error:
                errors[source] = error
            except Exception as error:  # whatever it is, it is this source's failure alone
                errors[source] = _unforeseen(source, error)
        return contents, errors

    def _differing(self, news: Mapping[Source, _News]) -> frozenset[Source]:
        """Return the sources of which there is something to record."""
        return frozenset(source for source, told in news.items() if self._differs(source, told))

    def _differs(self, source: Source, news: _News) -> bool:
        newest = self.store.versions.newest(source)
        content = news(newest)
        return content is not None and (newest is None or not newest.says_the_same_as(content))

    def _answer(self, location: str) -> _Answer:
        try:
            return self.azure.service_tags.read(location)
        except UnusableServiceTag as error:
            return error
        except TransientError:
            raise
        except Exception as error:  # the tags are unusable, but the environments may answer
            found = Finding.of(error)
            return UnusableServiceTag(
                f"service tags of {location}: {found.code}: {found.message}", found.code
            )

    def _answer_now(self, location: str) -> _Answer:
        """Read the location, with any transient error as an unusable answer."""
        try:
            return self._answer(location)
        except TransientError as error:
            return UnusableServiceTag(f"service tags of {location}: {error}", error.code)

    def _lists(self) -> _Lists:
        """Return all lists as they are written, or why there are none now."""
        try:
            return lists_in(self.azure.custom_lists.read())
        except UnusableList as error:
            return error
        except Exception as error:  # the lists are unusable, but all other sources go on
            found = Finding.of(error)
            return UnusableList(f"{SETTING}: {found.code}: {found.message}")

    def _content(self, source: Source, answers: _Answers, lists: _Lists) -> SourceContent:
        if service_tag_of(source):
            return union([self._tag_content(source, *answer) for answer in answers])
        if is_list(source):
            return self._list_content(source, lists)
        return self._environment_content(source)

    def _tag_content(self, service_tag: str, location: str, answer: _Answer) -> SourceContent:
        if isinstance(answer, UnusableServiceTag):
            raise answer
        return parse_service_tag(
            answer, service_tag, location=location, min_prefix_length=self.policy.min_prefix_length
        )

    def _list_content(self, name: Source, lists: _Lists) -> SourceContent:
        if isinstance(lists, UnusableList):
            raise lists
        least = self.policy.min_prefix_length
        return parse_custom_list(lists, name, min_prefix_length=least).content

    def _environment_content(self, source: Source) -> SourceContent:
        try:
            entries = self.azure.inbound_dependencies.read(EnvironmentId.parse(source))
        except (PermanentError, TransientError) as error:
            raise UnusableEnvironment(f"the addresses of {source}: {error}") from error
        return parse_inbound_dependencies(
            entries, source, min_prefix_length=self.policy.min_prefix_length
        )

    def _record(self, source: Source, news: _News, run_id: str) -> Version | None:
        # If another worker appends a version at the same time, compare with that version again.
        while True:
            newest = self.store.versions.newest(source)
            content = news(newest)
            if content is None or (newest is not None and newest.says_the_same_as(content)):
                return newest if content is not None else None
            try:
                return self.store.versions.append(
                    content, newest, recorded_at=self.clock(), run_id=run_id
                )
            except ConcurrentUpdate:
                continue


def _news(
    contents: Iterable[SourceContent], unusable: Collection[Source], second: Second
) -> Mapping[Source, _News]:
    """Return what there is to record of each usable source, and of each that the file knows."""
    answered = {content.source: partial(second.after, content) for content in contents}
    added = {source: second.after_version for source in unusable if source in second.prefixes}
    return answered | added


def _unforeseen(source: Source, error: Exception) -> UnusableSource:
    found = Finding.of(error)
    message = f"{source}: {found.code}: {found.message}"
    if service_tag_of(source):
        return UnusableServiceTag(message, found.code)
    return UnusableList(message) if is_list(source) else UnusableEnvironment(message)


def _cause_of(error: UnusableSource) -> Finding:
    return Finding(error.cause or error.code, error.message)
