"""Answer of a source of addresses -> validated content; its hash; the difference of two contents.

Formats: Service Tag Discovery API (Microsoft.Network/locations/serviceTags), and
Microsoft.Web/hostingEnvironments/inboundNetworkDependenciesEndpoints.
"""

import functools
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from . import codes
from .bounds import fault_of, shortened
from .codes import Code
from .errors import UnusableEnvironment, UnusableServiceTag, UnusableSource

type Source = str
"""The name of a service tag or of a list, or the ARM id (its key) of an environment."""

MANAGEMENT_TAG = "AppServiceManagement"
"""The addresses that manage an App Service Environment, on TCP 454 and 455."""

SERVICE_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)?")
"""A tag, or one region of a tag: `AppServiceManagement`, `Storage.WestEurope`."""

LIST_NAME = re.compile(r"(?=.{3,63}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)+")
"""A list of one's own: `kms-activation`. No tag of Azure has a hyphen, and no service of ours."""

_MANAGEMENT_ENTRY = "App Service management"

UNAVAILABLE = (codes.TAG_UNAVAILABLE, codes.LIST_UNAVAILABLE, codes.ASE_UNAVAILABLE)
"""Each says that a source of one kind is unusable. The kind that most tables have comes first."""


def service_tag_of(source: Source) -> str | None:
    """Return the source if it is a service tag; None if it is a list or an environment."""
    return None if is_list(source) else name_of(source)


def name_of(source: Source) -> str | None:
    """Return the name of a service tag or of a list; None if it is an App Service Environment."""
    return None if source.startswith("/") else source


def is_list(text: str) -> bool:
    """Return whether a list of one's own may have this name, which no service tag can have."""
    return LIST_NAME.fullmatch(text) is not None


def unavailable(source: Source) -> Code:
    """Return the code of a source that is unusable."""
    if name_of(source) is None:
        return codes.ASE_UNAVAILABLE
    return codes.LIST_UNAVAILABLE if is_list(source) else codes.TAG_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Publication:
    """A weekly file of service tags. Its change number is no change number of the API."""

    published_on: date
    change_number: str

    def __str__(self) -> str:
        return f"the weekly file of {self.published_on} (change number {self.change_number})"


@dataclass(frozen=True, slots=True)
class Addition:
    """A prefix that the weekly file has and the API lacks, and the first file that showed it so."""

    prefix: str
    since: Publication


@dataclass(frozen=True, slots=True)
class SourceContent:
    """The checked answer of a source at one or more locations; prefixes in numerical order.

    `routable` is whether a route may have the tag as its prefix; None if the answer does not say.
    `additions` are the prefixes that come from the weekly file alone.
    """

    source: Source
    change_number: str
    locations: tuple[str, ...]
    address_prefixes: tuple[str, ...]
    routable: bool | None = None
    additions: tuple[Addition, ...] = ()

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of the prefixes."""
        return hashlib.sha256("\n".join(self.address_prefixes).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Version:
    """One recorded content of a source, with the fields of `SourceContent`."""

    version_id: str
    cloud: str
    source: Source
    change_number: str
    recorded_at: datetime
    locations: tuple[str, ...]
    address_prefixes: tuple[str, ...]
    previous_version_id: str | None
    run_id: str
    routable: bool | None = None
    additions: tuple[Addition, ...] = ()

    @property
    def name(self) -> str | None:
        """As `name_of` its source."""
        return name_of(self.source)

    @property
    def ipv4(self) -> tuple[str, ...]:
        return ipv4_of(self.address_prefixes)

    @property
    def api_lacks(self) -> str:
        """How many prefixes come from the weekly file alone; nothing if none does."""
        count = len(self.additions)
        return f"{count} of these prefixes, which the weekly file has" if count else ""

    @property
    def head(self) -> "VersionHead":
        return VersionHead(self.version_id, self.source, self.change_number, self.recorded_at)

    def says_the_same_as(self, content: SourceContent) -> bool:
        """Return whether number and prefixes are equal; which one is newer does not matter.

        The real change number has gone backwards, and the real prefixes have come back under a new
        number. An answer that says whether the tag is routable must say the same, too, and the
        same prefixes must come from the weekly file alone.
        """
        return content.routable in {None, self.routable} and (
            self.change_number,
            self.address_prefixes,
            [addition.prefix for addition in self.additions],
        ) == (
            content.change_number,
            content.address_prefixes,
            [addition.prefix for addition in content.additions],
        )

    def change_since(self, previous: "Version | None") -> "Difference":
        """Compare with the version before this one, if there is one."""
        before = () if previous is None else previous.address_prefixes
        return difference(before, self.address_prefixes)


@dataclass(frozen=True, slots=True)
class VersionHead:
    """A version without its addresses."""

    version_id: str
    source: Source
    change_number: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    added: tuple[str, ...]
    removed: tuple[str, ...]


def difference(before: Iterable[str], after: Iterable[str]) -> Difference:
    old, new = set(before), set(after)
    return Difference(in_order(new - old), in_order(old - new))


def in_order(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Sort service tags by name, then canonical prefixes by family, address and length."""
    return tuple(sorted(prefixes, key=_position))


