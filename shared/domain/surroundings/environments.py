"""Read App Service Environments and their subnets from ARM JSON.

Formats: Microsoft.Web/hostingEnvironments, Microsoft.Network/virtualNetworks/subnets. Keys that
this module does not know are kept unchanged.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from ..armid import EnvironmentId, RouteTableId, SecurityGroupId, SubnetId

type _Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Environment:
    """An App Service Environment; its subnet is None if the JSON does not clearly name one.

    Azure suspends an environment that it could not manage for a while: all its apps stop.
    """

    environment_id: EnvironmentId
    kind: str
    location: str
    subnet_id: SubnetId | None
    suspended: bool = False

    @classmethod
    def from_arm(cls, raw: _Json) -> Self:
        """Raise ValueError if the JSON is not an App Service Environment's."""
        properties = raw.get("properties") or {}
        return cls(
            environment_id=EnvironmentId.parse(str(raw.get("id"))),
            kind=str(raw.get("kind") or "").upper(),
            location=str(raw.get("location") or "").lower().replace(" ", ""),
            subnet_id=_subnet_id(properties.get("virtualNetwork") or {}),
            suspended=properties.get("suspended") is True,
        )

    @property
    def manages_itself(self) -> bool:
        """Since v3 no management traffic uses the customer's network."""
        return self.kind == "ASEV3"

    @property
    def probe_port(self) -> int:
        """The TCP port at which Azure's load balancer asks whether the environment lives.

        Source: "Networking considerations" of each version.
        """
        return 80 if self.manages_itself else 16001


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet as it was read, with the ETag that a write has to match."""

    subnet_id: SubnetId
    etag: str
    address_prefixes: tuple[str, ...]
    route_table_id: RouteTableId | None
    security_group_id: SecurityGroupId | None
    raw: _Json

    @classmethod
    def from_arm(cls, raw: _Json, subnet_id: SubnetId) -> Self:
        """Raise ValueError or LookupError if the JSON is incomplete or describes another subnet."""
        if SubnetId.parse(str(raw["id"])) != subnet_id:
            raise ValueError(f"{raw['id']} is not {subnet_id}")

        properties = raw["properties"]
        return cls(
            subnet_id=subnet_id,
            etag=str(raw["etag"]),
            address_prefixes=_address_prefixes(properties),
            route_table_id=_linked(RouteTableId.parse, properties, "routeTable"),
            security_group_id=_linked(SecurityGroupId.parse, properties, "networkSecurityGroup"),
            raw=raw,
        )

    @property
    def lacks_outbound(self) -> bool:
        """True if only what has an outbound way of its own reaches the Internet from here.

        Source: "Default outbound access in Azure" (Microsoft, 2026-01-30): in a private subnet,
        traffic to a service tag that goes past a firewall breaks.
        """
        properties = self.raw["properties"]
        return properties.get("defaultOutboundAccess") is False and not properties.get("natGateway")

    @property
    def sound(self) -> bool:
        """True if the last write of the subnet has ended well."""
        return bool(self.raw["properties"].get("provisioningState") == "Succeeded")

    def with_route_table(self, route_table_id: RouteTableId) -> dict[str, Any]:
        """Return the whole subnet's JSON with this route table and everything else unchanged."""
        properties = {**self.raw["properties"], "routeTable": {"id": str(route_table_id)}}
        return {**self.raw, "properties": properties}


def _linked[T](parse: Callable[[str], T], properties: _Json, key: str) -> T | None:
    """Parse the id of the resource that the properties refer to, if they refer to one."""
    reference = properties.get(key)
    return parse(str(reference.get("id"))) if reference else None


def _address_prefixes(properties: _Json) -> tuple[str, ...]:
    """Return the prefixes from either field: Azure uses the singular or the plural one."""
    prefixes = properties.get("addressPrefixes") or [properties.get("addressPrefix")]
    return tuple(str(prefix) for prefix in prefixes if prefix)


def _subnet_id(network: _Json) -> SubnetId | None:
    """Return the id of the environment's subnet, or None if it is not understood."""
    # Only v3 gives the subnet's id; v1 and v2 give the virtual network's id and the subnet's name.
    text = str(network.get("id") or "")
    for each in (text, f"{text}/subnets/{network.get('subnet') or ''}"):
        with suppress(ValueError):
            return SubnetId.parse(each)
    return None
