"""Completes the API's answers with what the weekly file of service tags alone has.

An address is wanted if the API or the file has it, and gone if neither has it. A file that cannot
be read or believed adds nothing new. An address that an earlier file added stays for as long as the
last good file may be believed, so that no route comes and goes with a download.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ...domain import codes
from ...domain.addresses import (
    Addition,
    Publication,
    Source,
    SourceContent,
    Version,
    in_order,
    ipv4_of,
    parse_service_tag,
    service_tag_of,
    uncovered,
)
from ...domain.bounds import shortened
from ...domain.errors import UnusableServiceTag, UnusableWeeklyFile
from ...domain.findings import Finding
from ...domain.weekly_file import WeeklyFile, check_day, is_stale
from ..policy import Policy
from ..ports import Clock, Store, WeeklyFiles

_ADDS_NOTHING = "it adds nothing new"


@dataclass(frozen=True, slots=True)
class Completed:
    """The contents with what the file adds, what is wrong with it, and the file if it counts."""

    contents: list[SourceContent]
    findings: tuple[Finding, ...] = ()
    file: WeeklyFile | None = None

    @property
    def publication(self) -> Publication | None:
        return None if self.file is None else self.file.publication


@dataclass(frozen=True, slots=True)
class SecondSource:
    """`files` is None if the operator has named no weekly file."""

    store: Store
    files: WeeklyFiles | None
    policy: Policy
    clock: Clock

    def complete(self, contents: list[SourceContent], unusable: Collection[Source]) -> Completed:
        """Add to each service tag what the file alone has. Write nothing, and raise no error of it.

        The API has no answer now for a tag in `unusable`. If the file has news of it, its newest
        version is completed instead, so that nothing is gone.
        """
        if self.files is None:
            return Completed(contents)

        last = self.store.publications.read()
        file, findings = self._read(self.files, last)
        stays = last is not None and not is_stale(last, self.clock().date())
        answered = [content.source for content in contents]
        tags = filter(service_tag_of, (*answered, *unusable))
        listed = _Listed.of(file, tags, self.policy.min_prefix_length, stays=stays)

        found = [listed.completed(content, self._newest(content.source)) for content in contents]
        found += listed.completed_versions(map(self._newest, sorted(unusable)))
        return Completed(found, (*findings, *listed.findings(answered)), file)

    def _newest(self, source: Source) -> Version | None:
        return self.store.versions.newest(source)

    def note(self, completed: Completed) -> None:
        """Note which file a run has read, once its versions are recorded."""
        if completed.publication is not None:
            self.store.publications.write(completed.publication)

    def _read(
        self, files: WeeklyFiles, last: Publication | None
    ) -> tuple[WeeklyFile | None, tuple[Finding, ...]]:
        """Return the file, or what is wrong with it."""
        try:
            file = files.read()
            check_day(file, last, self.clock().date())
        except Exception as error:  # whatever it is, the API's answers count without the file
            return None, (_finding(error),)
        return file, ()


def _finding(error: Exception) -> Finding:
    found = Finding.of(error)
    if isinstance(error, UnusableWeeklyFile):
        return Finding(found.code, f"{found.message}; {_ADDS_NOTHING}")
    said = f"the weekly file: {found.code}: {found.message}; {_ADDS_NOTHING}"
    return Finding(codes.WEEKLY_FILE_UNUSABLE, said)


@dataclass(frozen=True, slots=True)
class _Listed:
    """The prefixes that a believed file has for each tag, and why it is not believed for others.

    `stays` says whether what was added to these others is still wanted.
    """

    file: WeeklyFile | None
    stays: bool
    prefixes: Mapping[Source, tuple[str, ...]]
    faults: Mapping[Source, str]

    @classmethod
    def of(
        cls, file: WeeklyFile | None, tags: Iterable[Source], min_length: int, *, stays: bool
    ) -> "_Listed":
        if file is None:
            return cls(None, stays, {}, {})

        prefixes: dict[Source, tuple[str, ...]] = {}
        faults: dict[Source, str] = {}
        for tag in tags:
            try:
                prefixes[tag] = _prefixes_of(file, tag, min_length)
            except UnusableServiceTag as error:
                faults[tag] = error.message
        return cls(file, stays, prefixes, faults)

    def findings(self, tags: Iterable[Source]) -> tuple[Finding, ...]:
        """Say why the file is not believed for some of these tags."""
        faults = [self.faults[tag] for tag in tags if tag in self.faults]
        if not faults:
            return ()
        said = f"{shortened(faults)}; for these tags the weekly file adds nothing new"
        return (Finding(codes.WEEKLY_FILE_UNUSABLE, said),)

    def completed(self, content: SourceContent, newest: Version | None) -> SourceContent:
        """Add what the API's answer lacks."""
        before = () if newest is None else newest.additions
        if content.source in self.prefixes:
            return _with(content, self._additions(content.source, before))
        return _with(content, before if self.stays else ())

    def completed_versions(self, versions: Iterable[Version | None]) -> Iterator[SourceContent]:
        """Yield each of these versions for which the file has more, as a content with that."""
        for version in versions:
            if version is None or version.source not in self.prefixes:
                continue
            offered = self._additions(version.source, version.additions)
            completed = _with(_content_of(version), offered)
            if completed.additions:
                both = _sorted((*version.additions, *completed.additions))
                yield replace(completed, additions=both)

    def _additions(self, tag: Source, before: Iterable[Addition]) -> tuple[Addition, ...]:
        """Return all that the file has. A prefix that it had before keeps its first file."""
        since = {addition.prefix: addition for addition in before}
        if self.file is None:
            return ()
        publication = self.file.publication
        return tuple(
            since.get(prefix, Addition(prefix, publication)) for prefix in self.prefixes[tag]
        )


def _prefixes_of(file: WeeklyFile, tag: Source, min_length: int) -> tuple[str, ...]:
    """The file's entry for a tag is believed within the same bounds as the API's."""
    content = parse_service_tag(
        file.document, tag, location=file.name, min_prefix_length=min_length
    )
    return content.address_prefixes


def _content_of(version: Version) -> SourceContent:
    return SourceContent(
        version.source,
        version.change_number,
        version.locations,
        version.address_prefixes,
        version.routable,
    )


def _with(content: SourceContent, offered: Iterable[Addition]) -> SourceContent:
    """Add each offered prefix that the content does not have, by itself or within others."""
    known = content.address_prefixes
    offered = tuple(offered)
    prefixes = [addition.prefix for addition in offered]
    lacking = uncovered(ipv4_of(prefixes), ipv4_of(known)) | {
        prefix for prefix in {*prefixes}.difference(known) if ":" in prefix
    }
    return replace(
        content,
        address_prefixes=in_order({*known, *lacking}),
        additions=_sorted(addition for addition in offered if addition.prefix in lacking),
    )


def _sorted(additions: Iterable[Addition]) -> tuple[Addition, ...]:
    by_prefix = {addition.prefix: addition for addition in additions}
    return tuple(by_prefix[prefix] for prefix in in_order(by_prefix))
