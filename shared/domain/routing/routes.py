"""ARM JSON <-> route table state; route name <-> owner and prefix.

Format: Microsoft.Network/routeTables. What this module does not know is carried as it came.
"""

import functools
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..addresses import SERVICE_TAG_NAME

INTERNET = "Internet"

_SERVICE_OWNED = frozenset({"etag", "provisioningState", "hasBgpOverride"})
_FOLLOWING_FROM_NAME = frozenset({"id", "type"})


@dataclass(frozen=True, slots=True)
class Route:
    """One route with the JSON it came as.

    `network` is its canonical prefix; None for a service tag or anything else that is not CIDR.
    `prefix` is how it is told from the table's others: its network, or the tag's name as it stands.
    `owner` is whose stamp it bears: the name parses, and is the very name of the prefix.
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
        network = _canonical(address_prefix)
        name, prefix = str(raw.get("name", "")), network or address_prefix
        return cls(
            name=name,
            network=network,
            prefix=prefix,
            next_hop_type=str(properties.get("nextHopType", "")),
            owner=_owner_of(name, prefix),
            raw=raw,
        )

    @property
    def to_internet(self) -> bool:
        return self.next_hop_type.lower() == INTERNET.lower()

    def bare(self) -> dict[str, Any]:
        """All that a write has to say for the route to be as it is: nothing of the service's."""
        return {
            key: _without_service_owned(value)
            for key, value in self.raw.items()
            if key not in _FOLLOWING_FROM_NAME | _SERVICE_OWNED
        }


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table as read, with the ETag that a write has to match."""

    etag: str
    provisioning_state: str
    routes: tuple[Route, ...]
    raw: Mapping[str, Any]
    correlation_id: str | None = None
    """ARM's, of the reading, or of the write that it followed."""

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
        """The service's remedy is to write the whole table again."""
        return self.provisioning_state in {"Failed", "Canceled"}

    @property
    def location(self) -> str | None:
        """None in a table that Azure Firewall made."""
        return self.raw.get("location")

    @property
    def learns_routes(self) -> bool:
        """Whether gateways may add routes that the table does not show."""
        properties = self.raw.get("properties") or {}
        return properties.get("disableBgpRoutePropagation") is not True

    @property
    def subnet_ids(self) -> frozenset[str]:
        """Of the subnets that have the table, in lower case."""
        listed = (self.raw.get("properties") or {}).get("subnets") or ()
        return frozenset(str(subnet.get("id")).lower() for subnet in listed)

    def is_on(self, subnet_id: str) -> bool:
        """Whether the table says that the subnet has it."""
        return subnet_id.lower() in self.subnet_ids

    def to_arm(self, routes: Sequence[Route]) -> dict[str, Any]:
        """The whole table with these routes instead of its own, all else verbatim."""
        properties = {**(self.raw.get("properties") or {}), "routes": [r.raw for r in routes]}
        return {**self.raw, "properties": properties}


# A thousand tables hold the same few hundred prefixes, and each is looked at many times.
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
    """The same route under our name."""
    bare = route.bare()
    return Route.from_arm({**bare, "name": owned_name(owner, route.prefix)})


def sent_to_internet(route: Route) -> Route:
    """The same route with next hop Internet."""
    properties = {k: v for k, v in route.raw["properties"].items() if k != "nextHopIpAddress"}
    return Route.from_arm({**route.raw, "properties": {**properties, "nextHopType": INTERNET}})


# Name from meaning and meaning from name stand together: what one writes the other must read,
# and a name from owner and prefix alone never has to change.
def owned_name(owner: str, prefix: str) -> str:
    """`asemgmt--13.64.115.203_32` for `13.64.115.203/32`; `asemgmt--AppServiceManagement`."""
    return f"{owner}--{prefix.replace('/', '_')}"


_OWNED = re.compile(rf"(?P<owner>[a-z0-9]{{1,20}})--(?:[0-9.]+_[0-9]+|{SERVICE_TAG_NAME.pattern})")


@functools.lru_cache(maxsize=16_384)
def _owner_of(name: str, prefix: str) -> str | None:
    match = _OWNED.fullmatch(name)
    if match is None or name != owned_name(match["owner"], prefix):
        return None
    return match["owner"]


def is_owned(route: Route, owner: str) -> bool:
    """Ours only where it bears our stamp."""
    return route.owner == owner


def _without_service_owned(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _without_service_owned(v) for k, v in value.items() if k not in _SERVICE_OWNED}
    if isinstance(value, list):
        return [_without_service_owned(item) for item in value]
    return value
