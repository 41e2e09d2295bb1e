"""Routes and security rules as Azure's API writes them, and a table's routes by owner."""

from typing import Any

from local.azure.resources import RouteTable
from shared.domain.routing.routes import owned_name

OWNER = "asemgmt"


def route(
    name: str, prefix: str, next_hop: str = "Internet", **properties: object
) -> dict[str, Any]:
    return {
        "name": name,
        "properties": {"addressPrefix": prefix, "nextHopType": next_hop, **properties},
    }


def owned(prefix: str, next_hop: str = "Internet", **properties: object) -> dict[str, Any]:
    return route(owned_name(OWNER, prefix), prefix, next_hop, **properties)


def to_firewall(prefix: str = "0.0.0.0/0", name: str = "default-via-firewall") -> dict[str, Any]:
    return route(name, prefix, "VirtualAppliance", nextHopIpAddress="10.0.0.4")


def to_appliances(
    prefix: str, count: int = 2, next_hop: str = "VirtualApplianceEcmp"
) -> dict[str, Any]:
    """Return a route to several appliances, as api-versions since 2025-07-01 know it."""
    addresses = [f"10.0.0.{number}" for number in range(4, 4 + count)]
    return route("several", prefix, next_hop, nextHop={"nextHopIpAddresses": addresses})


def article_route(number: int, prefix: str) -> dict[str, Any]:
    """Return a route as the loop of Microsoft's article names it."""
    return route(f"ASE-management-{number}", prefix)


def rule(
    name: str,
    priority: int,
    *,
    access: str = "Allow",
    source: str | list[str] = "AppServiceManagement",
    ports: str | list[str] = "454-455",
    destination: str | list[str] = "*",
    **properties: Any,
) -> dict[str, Any]:
    """Return a security rule as Azure keeps it: one value or a list, and the other field empty."""
    fields: dict[str, Any] = {}
    for field, plural, value in (
        ("sourceAddressPrefix", "sourceAddressPrefixes", source),
        ("destinationAddressPrefix", "destinationAddressPrefixes", destination),
        ("destinationPortRange", "destinationPortRanges", ports),
    ):
        fields |= {plural: value} if isinstance(value, list) else {field: value, plural: []}
    return {
        "name": name,
        "properties": {
            "protocol": "*",
            "sourcePortRange": "*",
            "sourcePortRanges": [],
            "access": access,
            "priority": priority,
            "direction": "Inbound",
            **fields,
            **properties,
        },
    }


def owned_prefixes(table: RouteTable) -> set[str]:
    return {
        r["properties"]["addressPrefix"]
        for r in table.routes
        if r["name"].startswith(f"{OWNER}--") and r["properties"]["nextHopType"] == "Internet"
    }


def foreign_routes(table: RouteTable) -> list[dict[str, Any]]:
    return [r for r in table.routes if not r["name"].startswith(f"{OWNER}--")]
