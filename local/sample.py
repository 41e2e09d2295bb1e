"""A sample Azure: three subscriptions, a dozen ASE route tables as one finds them in the wild."""

from dataclasses import dataclass
from typing import Any

from shared.domain.addresses import ipv4_of
from shared.domain.routes import owned_name

from .azure.resources import RouteTable
from .azure.service_tags import SERVICE_TAG
from .azure.state import State

TAG_SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTIONS = (
    TAG_SUBSCRIPTION,
    "22222222-2222-4222-8222-222222222222",
    "33333333-3333-4333-8333-333333333333",
)
LOCATIONS = ("westeurope", "northeurope", "eastus2", "australiaeast")
VERSIONS_AHEAD = 3
"""How many of the tag's published versions are left to step through."""


@dataclass(frozen=True, slots=True)
class Sample:
    registered: list[str]
    unregistered: str


def fill(state: State) -> Sample:
    """Put the tables there, and the tag some versions before the newest."""
    state.tags.position = len(state.tags.published) - 1 - VERSIONS_AHEAD
    registered = []
    for number in range(12):
        table = _table(number, f"ase{number + 1:02}")
        table.routes += _found_there(state, number)
        state.add_table(table)
        registered.append(table.resource_id)
    stray = _table(12, "ase-legacy")
    # Here somebody sends a management address to the firewall on purpose, or by mistake.
    first = ipv4_of(state.tags.at("")["addressPrefixes"])[0]
    stray.routes += [
        _default_to_firewall(12),
        _route("mgmt-through-firewall", first, "VirtualAppliance", "10.12.0.4"),
    ]
    state.add_table(stray)
    return Sample(registered, stray.resource_id)


def _table(number: int, name: str) -> RouteTable:
    subscription = SUBSCRIPTIONS[number % len(SUBSCRIPTIONS)]
    group = f"/subscriptions/{subscription}/resourceGroups/rg-{name}"
    return RouteTable(
        resource_id=f"{group}/providers/Microsoft.Network/routeTables/rt-{name}",
        location=LOCATIONS[number % len(LOCATIONS)],
        tags={"environment": "production", "costCenter": str(4000 + number)},
        properties={"disableBgpRoutePropagation": number % 2 == 0},
        subnets=[
            f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-{name}/subnets/snet-ase"
        ],
    )


def _found_there(state: State, number: int) -> list[dict[str, Any]]:
    """What a table holds before we come: each fourth is found in the same condition."""
    older = state.tags.published[state.tags.position - 8]
    prefixes = ipv4_of(older["addressPrefixes"])
    routes = [_default_to_firewall(number)]
    match number % 4:
        case 1:  # the Microsoft article's loop was here, with an older list
            routes += [_route(p.split("/")[0], p) for p in prefixes[:60]]
        case 2:  # we were here, some versions ago
            routes += [_route(owned_name("asemgmt", p), p) for p in prefixes]
        case 3:  # routes of other tools, one of them equal to a wanted one
            routes += [
                _route("monitoring", "AzureMonitor"),
                _route("equal-by-hand", prefixes[-1]),
                _route("to-datacentre", "172.16.0.0/12", "VirtualNetworkGateway"),
            ]
    return routes


def _default_to_firewall(number: int) -> dict[str, Any]:
    return _route("default-via-firewall", "0.0.0.0/0", "VirtualAppliance", f"10.{number}.0.4")


def _route(
    name: str, prefix: str, next_hop: str = "Internet", address: str | None = None
) -> dict[str, Any]:
    properties = {"addressPrefix": prefix, "nextHopType": next_hop}
    if address is not None:
        properties["nextHopIpAddress"] = address
    return {"name": name, "properties": properties}


def settings() -> dict[str, str]:
    """The app settings that the sample needs, but for storage and the simulated Azure's own."""
    return {
        "SYNC_SCHEDULE": "0 0 6 * * 3",
        "SERVICE_TAG": SERVICE_TAG,
        "SERVICE_TAG_SUBSCRIPTION_ID": TAG_SUBSCRIPTION,
        "SERVICE_TAG_LOCATIONS": "westeurope,eastus2",
    }
