"""Azure and ARM bodies as the tests need them."""

import base64
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.azure.hosting_environments import Environment
from local.azure.resources import RouteTable, SecurityGroup, VirtualNetwork
from local.azure.server import SimulatedAzure
from local.azure.service_tags import DATA
from local.azure.state import State
from local.azure.throttles import BucketSize
from local.plain_http import http
from shared.domain.addresses import ipv4_of
from shared.domain.routing.routes import owned_name
from shared.settings import Settings

# What Azure was recorded to answer stands beside the checkout, not in it.
BESIDE = Path(__file__).parents[2] / "shared"
RECORDINGS = BESIDE / "azure" / "recordings"
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.exists() and not os.environ.get("CI"),
    reason=f"the recordings of Azure's answers are not in {RECORDINGS}",
)
SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
OTHER_SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
OWNER = "asemgmt"
OBJECT_ID = "5f3c0f3e-9a53-4c1c-8f0a-2f6f0c1d7a11"
"""In Entra, of somebody who calls."""
SETTINGS = frozenset(
    name
    for name in (str(field.alias) for field in Settings.model_fields.values())
    if name not in {"WEBSITE_HOSTNAME", "WEBSITE_AUTH_ENABLED"} and "__" not in name
)
"""What somebody sets: App Service gives two, and a connection may be in several instead of one."""


def history(cloud: str = "AzureCloud") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{cloud}.jsonl").read_text().splitlines()]


def published_ipv4(published: Mapping[str, Any]) -> set[str]:
    return set(ipv4_of(published["addressPrefixes"]))


def switches(disabled: str, *functions: str) -> dict[str, str]:
    """Settings that say whether these functions of the host are."""
    return {f"AzureWebJobs.{name}.Disabled": disabled for name in functions}


def timers(disabled: str) -> dict[str, str]:
    return switches(disabled, "scheduled_sync", "daily_check")


def principal(
    *roles: str,
    ids: Iterable[str] = (OBJECT_ID,),
    id_claim: str = "http://schemas.microsoft.com/identity/claims/objectidentifier",
    role_claim: str = "roles",
) -> dict[str, str]:
    """The header that App Service Authentication sets for a caller with these app roles."""
    claims = [{"typ": id_claim, "val": i} for i in ids]
    claims += [{"typ": role_claim, "val": role} for role in roles]
    text = json.dumps({"auth_typ": "aad", "claims": claims, "role_typ": role_claim})
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(text.encode()).decode()}


def unthrottled(state: State) -> None:
    """Ask as often as you like."""
    limits = state.throttles.limits
    limits.buckets = {kind: BucketSize(10**9, 10**9) for kind in ("read", "write", "delete")}
    limits.network_reads = limits.network_writes = 10**9


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
    """A table as one finds it: tags, a subnet, properties that we know nothing of."""
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
    """An environment in a subnet of its own, with this table and a group of these rules."""
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
    state.environments[environment.resource_id.lower()] = environment
    return environment


def subnet_of(state: State, name: str, subscription: str = SUBSCRIPTION) -> dict[str, Any]:
    """The properties of the environment's subnet, as they stand."""
    key = subnet_id_of(name, subscription).split("/subnets/")[0].lower()
    network = state.find(VirtualNetwork, key)
    assert network is not None
    properties: dict[str, Any] = network.subnets[0]["properties"]
    return properties


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
    """A rule of a security group, as Azure keeps it: singular or plural, the other list empty."""
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


def tag_document(prefixes: Iterable[object], name: str = "AppServiceManagement") -> dict[str, Any]:
    properties = {"changeNumber": "1", "addressPrefixes": list(prefixes)}
    return {"cloud": "Public", "values": [{"name": name, "id": name, "properties": properties}]}


def ask_azure(
    azure: SimulatedAzure,
    method: str,
    path: str,
    *,
    api_version: str = "2025-05-01",
    **options: Any,
) -> httpx.Response:
    """A path, or a whole link as Azure gave it."""
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
