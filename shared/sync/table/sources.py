"""The addresses that the sources of a table want, by their newest or pinned versions."""

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ...domain import codes
from ...domain.addresses import (
    MANAGEMENT_TAG,
    Publication,
    Source,
    Version,
    in_order,
    is_list,
    name_of,
    service_tag_of,
    unavailable,
    uncovered,
)
from ...domain.bounds import out_of_bounds, shortened
from ...domain.errors import PermanentError
from ...domain.findings import Finding, listed
from ...domain.registry.choices import RouteStyle
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Pin, Registration
from ...domain.routing.grace import SourceHistory
from ...domain.routing.judgement import Violation, blocking
from ...domain.routing.routable_tags import is_routable, why_not_routable
from ...domain.runs.run import Run
from ..policy import Policy
from ..ports import Versions
from ..run.services import missing_tags

_NOT_BELIEVED = "these prefixes are neither added nor repaired, and our routes on them stay"
_REPAIRED = "repaired from the last recorded version, additions only"


@dataclass(frozen=True)  # without slots, because a cached property needs a `__dict__`
class Wanted:
    """The addresses that these versions want in a table, and how they become routes.

    `versions` are the newest ones, but for a source that is pinned to another one. `newest` are the
    newest ones of all sources. `tags` has the IPv4 prefixes of every service tag that the table is
    or was about. `unusable` reports the sources that cannot be believed now, and `comparison` how
    the sources differ. A recorded IPv4 prefix with fewer bits than `min_prefix_length` is not
    wanted. `pinned` reports a pin that is followed, and `pin_fault` why a pin cannot be followed.
    """

    versions: tuple[Version, ...]
    newest: tuple[Version, ...]
    style: RouteStyle
    tags: Mapping[str, frozenset[str]]
    min_prefix_length: int
    unusable: tuple[Finding, ...] = ()
    comparison: tuple[Finding, ...] = ()
    pinned: tuple[Finding, ...] = ()
    pin_fault: Violation | None = None

    @functools.cached_property
    def addresses(self) -> frozenset[str]:
        """The wanted IPv4 prefixes, whatever the route style."""
        return _ipv4_in(self.versions) - self.out_of_bounds.keys()

    @functools.cached_property
    def out_of_bounds(self) -> Mapping[str, str]:
        """The recorded IPv4 prefixes that are not believed any more, each with the reason.

        The bounds may have become stricter since the version was recorded.
        """
        recorded = _ipv4_in(self.versions) | _ipv4_in(self.newest)
        return out_of_bounds(recorded, self.min_prefix_length)

    @property
    def routed_tags(self) -> frozenset[str]:
        """The tags that become routes themselves, instead of the prefixes in them."""
        if self.style is RouteStyle.PREFIXES:
            return frozenset()
        tags = (service_tag_of(version.source) for version in self.versions)
        return frozenset(tag for tag in tags if tag is not None)

    @property
    def unconfirmed_tags(self) -> tuple[str, ...]:
        """The routed tags of which only Azure knows whether a route may have them."""
        return tuple(
            version.source
            for version in self.newest
            if version.source in self.routed_tags
            and is_routable(version.cloud, version.source, version.routable) is None
        )

    @property
    def tag_prefixes(self) -> frozenset[str]:
        """The IPv4 prefixes in the routed tags."""
        return frozenset(prefix for tag in self.routed_tags for prefix in self.tags[tag])

    @functools.cached_property
    def desired(self) -> frozenset[str]:
        """The tags and prefixes that become routes."""
        return self._routes_for(self.addresses)

    @functools.cached_property
    def desired_unpinned(self) -> frozenset[str]:
        """The tags and prefixes that would become routes if nothing were pinned."""
        return self._routes_for(_ipv4_in(self.newest) - self.out_of_bounds.keys())

    def _routes_for(self, addresses: frozenset[str]) -> frozenset[str]:
        if not self.routed_tags:
            return addresses
        return self.routed_tags | uncovered(addresses, self.tag_prefixes)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that a report has about the sources."""
        faults = [self.out_of_bounds[prefix] for prefix in in_order(self.out_of_bounds)]
        refused = Finding(codes.RECORDED_OUT_OF_BOUNDS, f"{_NOT_BELIEVED}: {shortened(faults)}")
        refusals = (refused,) if faults else ()
        return (*self.unusable, *refusals, *self._not_routed, *self.comparison, *self.pinned)

    @property
    def _not_routed(self) -> tuple[Finding, ...]:
        """Report the lists of a table whose tags become routes themselves."""
        if self.style is RouteStyle.PREFIXES:
            return ()
        lists = [version.source for version in self.versions if is_list(version.source)]
        return listed(codes.LIST_NOT_ROUTED, "a route for each prefix of", lists)

    @property
    def version_ids(self) -> tuple[str, ...]:
        return tuple(version.version_id for version in self.versions)


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads the recorded versions of a route table's sources."""

    versions: Versions
    policy: Policy

    def wanted(self, run: Run, entry: RegisteredTable) -> Wanted:
        """Return what the newest versions want in the table, and what a pin changes about that.

        Raise PermanentError if a source has no recorded version or may not be used like this.
        """
        registration, newest = entry.registration, self._newest(entry)
        versions = tuple(self._usable(run, s, newest[s]) for s in registration.sources)

        if registration.route_style is RouteStyle.SERVICE_TAG:
            _check_routable(versions)

        wanted = Wanted(
            versions=versions,
            newest=versions,
            style=registration.route_style,
            tags=_prefixes_by_tag(newest),
            min_prefix_length=self.policy.min_prefix_length,
            unusable=_unusable(run, registration),
            comparison=(
                *_missing(registration, self.policy),
                *_comparison(run, registration, newest),
                *_of_weekly_file(run, versions),
            ),
        )

        pin = registration.pin
        return wanted if pin is None else self._pinned(wanted, pin, registration)

    def _pinned(self, wanted: Wanted, pin: Pin, registration: Registration) -> Wanted:
        """Return what is wanted if the pin is followed, or the fault of the pin."""
        version = self.versions.get(pin.version_id)
        why = why_not_pinned(version, registration, self.policy.cloud)
        if version is None or why is not None:
            message = f"pin to {pin.version_id}: {why}; the newest versions count, additions only"
            return replace(wanted, pin_fault=blocking(codes.PIN_NOT_FOLLOWED, message, 1))

        versions = tuple(version if v.source == pin.source else v for v in wanted.newest)
        said = f"{pin.source} stays at {pin.version_id}: {pin.reason}"
        return replace(wanted, versions=versions, pinned=(Finding(codes.PINNED, said),))

    def tags(self, entry: RegisteredTable) -> Mapping[str, frozenset[str]]:
        """Return the IPv4 prefixes of every service tag that the table is or was about."""
        return _prefixes_by_tag(self._newest(entry))

    def histories(self, entry: RegisteredTable) -> list[SourceHistory]:
        """Return the history of every source that the table ever had."""
        return [
            *(SourceHistory(self.versions.history(s)) for s in entry.registration.sources),
            *(
                SourceHistory(self.versions.history(source), ended_at)
                for source, ended_at in entry.status.former_sources.items()
            ),
        ]

    def ever_wanted(self, entry: RegisteredTable) -> frozenset[str]:
        """Return the IPv4 prefixes of every version in these histories."""
        versions = chain.from_iterable(one.versions for one in self.histories(entry))
        return frozenset(prefix for version in versions for prefix in version.ipv4)

    def _newest(self, entry: RegisteredTable) -> Mapping[Source, Version | None]:
        known = {*entry.registration.known_sources, *entry.status.former_sources}
        return {source: self.versions.newest(source) for source in known}

    def _usable(self, run: Run, source: Source, newest: Version | None) -> Version:
        """Return the newest version. Raise PermanentError if the table cannot use it."""
        name = name_of(source)
        if name is not None and not self.policy.allows(name):
            raise PermanentError(
                codes.SERVICE_TAG_NOT_ALLOWED, f"{name} is not in ALLOWED_SERVICE_TAGS"
            )
        if newest is None:
            why = run.unusable.get(source, f"no version of {source} is recorded")
            raise PermanentError(unavailable(source), why)
        return newest


