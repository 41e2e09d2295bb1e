"""Azure and ARM bodies as the tests need them."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.azure.resources import RouteTable
from local.azure.server import SimulatedAzure
from local.azure.service_tags import DATA
from local.azure.state import State
from shared.domain.addresses import ipv4_of
from shared.domain.routes import owned_name

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


def history(cloud: str = "AzureCloud") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{cloud}.jsonl").read_text().splitlines()]


def published_ipv4(published: Mapping[str, Any]) -> set[str]:
    return set(ipv4_of(published["addressPrefixes"]))


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
    return httpx.request(method, path, headers=headers, **options)


def table_writes(state: State) -> list[dict[str, Any]]:
    return [e for e in state.writes() if "/routetables/" in e["path"].lower()]
