"""How each recorded success is brought about, by its method, type and status."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from local.azure.faults import FailOperation, InjectedFault
from local.azure.hosting_environments import Environment
from local.azure.resources import RouteTable, VirtualNetwork
from local.azure.route_tables import RouteTableApi
from local.azure.server import SimulatedAzure
from local.azure.virtual_networks import VirtualNetworkApi
from tests.builders.azure import add_table, ask_azure, table_id
from tests.builders.routes import route, to_firewall

from .recorded import Recording
from .staging import ask, child_of, group_there, parent_there, put_there, target_of

TABLES, ROUTES = RouteTableApi.kind, RouteTableApi.child_kind
NETWORKS, SUBNETS = VirtualNetworkApi.kind, VirtualNetworkApi.child_kind
ENVIRONMENTS = "Microsoft.Web/hostingEnvironments"
LOCATIONS = "Microsoft.Network/locations"

# -- Route tables, routes, subnets, networks ------------------------------------------------------


def _get(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    put_there(azure, recorded.body)
    return ask(azure, recorded)


def _get_child(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    parent_there(azure, target_of(recorded), child_of(recorded.body))
    return ask(azure, recorded)


def _list(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    group_there(azure, target_of(recorded))
    for body in recorded.body["value"]:
        put_there(azure, body)
    return ask(azure, recorded)


def _list_children(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    parent_there(azure, target_of(recorded), *(child_of(body) for body in recorded.body["value"]))
    return ask(azure, recorded)


def _create(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    group_there(azure, target_of(recorded))
    body = recorded.request_body or {
        "location": recorded.body["location"],
        "properties": {"routes": [child_of(r) for r in recorded.body["properties"]["routes"]]},
    }
    for subnet in (body.get("properties") or {}).get("subnets", ()):
        table = RouteTable(
            resource_id=subnet["properties"]["routeTable"]["id"],
            location=recorded.body["location"],
        )
        azure.state.add(table)
    return ask(azure, recorded, json=body)


def _create_child(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    parent_there(azure, target_of(recorded))
    return ask(azure, recorded, json={"properties": child_of(recorded.body)["properties"]})


def _put_again(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    """Changed where the recorded answer says `Updating`, and nothing new where not."""
    table = put_there(azure, recorded.body)
    if recorded.body["properties"]["provisioningState"] == "Updating":
        table.tags = {"other": "before"}
    etag = table.etag
    body = {**recorded.body, "properties": {"routes": recorded.body["properties"]["routes"]}}
    answer = ask(azure, recorded, json=body)
    unchanged = recorded.body["properties"]["provisioningState"] == "Succeeded"
    assert (answer.json()["etag"] == etag) is unchanged
    return answer


def _put_child_again(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    before = {**child_of(recorded.body), "properties": route("x", "10.255.0.0/16")["properties"]}
    parent_there(azure, target_of(recorded), before)
    return ask(azure, recorded, json={"properties": child_of(recorded.body)["properties"]})


def _patch(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    table = put_there(azure, {**recorded.body, "tags": {"before": "x"}})
    etag = table.etag
    answer = ask(azure, recorded)
    assert answer.json()["etag"] == table.etag != etag
    return answer


def _delete(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    # Where it stood is in the link that the answer gives.
    location = recorded.headers["azure-asyncoperation"].split("/locations/")[1].split("/")[0]
    table = parent_there(azure, target_of(recorded), route(target_of(recorded).name, "10.0.0.0/8"))
    table.location = location
    return ask(azure, recorded)


def _poll(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    """The end of a write that is made for it."""
    table = add_table(azure.state, "one")
    if recorded.body["status"] == "InProgress":
        azure.state.timing.operation_seconds = (60, 60)
    if recorded.body["status"] == "Failed":
        error = recorded.body["error"]
        failing = FailOperation(code=error["code"], message=error["message"])
        azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=failing))
    body = {"location": table.location, "properties": {"routes": [to_firewall()]}}
    begun = ask_azure(azure, "PUT", table_id("one"), json=body)
    return ask(azure, recorded, path=begun.headers["azure-asyncoperation"])


# -- What is only read ----------------------------------------------------------------------------


def _usages(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    target = target_of(recorded)
    rows = {row["name"]["value"]: row for row in recorded.body["value"]}
    for kind, plural, model in (
        ("virtualNetworks", "VirtualNetworks", VirtualNetwork),
        ("routeTables", "RouteTables", RouteTable),
    ):
        for number in range(rows[plural]["currentValue"]):
            resource_id = (
                f"{target.subscription_id}/resourceGroups/g/providers/Microsoft.Network/"
                f"{kind}/n{number}"
            )
            azure.state.add(model(resource_id=resource_id, location=target.names[0]))
    azure.state.add_group(target.subscription, "g")
    return ask(azure, recorded)


def _environment(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _environment_there(azure, target_of(recorded).key, recorded.body)
    return ask(azure, recorded)


def _environments(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    group_there(azure, target_of(recorded))
    for body in recorded.body["value"]:
        _environment_there(azure, body["id"].lower(), body)
    return ask(azure, recorded)


def _environment_there(azure: SimulatedAzure, key: str, body: Mapping[str, Any]) -> None:
    """Its own properties are many, and nothing here depends on them: they come back as they are."""
    _, _, subscription, _, group, *_ = key.split("/")
    azure.state.add_group(subscription, group)
    azure.state.environments[key] = Environment(
        resource_id=body["id"],
        location=body["location"],
        virtual_network=body["properties"]["virtualNetwork"],
        kind=body["kind"],
        properties=body["properties"],
    )


def _inbound(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    target = target_of(recorded).parent
    group_there(azure, target)
    management, vip, subnet = (entry["endpoints"] for entry in recorded.body["value"])
    azure.state.environments[target.key] = Environment(
        resource_id=target.resource_id,
        location="westus",
        virtual_network={},
        management=management,
        vip=vip[0],
        subnet_prefix=subnet[0],
    )
    return ask(azure, recorded)


def _service_tags(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    """As many tags as were recorded, and one more where a further page was announced."""
    target = target_of(recorded)
    own = azure.state.tags.document(target.names[0])
    assert own.keys() == recorded.body.keys() - {"nextLink"}
    assert own["values"][0].keys() == recorded.body["values"][0].keys()
    properties = own["values"][0]["properties"].keys()
    assert properties == recorded.body["values"][0]["properties"].keys()
    azure.state.add_group(target.subscription, "g")
    values = recorded.body["values"] + recorded.body["values"][:1] * ("nextLink" in recorded.body)
    azure.state.tags.answers[target.names[0]] = {**recorded.body, "values": values}
    azure.state.tags.page_size = len(recorded.body["values"])
    return ask(azure, recorded)


ANSWERS: dict[tuple[str, str, str, int], Callable[[SimulatedAzure, Recording], httpx.Response]] = {
    (method, kind.lower(), listed, status): scenario
    for method, kind, listed, status, scenario in (
        ("GET", TABLES, "item", 200, _get),
        ("GET", NETWORKS, "item", 200, _get),
        ("GET", ROUTES, "item", 200, _get_child),
        ("GET", SUBNETS, "item", 200, _get_child),
        ("GET", TABLES, "list", 200, _list),
        ("GET", NETWORKS, "list", 200, _list),
        ("GET", ROUTES, "list", 200, _list_children),
        ("GET", SUBNETS, "list", 200, _list_children),
        ("PUT", TABLES, "item", 201, _create),
        ("PUT", NETWORKS, "item", 201, _create),
        ("PUT", ROUTES, "item", 201, _create_child),
        ("PUT", TABLES, "item", 200, _put_again),
        ("PUT", ROUTES, "item", 200, _put_child_again),
        ("PATCH", TABLES, "item", 200, _patch),
        ("DELETE", TABLES, "item", 202, _delete),
        ("DELETE", ROUTES, "item", 202, _delete),
        ("GET", f"{LOCATIONS}/operations", "item", 200, _poll),
        ("GET", f"{LOCATIONS}/usages", "list", 200, _usages),
        ("GET", f"{LOCATIONS}/serviceTags", "list", 200, _service_tags),
        ("GET", ENVIRONMENTS, "item", 200, _environment),
        ("GET", ENVIRONMENTS, "list", 200, _environments),
        ("GET", f"{ENVIRONMENTS}/inboundNetworkDependenciesEndpoints", "list", 200, _inbound),
    )
}
