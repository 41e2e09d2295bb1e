"""Read and write route tables as ARM JSON, and the names that our routes have.

Format: Microsoft.Network/routeTables. Properties that this module does not know stay as they came.
"""

import functools
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..addresses import SERVICE_TAG_NAME
from ..armid import ignoring_case

INTERNET = "Internet"

_SET_BY_SERVICE = frozenset({"etag", "provisioningState", "hasBgpOverride"})
_NOT_IN_A_WRITE = _SET_BY_SERVICE | {"id", "type"}


@dataclass(frozen=True, slots=True)
class Route:
    """One route with the JSON from which it was read.

    `network` is its canonical prefix; None for a service tag or anything else that is not CIDR.
    `prefix` identifies the route in its table: it is the network, or else the address prefix as
    read. `owner` is the owner in its name; None if the name is not exactly what `owned_name` makes
    of that owner and the prefix.
    """

    name: str
    network: str | None
    prefix: str
    next_hop_type: str
    owner: str | None
    raw: Mapping[str, Any]

    @classmethod
    def from_arm(cls, raw: Mapping[str, Any]) -> Self:
        properties = raw.get("properties") or {}
        address_prefix = str(properties.get("addressPrefix", ""))
        next_hop_type = str(properties.get("nextHopType", ""))
        name = str(raw.get("name", ""))

        network = _canonical(address_prefix)
        prefix = network or address_prefix
        return cls(name, network, prefix, next_hop_type, _owner_of(name, prefix), raw)

    @property
    def to_internet(self) -> bool:
        return self.next_hop_type.lower() == INTERNET.lower()

    @property
    def next_hop_address(self) -> str | None:
        """The address to which the route leads, or all of them; None if its type needs none."""
        return next_hop_address(self.raw.get("properties") or {})

    def bare(self) -> dict[str, Any]:
        """Return the JSON that a write has to contain, without what the service itself adds."""
        return {
            key: _without_set_by_service(value)
            for key, value in self.raw.items()
            if key not in _NOT_IN_A_WRITE
        }


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table as read, with the ETag that a write has to match.

    `correlation_id` is the id that Azure gave to the read, or to the write before it.
    """

    etag: str
    provisioning_state: str
    routes: tuple[Route, ...]
    raw: Mapping[str, Any]
    correlation_id: str | None = None

    @classmethod
    def from_arm(cls, raw: Mapping[str, Any], correlation_id: str | None = None) -> Self:
        properties = raw.get("properties") or {}
        return cls(
            correlation_id=correlation_id,
            etag=str(raw.get("etag", "")),
            provisioning_state=str(properties.get("provisioningState", "")),
            routes=tuple(Route.from_arm(route) for route in properties.get("routes") or ()),
            raw=raw,
        )

    @property
    def sound(self) -> bool:
        return self.provisioning_state == "Succeeded"

    @property
    def failed(self) -> bool:
        """True if the last write failed. Azure then needs another write of the whole table."""
        return self.provisioning_state in {"Failed", "Canceled"}

    @property
    def busy(self) -> bool:
        """True while the service is still changing the table."""
        return not self.sound and not self.failed

    @property
    def location(self) -> str | None:
        """The Azure region; None in a table that Azure Firewall made."""
        return self.raw.get("location")

    @property
    def learns_routes(self) -> bool:
        """True if gateways may add routes that the table does not show."""
        properties = self.raw.get("properties") or {}
        return properties.get("disableBgpRoutePropagation") is not True

    @property
    def subnet_ids(self) -> frozenset[str]:
        """The ids of the subnets that use the table, ignoring case."""
        listed = (self.raw.get("properties") or {}).get("subnets") or ()
        return frozenset(ignoring_case(str(subnet.get("id"))) for subnet in listed)

    def is_on(self, subnet_id: str) -> bool:
        """Return whether the subnet uses the table."""
        return ignoring_case(subnet_id) in self.subnet_ids

    def to_arm(self, routes: Sequence[Route]) -> dict[str, Any]:
        """Return the whole table with these routes; everything else is unchanged."""
        properties = {**(self.raw.get("properties") or {}), "routes": [r.raw for r in routes]}
        return {**self.raw, "properties": properties}


def next_hop_address(properties: Mapping[str, Any]) -> str | None:
    """Return the address in the properties of a route, or all addresses of several next hops."""
    several = (properties.get("nextHop") or {}).get("nextHopIpAddresses") or ()
    return properties.get("nextHopIpAddress") or ", ".join(map(str, several)) or None


def next_hop_text(next_hop_type: str, address: str | None) -> str:
    return f"{next_hop_type} {address}" if address else next_hop_type


# A thousand tables have the same few hundred prefixes, and each of them is parsed many times.
@functools.lru_cache(maxsize=16_384)
def _canonical(address_prefix: str) -> str | None:
    try:
        return str(ipaddress.ip_network(address_prefix, strict=False))
    except ValueError:
        return None


def internet_route(owner: str, prefix: str) -> Route:
    return Route.from_arm(
        {
            "name": owned_name(owner, prefix),
            "properties": {"addressPrefix": prefix, "nextHopType": INTERNET},
        }
    )


def renamed(route: Route, owner: str) -> Route:
    """Return the same route with our name for its prefix."""
    bare = route.bare()
    return Route.from_arm({**bare, "name": owned_name(owner, route.prefix)})


def sent_to_internet(route: Route) -> Route:
    """Return the same route with next hop Internet."""
    # Azure refuses the whole table if a property of the old next hop is left in the route:
    # `nextHopIpAddress`, `nextHop`, or one that a later API version brings.
    properties = {k: v for k, v in route.raw["properties"].items() if not k.startswith("nextHop")}
    return Route.from_arm({**route.raw, "properties": {**properties, "nextHopType": INTERNET}})


# The next functions stand together, because a name that one makes is read by the other. A name is
# made from owner and prefix alone, so that it never has to change.
def owned_name(owner: str, prefix: str) -> str:
    """Return `asemgmt--13.64.115.203_32`, for a tag `asemgmt--AppServiceManagement`."""
    return f"{owner}--{prefix.replace('/', '_')}"


_STAMPED_NAME = re.compile(
    rf"(?P<owner>[a-z0-9]{{1,20}})--(?:[0-9.]+_[0-9]+|{SERVICE_TAG_NAME.pattern})"
)


@functools.lru_cache(maxsize=16_384)
def _owner_of(name: str, prefix: str) -> str | None:
    match = _STAMPED_NAME.fullmatch(name)
    if match is None or name != owned_name(match["owner"], prefix):
        return None
    return match["owner"]


def is_owned(route: Route, owner: str) -> bool:
    """Return whether the route is ours: it has our owner in its name."""
    return route.owner == owner


def _without_set_by_service(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _without_set_by_service(v) for k, v in value.items() if k not in _SET_BY_SERVICE}
    if isinstance(value, list):
        return [_without_set_by_service(item) for item in value]
    return value
