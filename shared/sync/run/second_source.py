"""Completes the API's answers with what the weekly file of service tags alone has.

An address is wanted if the API or the file has it, and gone if neither has it. A file that cannot
be read or believed adds nothing new. An address that an earlier file added stays for as long as the
last good file may be believed, so that no route comes and goes with a download.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
class Second:
    """The addresses that the weekly file has, beside the answers of the API.

    `prefixes` has the tags for which the file is believed. `stays` says whether other tags keep the
    addresses that a file has added before. `findings` say what is wrong with the file.
    `publication` is None if there is no good file.
    """

    publication: Publication | None = None
    prefixes: Mapping[Source, tuple[str, ...]] = field(default_factory=dict)
    stays: bool = False
    findings: tuple[Finding, ...] = ()

    def after(self, content: SourceContent, newest: Version | None) -> SourceContent:
        """Return the API's answer with what it lacks. The newest version is the one before it."""
        before = () if newest is None else newest.additions
        if content.source in self.prefixes:
            return _with(content, self._additions(content.source, before))
        return _with(content, before if self.stays else ())

    def after_version(self, newest: Version | None) -> SourceContent | None:
        """Return the newest version with what it lacks; None if there is nothing to add.

        The API has no answer now, so nothing is gone. The file alone is never the first version.
        """
        if newest is None:
            return None
        offered = self._additions(newest.source, newest.additions)
        completed = _with(_content_of(newest), offered)
        if not completed.additions:
            return None
        return replace(completed, additions=_sorted((*newest.additions, *completed.additions)))

    def _additions(self, tag: Source, before: Iterable[Addition]) -> Iterator[Addition]:
        """Yield all that the file has, and what another worker has just added from a newer file.

        A prefix that an earlier file had keeps that file.
        """
        since = {addition.prefix: addition for addition in before}
        if self.publication is None:
            return
        for prefix in self.prefixes[tag]:
            yield since.pop(prefix, Addition(prefix, self.publication))
        day = self.publication.published_on
        yield from (left for left in since.values() if left.since.published_on > day)


@dataclass(frozen=True, slots=True)
class SecondSource:
    """`files` is None if the operator has named no weekly file."""

    store: Store
    files: WeeklyFiles | None
    policy: Policy
    clock: Clock

    def read(self, answered: Collection[Source], unusable: Collection[Source]) -> Second:
        """Read the file for these sources. Write nothing, and raise no error of the file.

        The API has no answer now for those in `unusable`, and no finding is about them.
        """
        if self.files is None:
            return Second()

        # If no file was ever read, another worker may be the first, and may have added something.
        last, today = self.store.publications.read(), self.clock().date()
        stays = last is None or not is_stale(last, today)
        try:
            file = self.files.read()
            check_day(file, last, today)
        except Exception as error:  # whatever it is, the API's answers count without the file
            return Second(stays=stays, findings=(_finding(error),))

        return self._listed(file, answered, unusable, stays=stays)

    def note(self, second: Second) -> None:
        """Note which file a run has read, before a version has any address of it.

        So a run that ends in between does not leave an address behind whose file nobody knows.
        """
        found = second.publication
        if found is None:
            return
        last = self.store.publications.read()
        if last is None or (found != last and found.published_on >= last.published_on):
            self.store.publications.write(found)

    def _listed(
        self,
        file: WeeklyFile,
        answered: Collection[Source],
        unusable: Collection[Source],
        *,
        stays: bool,
    ) -> Second:
        prefixes: dict[Source, tuple[str, ...]] = {}
        faults: dict[Source, str] = {}
        for tag in filter(service_tag_of, (*answered, *unusable)):
            try:
                prefixes[tag] = _prefixes_of(file, tag, self.policy.min_prefix_length)
            except UnusableServiceTag as error:
                faults[tag] = error.message

        findings = _of_tags([faults[tag] for tag in answered if tag in faults])
        return Second(file.publication, prefixes, stays, findings)


def _finding(error: Exception) -> Finding:
    found = Finding.of(error)
    if isinstance(error, UnusableWeeklyFile):
        return Finding(found.code, f"{found.message}; {_ADDS_NOTHING}")
    said = f"the weekly file: {found.code}: {found.message}; {_ADDS_NOTHING}"
    return Finding(codes.WEEKLY_FILE_UNUSABLE, said)


def _of_tags(faults: Sequence[str]) -> tuple[Finding, ...]:
    """Say why the file is not believed for some tags."""
    if not faults:
        return ()
    said = f"{shortened(faults)}; for these tags the weekly file adds nothing new"
    return (Finding(codes.WEEKLY_FILE_UNUSABLE, said),)


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
