"""Resources, ids and answers of the simulated Azure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from local.azure.hosting_environments import Environment
from local.azure.resources import RouteTable, SecurityGroup, VirtualNetwork
from local.azure.server import SimulatedAzure
from local.azure.service_tags import DATA
from local.azure.state import State
from local.azure.target import key_of
from local.azure.throttles import BucketSize
from local.plain_http import http
from shared.domain.addresses import ipv4_of
from shared.domain.armid import RouteTableId

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
OTHER_SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"


def history(cloud: str = "AzureCloud") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{cloud}.jsonl").read_text().splitlines()]


def published_ipv4(published: Mapping[str, Any]) -> set[str]:
    return set(ipv4_of(published["addressPrefixes"]))


def unthrottled(state: State) -> None:
    """Let Azure refuse no request for its number."""
    limits = state.throttles.limits
    limits.buckets = {kind: BucketSize(10**9, 10**9) for kind in ("read", "write", "delete")}
    limits.network_reads = limits.network_writes = 10**9


def table_id(name: str, subscription: str = SUBSCRIPTION) -> str:
    return (
        f"/subscriptions/{subscription}/resourceGroups/rg-{name}"
        f"/providers/Microsoft.Network/routeTables/{name}"
    )


def add_table(
    state: State,
    name: str,
    routes: Iterable[dict[str, Any]] = (),
    subscription: str = SUBSCRIPTION,
) -> RouteTable:
    """Add a table with tags, a subnet and properties that the product does not know."""
    resource_id = table_id(name, subscription)
    group = resource_id.split("/providers/")[0]
    return state.add_table(
        RouteTable(
            resource_id=resource_id,
            location="westeurope",
            tags={"owner": "network"},
            properties={"disableBgpRoutePropagation": True, "disablePeeringRoute": "None"},
            routes=list(routes),
            subnets=[f"{group}/providers/Microsoft.Network/virtualNetworks/v/subnets/ase"],
        )
    )


def table_with(*routes: dict[str, Any]) -> dict[str, Any]:
    """Return the body that writes a route table with these routes."""
    return {"location": "westeurope", "properties": {"routes": list(routes)}}


def ase_id_of(name: str, subscription: str = SUBSCRIPTION) -> str:
    return table_id(name, subscription).replace(
        "Microsoft.Network/routeTables", "Microsoft.Web/hostingEnvironments"
    )


def subnet_id_of(name: str, subscription: str = SUBSCRIPTION) -> str:
    network = table_id(name, subscription).replace("routeTables", "virtualNetworks")
    return f"{network}/subnets/snet-ase"


def add_environment(
    state: State,
    name: str,
    *,
    kind: str = "ASEV2",
    table: RouteTable | None = None,
    rules: Iterable[dict[str, Any]] | None = None,
    management: Iterable[str] = (),
    subscription: str = SUBSCRIPTION,
    **subnet: Any,
) -> Environment:
    """Add an environment in its own subnet, with this table and a security group of these rules."""
    subnet_id = subnet_id_of(name, subscription)
    network_id = subnet_id.split("/subnets/")[0]

    properties: dict[str, Any] = {"addressPrefix": "10.1.0.0/24", **subnet}
    if table is not None:
        properties["routeTable"] = {"id": table.resource_id}
        table.subnets.append(subnet_id)

    if rules is not None:
        group_id = network_id.replace("virtualNetworks", "networkSecurityGroups")
        state.add(
            SecurityGroup(
                resource_id=group_id,
                location="westeurope",
                rules=list(rules),
                subnets=[subnet_id],
            )
        )
        properties["networkSecurityGroup"] = {"id": group_id}

    state.add(
        VirtualNetwork(
            resource_id=network_id,
            location="westeurope",
            properties={"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}},
            subnets=[{"name": "snet-ase", "properties": properties}],
        )
    )

    # Only v3 names its subnet by an id.
    named: dict[str, Any] = {"id": network_id, "subnet": "snet-ase"}
    if kind.upper() == "ASEV3":
        named = {"id": subnet_id, "name": "snet-ase", "subnet": ""}

    environment = Environment(
        resource_id=ase_id_of(name, subscription),
        location="West Europe",
        kind=kind,
        virtual_network=named,
        management=list(management),
    )
    state.environments[key_of(environment.resource_id)] = environment
    return environment


def subnet_of(state: State, name: str, subscription: str = SUBSCRIPTION) -> dict[str, Any]:
    """Return the properties of the environment's subnet as they are now."""
    key = subnet_id_of(name, subscription).split("/subnets/")[0].lower()
    network = state.find(VirtualNetwork, key)
    assert network is not None
    properties: dict[str, Any] = network.subnets[0]["properties"]
    return properties


def tag_document(
    prefixes: Iterable[object], name: str = "AppServiceManagement", **more: object
) -> dict[str, Any]:
    properties = {"changeNumber": "1", "addressPrefixes": list(prefixes), **more}
    return {"cloud": "Public", "values": [{"name": name, "id": name, "properties": properties}]}


def ask_azure(
    azure: SimulatedAzure,
    method: str,
    path: str,
    *,
    api_version: str = "2025-05-01",
    **options: Any,
) -> httpx.Response:
    """Ask for a path, or for a whole link as Azure gave it."""
    headers = {
        "Authorization": f"Bearer {azure.state.identities.token()}",
        **options.pop("headers", {}),
    }
    if path.startswith("/"):
        options["params"] = {"api-version": api_version, **options.get("params", {})}
        path = azure.url + path
    return http().request(method, path, headers=headers, **options)


def table_writes(state: State) -> list[dict[str, Any]]:
    return [e for e in state.writes() if "/routetables/" in e["path"].lower()]


def rid(name: str) -> RouteTableId:
    return RouteTableId.parse(name if name.startswith("/") else table_id(name))


def answer(azure: SimulatedAzure, *prefixes: str, location: str = "westeurope") -> None:
    """Let the Service Tag Discovery API answer with these prefixes from now on."""
    azure.state.tags.answers[location] = tag_document(prefixes)