def why_not_pinned(version: Version | None, registration: Registration, cloud: str) -> str | None:
    """Return why the registration cannot be pinned to this version; None if it can."""
    if version is None:
        return "no such version is recorded"
    if version.cloud != cloud:
        return f"it is a version of {version.cloud}, and this app serves {cloud}"
    if version.source not in registration.sources:
        return f"it is a version of {version.source}, which is no source of the registration"
    if registration.route_style is RouteStyle.SERVICE_TAG and service_tag_of(version.source):
        return "Azure itself keeps the addresses of a tag's route, so routeStyle must be prefixes"
    return None


def _unusable(run: Run, registration: Registration) -> tuple[Finding, ...]:
    return tuple(
        Finding(unavailable(source), f"{run.unusable[source]}; {_REPAIRED}")
        for source in registration.sources
        if source in run.unusable
    )


def _missing(registration: Registration, policy: Policy) -> Iterator[Finding]:
    for tag in missing_tags(registration, policy.cloud):
        why = _why_missing(tag, registration, policy)
        said = f"{registration.service} needs {tag}, too, and the table has no routes for it"
        yield Finding(codes.SERVICE_TAG_MISSING, f"{said}: {why}")


def _why_missing(tag: str, registration: Registration, policy: Policy) -> str:
    if not policy.allows(tag):
        return "it is not allowed by ALLOWED_SERVICE_TAGS"
    not_routable = why_not_routable(policy.cloud, tag, None)
    if not_routable is not None and registration.route_style is RouteStyle.SERVICE_TAG:
        return not_routable
    return "Azure does not publish it, or could not be asked"