@functools.lru_cache(maxsize=16_384)
def _position(prefix: str) -> tuple[int, int, int, str]:
    if is_service_tag(prefix):
        return 0, 0, 0, prefix
    network = ipaddress.ip_network(prefix)
    return network.version, int(network.network_address), network.prefixlen, ""


def widest_first(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Sort IPv4 prefixes by length, the most addresses first; service tags go before them all."""
    return tuple(sorted(in_order(prefixes), key=lambda prefix: _position(prefix)[2]))


def ipv4_of(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Return the IPv4 prefixes: ASE subnets are IPv4, so that only these become routes."""
    return tuple(prefix for prefix in prefixes if ":" not in prefix)


def uncovered(prefixes: Iterable[str], by: Iterable[str]) -> frozenset[str]:
    """Return the IPv4 prefixes that the others, taken together, do not contain completely."""
    around = frozenset(ipaddress.collapse_addresses(ipaddress.IPv4Network(p) for p in by))
    lengths = {network.prefixlen for network in around}

    def is_covered(network: ipaddress.IPv4Network) -> bool:
        shorter = (length for length in lengths if length <= network.prefixlen)
        return any(network.supernet(new_prefix=length) in around for length in shorter)

    return frozenset(p for p in prefixes if not is_covered(ipaddress.IPv4Network(p)))


def is_service_tag(text: str) -> bool:
    """Return whether a service tag may have this name; no prefix in CIDR notation is one."""
    return SERVICE_TAG_NAME.fullmatch(text) is not None


def is_ipv4_prefix(text: str) -> bool:
    """Return whether this is an IPv4 prefix in canonical form, in which prefixes are compared."""
    try:
        return str(ipaddress.IPv4Network(text)) == text
    except ValueError:
        return False


def parse_service_tag(
    document: object, service_tag: str, *, location: str, min_prefix_length: int
) -> SourceContent:
    """Read one tag out of one location's answer.

    `min_prefix_length` is in bits: an IPv4 prefix with fewer bits is not believed.
    Raise UnusableServiceTag, naming each fault, if the tag is missing or malformed.
    """
    if not isinstance(document, Mapping):
        raise UnusableServiceTag(f"the answer of {location} is not a JSON object")

    properties = _properties_of(document, service_tag, location)
    listed = properties.get("addressPrefixes")
    named = f"{service_tag} in {location}"
    prefixes = _believed(listed, named, min_prefix_length, UnusableServiceTag)

    change_number = str(properties.get("changeNumber", ""))
    routable = _routable(properties.get("networkFeatures"))
    return SourceContent(service_tag, change_number, (location,), prefixes, routable)


def parse_inbound_dependencies(
    entries: Sequence[object], environment_id: Source, *, min_prefix_length: int
) -> SourceContent:
    """Read the management addresses out of the answer of an environment's own API.

    The same list holds the environment's own VIP and subnet, which are never read. Raise
    UnusableEnvironment, naming each fault, if the addresses are missing or malformed.
    """
    named = (e for e in entries if isinstance(e, Mapping))
    found = [e for e in named if str(e.get("description")).lower() == _MANAGEMENT_ENTRY.lower()]
    listed = found[0].get("endpoints") if len(found) == 1 else None
    prefixes = _believed(listed, environment_id, min_prefix_length, UnusableEnvironment)
    return SourceContent(environment_id, "", (), prefixes)


def union(contents: Sequence[SourceContent]) -> SourceContent:
    """Unite the answers of several locations: they differ while a version is rolled out."""
    said = {content.routable for content in contents} - {None}
    return SourceContent(
        source=contents[0].source,
        change_number=",".join(sorted({content.change_number for content in contents})),
        locations=tuple(location for content in contents for location in content.locations),
        address_prefixes=in_order({p for content in contents for p in content.address_prefixes}),
        routable=any(said) if said else None,
    )


def _routable(network_features: object) -> bool | None:
    """Return whether these include user-defined routes; None if the answer does not say.

    An empty list says nothing: Microsoft's weekly files have null or at least one feature.
    """
    if isinstance(network_features, str) or not isinstance(network_features, Sequence):
        return None
    return "UDR" in network_features if network_features else None


def names_in(document: Mapping[str, object]) -> list[str]:
    """Return the names of all tags in one location's answer, as far as it can be read."""
    values = document.get("values")
    listed = values if isinstance(values, list) else []
    return [str(entry.get("name")) for entry in listed if isinstance(entry, Mapping)]


def _entries_of(
    document: Mapping[str, object], service_tag: str, location: str
) -> list[Mapping[str, object]]:
    """Return the entries with this name, in whatever case."""
    values = document.get("values")
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise UnusableServiceTag(f"the answer of {location} has no list of values")
    entries = (value for value in values if isinstance(value, Mapping))
    return [entry for entry in entries if str(entry.get("name")).lower() == service_tag.lower()]


def _properties_of(
    document: Mapping[str, object], service_tag: str, location: str
) -> Mapping[str, object]:
    named = _entries_of(document, service_tag, location)
    entries = [entry for entry in named if entry["name"] == service_tag]
    if not entries:
        spelled = f": it is spelled {named[0]['name']}" if named else ""
        raise UnusableServiceTag(f"{service_tag} is not in the answer of {location}{spelled}")
    if len(entries) > 1:
        raise UnusableServiceTag(f"{service_tag} is in the answer of {location} more than once")

    properties = entries[0].get("properties")
    if not isinstance(properties, Mapping):
        raise UnusableServiceTag(f"{service_tag} has no properties in {location}")
    return properties


def _believed(
    listed: object, named: str, min_prefix_length: int, unusable: Callable[[str], UnusableSource]
) -> tuple[str, ...]:
    """Return the prefixes in canonical form and numerical order.

    Raise `unusable`, naming each fault, if they can't be believed.
    """
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise unusable(f"{named} names no addresses")
    faults = [fault for text in listed if (fault := fault_in(text, min_prefix_length)) is not None]
    if faults:
        raise unusable(f"{named} cannot be believed: {shortened(faults)}")

    prefixes = canonical(listed)
    if not ipv4_of(prefixes):
        raise unusable(f"{named} names no IPv4 prefix")
    return prefixes


def canonical(listed: Iterable[str]) -> tuple[str, ...]:
    """Return the prefixes in canonical form and numerical order, each once."""
    return in_order({str(ipaddress.ip_network(text)) for text in listed})


def fault_in(text: object, min_prefix_length: int) -> str | None:
    """Return why this is not believed as a prefix of a source; None if it is."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9A-Fa-f.:]+/[0-9]{1,3}", text):
        return f"{text!r:.60} is not CIDR notation"
    try:
        return fault_of(text, min_prefix_length)
    except ValueError as error:
        return str(error)
