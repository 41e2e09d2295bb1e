"""What every scenario needs: the resources of a recording in place, and its request sent again."""

from collections.abc import Mapping
from typing import Any

import httpx

from local.azure.resources import Child, Resource, RouteTable, VirtualNetwork
from local.azure.route_tables import RouteTableApi
from local.azure.server import SimulatedAzure
from local.azure.target import Target
from local.azure.virtual_networks import VirtualNetworkApi
from tests.builders.azure import ask_azure

from .recorded import Recording

_SERVICE_OWN = ("provisioningState", "resourceGuid")
"""Properties that the service adds to what it was given."""


def ask(azure: SimulatedAzure, recorded: Recording, **changed: Any) -> httpx.Response:
    """The recorded request, or the recorded one but for what is changed."""
    options: dict[str, Any] = {"headers": dict(recorded.request_headers)}
    if recorded.request_body is not None:
        options["json"] = recorded.request_body
    options |= changed
    # Cited ETags were shortened by whoever cited them, with what no header can hold.
    given = {
        k: v.encode("ascii", "replace").decode()
        for k, v in options["headers"].items()
        if k == "if-match"
    }
    return ask_azure(
        azure,
        options.pop("method", recorded.method),
        options.pop("path", recorded.path),
        api_version=recorded.api_version,
        **{**options, "headers": given},
    )


def target_of(recorded: Recording) -> Target:
    assert recorded.target is not None
    return recorded.target


def put_there(azure: SimulatedAzure, body: Mapping[str, Any]) -> Resource:
    """The resource of a recorded body, with its children."""
    api: Any = RouteTableApi() if body["type"] == RouteTableApi.kind else VirtualNetworkApi()
    resource: Resource = api.parse(
        {k: v for k, v in body["properties"].items() if k not in _SERVICE_OWN},
        resource_id=body["id"],
        location=body.get("location", ""),
        tags=body.get("tags"),
    )
    if isinstance(resource, RouteTable):
        resource.subnets = [subnet["id"] for subnet in body["properties"].get("subnets", ())]
    return azure.state.add(resource)


def parent_there(azure: SimulatedAzure, target: Target, *children: Child) -> Any:
    """The parent of a child, or the resource itself, with these children."""
    resource_id = target.parent.resource_id
    if target.types[0].lower() == "virtualnetworks":
        space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}
        network = VirtualNetwork(resource_id=resource_id, location="westus", properties=space)
        network.children = list(children)
        return azure.state.add(network)
    table = RouteTable(resource_id=resource_id, location="westus", routes=list(children))
    return azure.state.add(table)


def child_of(body: Mapping[str, Any]) -> Child:
    own = (*_SERVICE_OWN, "hasBgpOverride")
    properties = {k: v for k, v in body["properties"].items() if k not in own}
    return {"name": body["name"], "properties": properties}


def group_there(azure: SimulatedAzure, target: Target) -> None:
    azure.state.add_group(target.subscription, target.group)
