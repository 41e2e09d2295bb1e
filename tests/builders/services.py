"""Resources of services in the simulated Azure, in the shapes that their providers answer.

Sources: the examples of azure-rest-api-specs: GetDomainService (2022-12-01),
ApiManagementServiceGetMultiRegionInternalVnet (2022-08-01), WorkspaceGetParameters (2026-01-01) and
CreateLinuxHadoopSecureHadoop (2025-01-15-preview).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.azure.resource_graph import ServiceResource
from local.azure.resources import RouteTable, SecurityGroup, VirtualNetwork
from local.azure.state import State

from .azure import SUBSCRIPTION, add_table

API_MANAGEMENT = "Microsoft.ApiManagement/service"
DATABRICKS = "Microsoft.Databricks/workspaces"
DOMAIN_SERVICES = "Microsoft.AAD/domainServices"
HDINSIGHT = "Microsoft.HDInsight/clusters"


OF_SERVICES: Mapping[str, tuple[str, ...]] = {
    "apiManagement": ("ApiManagement",),
    "databricks": (
        "AzureDatabricks",
        "Sql.WestEurope",
        "Storage.WestEurope",
        "EventHub.WestEurope",
    ),
    "hdInsight": ("HDInsight",),
    "entraDomainServices": ("AzureActiveDirectoryDomainServices",),
}
"""The tags of each service in West Europe."""


def publish(state: State, *names: str) -> None:
    """Let the Service Tag Discovery API answer with these tags, and those of all services."""
    every = [*names, *(tag for tags in OF_SERVICES.values() for tag in tags)]
    values = [
        {
            "name": name,
            "id": name,
            "properties": {"changeNumber": "1", "addressPrefixes": [f"20.9.{number}.0/24"]},
        }
        for number, name in enumerate(every)
    ]
    state.tags.answers["westeurope"] = {"cloud": "Public", "values": values}


def service_id(kind: str, name: str, subscription: str = SUBSCRIPTION) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/rg-{name}/providers/{kind}/{name}"


def network_of(name: str, subscription: str = SUBSCRIPTION) -> str:
    return service_id("Microsoft.Network/virtualNetworks", name, subscription)


def add_network(
    state: State,
    name: str,
    tables: Mapping[str, RouteTable | None],
    *,
    rules: Iterable[dict[str, Any]] | None = None,
    subscription: str = SUBSCRIPTION,
    more: Mapping[str, Any] | None = None,
) -> str:
    """Add a network with these subnets and their tables; the rules are those of one group.

    Each subnet has `more` properties.
    """
    network_id = network_of(name, subscription)
    ids = [f"{network_id}/subnets/{each}" for each in tables]
    group_id = service_id("Microsoft.Network/networkSecurityGroups", name, subscription)
    if rules is not None:
        group = SecurityGroup(resource_id=group_id, location="westeurope", rules=[*rules])
        group.subnets += ids
        state.add(group)

    subnets = []
    for number, (subnet, table) in enumerate(tables.items()):
        properties: dict[str, Any] = {"addressPrefix": f"10.9.{number}.0/24", **(more or {})}
        if table is not None:
            properties["routeTable"] = {"id": table.resource_id}
            # A new table is on a subnet that nobody has made.
            made = (each for each in table.subnets if not each.endswith("/v/subnets/ase"))
            table.subnets[:] = [*made, ids[number]]
        if rules is not None:
            properties["networkSecurityGroup"] = {"id": group_id}
        subnets.append({"name": subnet, "properties": properties})

    space = {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}
    state.add(
        VirtualNetwork(
            resource_id=network_id, location="westeurope", properties=space, subnets=subnets
        )
    )
    return network_id


def add_service(
    state: State,
    kind: str,
    name: str,
    properties: Mapping[str, Any],
    *,
    sku: str | None = None,
    subscription: str = SUBSCRIPTION,
) -> str:
    found = ServiceResource(
        resource_id=service_id(kind, name, subscription),
        kind=kind,
        properties=properties,
        sku={"name": sku} if sku else None,
    )
    return state.graph.add(found).resource_id


def api_management(subnet_id: str | None, **more: Any) -> dict[str, Any]:
    network = None if subnet_id is None else {"subnetResourceId": subnet_id}
    return {
        "publisherName": "contoso publisher",
        "provisioningState": "Succeeded",
        "additionalLocations": None,
        "virtualNetworkConfiguration": network,
        "virtualNetworkType": "None" if subnet_id is None else "Internal",
        **more,
    }


def databricks(network_id: str | None, **more: Any) -> dict[str, Any]:
    parameters = {
        "customPrivateSubnetName": {"type": "String", "value": "private"},
        "customPublicSubnetName": {"type": "String", "value": "public"},
        "customVirtualNetworkId": {"type": "String", "value": network_id},
    }
    return {
        "computeMode": "Hybrid",
        "parameters": None if network_id is None else parameters,
        "provisioningState": "Succeeded",
        "requiredNsgRules": "AllRules",
        **more,
    }


def hdinsight(subnet_id: str | None) -> dict[str, Any]:
    network = {
        "virtualNetworkProfile": {
            "id": str(subnet_id).partition("/subnets/")[0],
            "subnet": subnet_id,
        }
    }
    roles = [
        {"name": name, "targetInstanceCount": 2, **(network if subnet_id else {})}
        for name in ("headnode", "workernode", "zookeepernode")
    ]
    return {"clusterState": "Running", "computeProfile": {"roles": roles}, "osType": "Linux"}


def domain_services(*subnet_ids: str) -> dict[str, Any]:
    replica_sets = [
        {"location": "West US", "subnetId": subnet_id, "serviceStatus": "Running"}
        for subnet_id in subnet_ids
    ]
    return {"domainName": "TestDomainService.com", "replicaSets": replica_sets, "version": 2}


def add_each(state: State, subscription: str = SUBSCRIPTION) -> None:
    """Add `n0` to `n3`, one resource of each service, in subnets with a table of its own."""
    makes: Mapping[str, Callable[[str], dict[str, Any]]] = {
        API_MANAGEMENT: lambda network: api_management(f"{network}/subnets/s"),
        DATABRICKS: databricks,
        HDINSIGHT: lambda network: hdinsight(f"{network}/subnets/s"),
        DOMAIN_SERVICES: lambda network: domain_services(f"{network}/subnets/s"),
    }
    for number, (kind, properties) in enumerate(makes.items()):
        name = f"n{number}"
        table = add_table(state, name, subscription=subscription)
        subnets = dict.fromkeys(("public", "private") if kind == DATABRICKS else ("s",), table)
        network = add_network(state, name, subnets, subscription=subscription)
        add_service(state, kind, name, properties(network), subscription=subscription)