def _comparison(
    run: Run, registration: Registration, newest: Mapping[Source, Version | None]
) -> tuple[Finding, ...]:
    """Report which addresses only the service tag, or only the environment's own API, has."""
    managing = _managing_tags(registration)
    if registration.ase_id is None or not managing:
        return ()

    compared = [*managing, registration.ase_id.key]
    unusable = [source for source in compared if source in run.unusable]
    if unusable:
        return tuple(Finding(codes.NOT_COMPARED, run.unusable[source]) for source in unusable)

    *of_tags, of_ase = (_ipv4_of(newest[source]) for source in compared)
    return _difference({prefix for prefixes in of_tags for prefix in prefixes}, of_ase)


def _of_weekly_file(run: Run, versions: Iterable[Version]) -> Iterator[Finding]:
    """Report what the API lacks, and what is wrong with the weekly file."""
    tags = [version for version in versions if service_tag_of(version.source)]
    if tags:
        yield from run.noted
    for version in tags:
        found: dict[Publication, list[str]] = {}
        for addition in version.additions:
            found.setdefault(addition.since, []).append(addition.prefix)
        for since, prefixes in found.items():
            said = f"{version.source}: the API lacks, since {since}, {shortened(prefixes)}"
            yield Finding(codes.API_LACKS_ADDRESSES, said)


def _managing_tags(registration: Registration) -> Sequence[str]:
    """Return the tags to compare with an environment's own API.

    Other tags of the table say nothing about the management of the environment, nor do lists.
    """
    tags = [tag for tag in registration.service_tags if service_tag_of(tag)]
    return (MANAGEMENT_TAG,) if MANAGEMENT_TAG in tags else tags


def _prefixes_by_tag(
    newest: Mapping[Source, Version | None],
) -> Mapping[str, frozenset[str]]:
    return {s: frozenset(_ipv4_of(version)) for s, version in newest.items() if service_tag_of(s)}


def _ipv4_in(versions: Iterable[Version]) -> frozenset[str]:
    return frozenset(prefix for version in versions for prefix in version.ipv4)


def _ipv4_of(version: Version | None) -> tuple[str, ...]:
    return () if version is None else version.ipv4


def _check_routable(versions: Iterable[Version]) -> None:
    for version in versions:
        tag = service_tag_of(version.source)
        why = None if tag is None else why_not_routable(version.cloud, tag, version.routable)
        if why is not None:
            raise PermanentError(codes.SERVICE_TAG_NOT_ROUTABLE, why)


def _difference(of_tags: Collection[str], of_ase: Collection[str]) -> tuple[Finding, ...]:
    only_tags = in_order(uncovered(of_tags, of_ase))
    only_ase = in_order(uncovered(of_ase, of_tags))
    return (
        *listed(codes.ONLY_SERVICE_TAG_KNOWS, "the environment's own API does not name", only_tags),
        *listed(codes.ONLY_ASE_KNOWS, "the service tag does not contain", only_ase),
    )
