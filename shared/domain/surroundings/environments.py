"""ARM JSON -> an App Service Environment and the subnet it is in.

Formats: Microsoft.Web/hostingEnvironments, Microsoft.Network/virtualNetworks/subnets. What this
module does not know is carried as it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..armid import EnvironmentId, RouteTableId, SecurityGroupId, SubnetId, VirtualNetworkId


@dataclass(frozen=True, slots=True)
class Environment:
    """An App Service Environment; without a subnet where what it says of one isn't understood."""

    environment_id: EnvironmentId
    kind: str
    location: str
    subnet_id: SubnetId | None

    @classmethod
    def from_arm(cls, raw: Mapping[str, Any]) -> Self:
        """Raise ValueError for what is not an App Service Environment."""
        properties = raw.get("properties") or {}
        return cls(
            environment_id=EnvironmentId.parse(str(raw.get("id"))),
            kind=str(raw.get("kind") or "").upper(),
            location=str(raw.get("location") or "").lower().replace(" ", ""),
            subnet_id=_subnet_id(properties.get("virtualNetwork") or {}),
        )

    @property
    def manages_itself(self) -> bool:
        """Since v3 nothing of its management is on the customer's network."""
        return self.kind == "ASEV3"


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet as read, with the ETag that a write has to match."""

    subnet_id: SubnetId
    etag: str
    address_prefixes: tuple[str, ...]
    route_table_id: RouteTableId | None
    security_group_id: SecurityGroupId | None
    raw: Mapping[str, Any]

    @classmethod
    def from_arm(cls, raw: Mapping[str, Any], subnet_id: SubnetId) -> Self:
        """Raise ValueError or LookupError where it is not this subnet, whole and understood."""
        properties = raw["properties"]
        if str(raw["id"]).lower() != subnet_id.key:
            raise ValueError(f"{raw['id']} is not {subnet_id}")
        table, group = properties.get("routeTable"), properties.get("networkSecurityGroup")
        several = properties.get("addressPrefixes") or [properties.get("addressPrefix")]
        return cls(
            subnet_id=subnet_id,
            etag=str(raw["etag"]),
            address_prefixes=tuple(str(prefix) for prefix in several if prefix),
            route_table_id=RouteTableId.parse(str(table.get("id"))) if table else None,
            security_group_id=SecurityGroupId.parse(str(group.get("id"))) if group else None,
            raw=raw,
        )

    def with_route_table(self, route_table_id: RouteTableId) -> dict[str, Any]:
        """The whole subnet, all else verbatim."""
        properties = {**self.raw["properties"], "routeTable": {"id": str(route_table_id)}}
        return {**self.raw, "properties": properties}


def _subnet_id(network: Mapping[str, Any]) -> SubnetId | None:
    """v3 names its subnet; v1 and v2 their virtual network, and the subnet's name beside it."""
    text = str(network.get("id") or "")
    try:
        return SubnetId.parse(text)
    except ValueError:
        pass
    try:
        return SubnetId(VirtualNetworkId.parse(text), str(network["subnet"]))
    except (ValueError, KeyError):
        return None
