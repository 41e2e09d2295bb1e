"""Read the resources of services, and the subnets in which they live, from Azure's JSON.

Formats: Microsoft.AAD/domainServices 2022-12-01, Microsoft.ApiManagement/service 2022-08-01,
Microsoft.Databricks/workspaces 2026-01-01 and Microsoft.HDInsight/clusters 2025-01-15-preview, each
in the examples of azure-rest-api-specs. Azure Resource Graph shows the same properties, and spells
types and locations in lower case.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..armid import ServiceResourceId, SubnetId

type _Json = Mapping[str, Any]
type _Named = tuple[object, str]


@dataclass(frozen=True, slots=True)
class Placement:
    """A subnet in which a resource lives, and the location there."""

    subnet_id: SubnetId
    location: str


@dataclass(frozen=True, slots=True)
class ServiceResource:
    """A resource of a service; `service` is the name of the service's record.

    `not_needed` says why the resource needs none of the routes, or is None if it needs them. A
    resource has no `placements` if it is in no subnet, or if its JSON does not clearly name one.
    """

    resource_id: ServiceResourceId
    service: str
    location: str
    placements: tuple[Placement, ...] = ()
    not_needed: str | None = None

    @classmethod
    def from_graph(cls, row: _Json) -> Self:
        """Raise ValueError or LookupError if the row is not of a type that is known here."""
        resource_id = ServiceResourceId.parse(str(row["id"]))
        kind = _KINDS[resource_id.provider_type.lower()]
        location = _location(row.get("location"))

        # If a network is named without a subnet, nobody knows that it needs no routes.
        named = [each for each in kind.subnets(_within(row, "properties"), location) if each[0]]
        read = ((_subnet_id(text), where) for text, where in named)
        placements = [Placement(subnet_id, where) for subnet_id, where in read if subnet_id]

        why = kind.not_needed(row) or (None if named else kind.without_network)
        return cls(resource_id, kind.service, location, tuple(dict.fromkeys(placements)), why)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How a type of resource is read.

    `subnets` gives what the resource says of each subnet, with the location there: an id, another
    text if the id cannot be told, or None if no network is named. `without_network` says why a
    resource without a network needs no routes; it is None if each is in a network.
    """

    service: str
    action: str
    subnets: Callable[[_Json, str], Iterator[_Named]]
    not_needed: Callable[[_Json], str | None] = lambda _row: None
    without_network: str | None = None


def _of_api_management(properties: _Json, location: str) -> Iterator[_Named]:
    """Each location of an instance has a subnet of its own.

    The type `None` means that the instance is in no virtual network, whatever else it names.
    """
    network_type = properties.get("virtualNetworkType")
    if str(network_type or "").lower() == "none":
        return
    for place in ({"location": location, **properties}, *_list(properties, "additionalLocations")):
        network = _within(place, "virtualNetworkConfiguration")
        yield network.get("subnetResourceId") or network_type, _location(place.get("location"))


def _of_databricks(properties: _Json, location: str) -> Iterator[_Named]:
    """A cluster has an address in both subnets."""
    parameters = _within(properties, "parameters")
    network = _within(parameters, "customVirtualNetworkId").get("value")
    for each in ("customPublicSubnetName", "customPrivateSubnetName"):
        name = _within(parameters, each).get("value")
        yield network and f"{network}/subnets/{name or ''}", location


def _of_hdinsight(properties: _Json, location: str) -> Iterator[_Named]:
    """The roles of a cluster name their subnets, by the id or by the name in a network."""
    for role in _list(_within(properties, "computeProfile"), "roles"):
        network = _within(role, "virtualNetworkProfile")
        network_id, subnet = network.get("id"), network.get("subnet") or ""
        is_id = str(subnet).startswith("/")
        text = subnet if is_id else f"{network_id}/subnets/{subnet}"
        yield (network_id or subnet) and text, location


def _of_domain_services(properties: _Json, location: str) -> Iterator[_Named]:
    for replica_set in _list(properties, "replicaSets"):
        where = _location(replica_set.get("location")) or location
        yield replica_set.get("subnetId"), where


def _tier_without_routes(row: _Json) -> str | None:
    """The pages about routes are about the classic tiers of API Management alone."""
    tier = str(_within(row, "sku").get("name"))
    if tier.lower().endswith("v2") or tier.lower() == "consumption":
        return f"API Management of the tier {tier} needs no such routes"
    return None


def _private_link(row: _Json) -> str | None:
    rules = str(_within(row, "properties").get("requiredNsgRules"))
    if rules.lower() != "noazuredatabricksrules":
        return None
    return (
        "the clusters reach Databricks through Private Link, so the table needs no routes of "
        "AzureDatabricks: if the other tags need routes, register the table with those"
    )


def _outbound_connection(row: _Json) -> str | None:
    """Source: "Restrict public connectivity in Azure HDInsight"."""
    network = _within(_within(row, "properties"), "networkProperties")
    if str(network.get("resourceProviderConnection")).lower() != "outbound":
        return None
    return (
        "the cluster itself opens the connection to HDInsight (resourceProviderConnection is "
        "Outbound), so it needs no such routes, except perhaps in US Government and China"
    )


_KINDS: Mapping[str, _Kind] = {
    "microsoft.aad/domainservices": _Kind(
        service="entraDomainServices",
        action="Microsoft.AAD/domainServices/read",
        subnets=_of_domain_services,
    ),
    "microsoft.apimanagement/service": _Kind(
        service="apiManagement",
        action="Microsoft.ApiManagement/service/read",
        subnets=_of_api_management,
        not_needed=_tier_without_routes,
        without_network="the instance is in no virtual network",
    ),
    "microsoft.databricks/workspaces": _Kind(
        service="databricks",
        action="Microsoft.Databricks/workspaces/read",
        subnets=_of_databricks,
        not_needed=_private_link,
        without_network="the workspace is in no virtual network of yours",
    ),
    "microsoft.hdinsight/clusters": _Kind(
        service="hdInsight",
        action="Microsoft.HDInsight/clusters/read",
        subnets=_of_hdinsight,
        not_needed=_outbound_connection,
        without_network="the cluster is in no virtual network",
    ),
}
TYPES = tuple(_KINDS)
"""The types of the resources, in lower case."""
ACTIONS = ("Microsoft.ResourceGraph/resources/read", *(kind.action for kind in _KINDS.values()))
"""The rights that Azure Resource Graph needs, or else it leaves the resources out silently."""


def _within(found: object, key: str) -> _Json:
    """Return the object below this key; an empty one if there is none."""
    value = found.get(key) if isinstance(found, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _list(found: _Json, key: str) -> Iterator[_Json]:
    value = found.get(key)
    return (
        each for each in (value if isinstance(value, list) else ()) if isinstance(each, Mapping)
    )


def _location(text: object) -> str:
    return str(text or "").lower().replace(" ", "")


def _subnet_id(text: object) -> SubnetId | None:
    try:
        return SubnetId.parse(str(text))
    except ValueError:
        return None
