"""A sample Azure with three subscriptions and fourteen environments.

Twelve have registered route tables in the conditions that real tables are in. One has a table that
nobody has registered, and one has no table. The table of an Azure Databricks workspace is not
registered either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.addresses import ipv4_of
from shared.domain.routing.routes import owned_name
from shared.settings import RECORDED

from .azure.hosting_environments import Environment
from .azure.resources import RouteTable, SecurityGroup, VirtualNetwork
from .azure.security_groups import simple_rule
from .azure.service_tags import SERVICE_TAG
from .azure.state import State
from .azure.target import key_of

TAG_SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTIONS = (
    TAG_SUBSCRIPTION,
    "22222222-2222-4222-8222-222222222222",
    "33333333-3333-4333-8333-333333333333",
)
LOCATIONS = ("westeurope", "northeurope", "eastus2", "australiaeast")
VERSIONS_AHEAD = 3
"""The number of the tag's published versions that are left to step through."""

OTHER_TAGS = {
    "AzureDatabricks": ["20.36.0.0/28", "20.42.4.208/28"],
    "Sql.WestEurope": ["13.69.104.0/26"],
    "Storage.WestEurope": ["13.69.40.0/24"],
    "EventHub.WestEurope": ["13.69.64.0/26"],
}
"""Prefixes of the tags of Azure Databricks: a few, and not the real ones."""


@dataclass(frozen=True, slots=True)
class Sample:
    registered: list[str]
    unregistered: str
    without_table: str
    databricks: str


def fill(state: State) -> Sample:
    """Add the resources, and set the tag to a version before the newest."""
    state.tags.position = len(state.tags.published) - 1 - VERSIONS_AHEAD
    state.tags.others |= OTHER_TAGS

    registered = []
    for number in range(12):
        name = f"ase{number + 1:02}"
        table = _table(number, name)
        table.routes += _routes_before_us(state, number)
        state.add_table(table)
        _add_environment(state, name, table)
        registered.append(table.resource_id)

    # In this table somebody sends a management address to the firewall, on purpose or by mistake.
    stray = _table(12, "ase-legacy")
    first = ipv4_of(state.tags.at("")["addressPrefixes"])[0]
    stray.routes += [
        _default_to_firewall(12),
        _route("mgmt-through-firewall", first, "VirtualAppliance", "10.12.0.4"),
    ]
    state.add_table(stray)
    _add_environment(state, "ase-legacy", stray)

    bare = _add_environment(state, "ase-new", _table(0, "ase-new"), attached=False)
    return Sample(registered, stray.resource_id, bare.resource_id, _databricks(state))


def _databricks(state: State) -> str:
    """Add the route table of a workspace's subnet, which nobody has registered. Return its id."""
    table = _table(0, "databricks")
    table.routes.append(_default_to_firewall(0))
    state.add_table(table)
    _add_network(state, "databricks", table, attached=True)
    return table.resource_id


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


def _add_environment(
    state: State, name: str, table: RouteTable, *, attached: bool = True
) -> Environment:
    """Add an environment and its network.

    Without a table, it has no security rule for its management traffic either.
    """
    group = table.resource_id.split("/providers/")[0]
    network_id, _, subnet = table.subnets[0].partition("/subnets/")
    _add_network(state, name, table, attached=attached)

    environment = Environment(
        resource_id=f"{group}/providers/Microsoft.Web/hostingEnvironments/{name}",
        location=table.location,
        kind="ASEV2",
        virtual_network={"id": network_id, "subnet": subnet},
        # The environment's own API lacks the newest addresses of the tag.
        management=list(ipv4_of(state.tags.at("")["addressPrefixes"])[:-2]),
    )
    state.environments[key_of(environment.resource_id)] = environment
    return environment


def _add_network(state: State, name: str, table: RouteTable, *, attached: bool) -> None:
    group = table.resource_id.split("/providers/")[0]
    security_group_id = f"{group}/providers/Microsoft.Network/networkSecurityGroups/nsg-{name}"
    rules = [simple_rule("HTTPS", 130, "Inbound", "*", "*", "443")]
    properties: dict[str, Any] = {
        "addressPrefix": "10.0.0.0/24",
        "networkSecurityGroup": {"id": security_group_id},
    }
    if attached:
        rules.append(simple_rule("Inbound-management", 100, "Inbound", SERVICE_TAG, "*", "454-455"))
        properties["routeTable"] = {"id": table.resource_id}

    subnet_id = table.subnets[0]
    security_group = SecurityGroup(
        resource_id=security_group_id,
        location=table.location,
        rules=rules,
        subnets=[subnet_id],
    )
    network_id, _, subnet = subnet_id.partition("/subnets/")
    network = VirtualNetwork(
        resource_id=network_id,
        location=table.location,
        properties={"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
        subnets=[{"name": subnet, "properties": properties}],
    )
    state.add(security_group)
    state.add(network)


def _routes_before_us(state: State, number: int) -> list[dict[str, Any]]:
    """Return the routes that a table has before our first run. There are four conditions."""
    older = state.tags.published[state.tags.position - 8]
    prefixes = ipv4_of(older["addressPrefixes"])
    routes = [_default_to_firewall(number)]

    match number % 4:
        case 1:  # the loop of Microsoft's article ran with an older list
            routes += [_route(prefix.split("/")[0], prefix) for prefix in prefixes[:60]]
        case 2:  # our app ran some versions ago
            routes += [_route(owned_name("asemgmt", prefix), prefix) for prefix in prefixes]
        case 3:  # other tools made routes, and one of them is equal to a wanted route
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
    """Return the sample's app settings. Storage and the simulated Azure add theirs."""
    return {
        "SYNC_SCHEDULE": "0 0 6 * * 3",
        "CHECK_SCHEDULE": "0 20 5 * * *",
        "SERVICE_TAG": SERVICE_TAG,
        "SERVICE_TAG_SUBSCRIPTION_ID": TAG_SUBSCRIPTION,
        "SERVICE_TAG_LOCATIONS": "westeurope,eastus2",
        "ALLOWED_SERVICE_TAGS": f"{SERVICE_TAG},databricks",
    }


def for_a_laptop(settings: Mapping[str, str]) -> dict[str, str]:
    """Return those of the app's settings that a command needs: the app records the others."""
    return {name: value for name, value in settings.items() if name not in RECORDED}
