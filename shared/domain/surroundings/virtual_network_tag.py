"""Find the rules of a security group that are also about the addresses of a table's routes.

On the subnets of a table, the service tag `VirtualNetwork` also contains the address prefixes of
the table's routes. Source: "Virtual network service tags", which names no next hop.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .security_rules import SecurityGroup

_REMOTE_ENDS = {"inbound": "source", "outbound": "destination"}
"""The end of the traffic that is not on the subnet, for each direction."""
_EVERY_VALUE = {"*", "any", "0.0.0.0/0", "0-65535"}
_DECISIVE_FIELDS = (
    "sourceAddressPrefix",
    "destinationAddressPrefix",
    "sourcePortRange",
    "destinationPortRange",
)


@dataclass(frozen=True, slots=True)
class TagRule:
    """A rule whose remote end is the service tag `VirtualNetwork`."""

    name: str
    direction: str
    allows: bool

    @property
    def keeps_in(self) -> bool:
        """True if it denies what leaves the subnet."""
        return self.direction == "outbound" and not self.allows

    def __str__(self) -> str:
        return f"{self.name} ({self.direction}, {'allows' if self.allows else 'denies'})"


def tag_rules(group: SecurityGroup) -> Iterator[TagRule]:
    """Yield the rules about `VirtualNetwork`, the inbound rules first, each by priority.

    A rule that comes after a decision about all traffic is left out, because it decides nothing.
    """
    for direction, remote_end in _REMOTE_ENDS.items():
        for name, properties in _by_priority(group.rules, direction):
            if "virtualnetwork" in _values(properties, f"{remote_end}AddressPrefix"):
                allows = str(properties.get("access")).lower() == "allow"
                yield TagRule(name, direction, allows)
            if _decides_all(properties):
                break


def _by_priority(
    rules: Iterable[Mapping[str, Any]], direction: str
) -> list[tuple[str, Mapping[str, Any]]]:
    pairs = [(str(rule.get("name")), rule.get("properties") or {}) for rule in rules]
    found = [pair for pair in pairs if str(pair[1].get("direction")).lower() == direction]
    return sorted(found, key=lambda pair: int(pair[1]["priority"]))


def _decides_all(properties: Mapping[str, Any]) -> bool:
    every_protocol = properties.get("protocol") == "*"
    return every_protocol and all(
        _values(properties, field) & _EVERY_VALUE for field in _DECISIVE_FIELDS
    )


def _values(properties: Mapping[str, Any], field: str) -> set[str]:
    """Return the values of both fields in lower case, because Azure uses either of them."""
    plural = f"{field}es" if field.endswith("x") else f"{field}s"
    values = [properties.get(field), *(properties.get(plural) or ())]
    return {str(value).lower() for value in values if value}
