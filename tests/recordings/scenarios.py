"""How each recorded interaction is brought about in the simulated Azure.

An error is found by its code, everything else by its method, type and status: a new recording of
a known sort needs nothing here.
"""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from local.azure.authorization import within
from local.azure.errors import backend_storage_throttled
from local.azure.faults import FailOperation, Fault, refusal
from local.azure.hosting_environments import Environment
from local.azure.locks import Lock
from local.azure.resources import Child, Resource, RouteTable, VirtualNetwork
from local.azure.route_tables import RouteTableApi
from local.azure.server import SimulatedAzure
from local.azure.target import Target
from local.azure.throttles import BucketSize
from local.azure.virtual_networks import VirtualNetworkApi
from tests.builders import SUBSCRIPTION, add_table, ask_azure, route, table_id, to_firewall

from .recorded import Recording

type Scenario = Callable[[SimulatedAzure, Recording], httpx.Response]

TABLES, ROUTES = RouteTableApi.kind, RouteTableApi.child_kind
NETWORKS, SUBNETS = VirtualNetworkApi.kind, VirtualNetworkApi.child_kind
ENVIRONMENTS = "Microsoft.Web/hostingEnvironments"
LOCATIONS = "Microsoft.Network/locations"


def scenario_of(recorded: Recording) -> Scenario | None:
    target = recorded.target
    if target is None or not recorded.status:
        return None
    if recorded.code is not None:
        return _ERRORS.get(recorded.code)
    listed = "list" if target.is_collection else "item"
    return _ANSWERS.get((recorded.method, target.kind.lower(), listed, recorded.status))


def why_none(recorded: Recording) -> str:
    """Why the simulated Azure does not cover it."""
    if not recorded.status:
        return "an event that Azure sends, not an answer"
    if recorded.code is not None:
        return f"{recorded.code} is no error of what is simulated"
    if recorded.target is None:
        return "a published file, not an answer of Azure Resource Manager"
    return f"{recorded.method} {recorded.target.kind} with {recorded.status} is not simulated"


# -- Setting up -----------------------------------------------------------------------------------


def _ask(azure: SimulatedAzure, recorded: Recording, **changed: Any) -> httpx.Response:
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


def _target(recorded: Recording) -> Target:
    assert recorded.target is not None
    return recorded.target


def _put_there(azure: SimulatedAzure, body: Mapping[str, Any]) -> Resource:
    """The resource of a recorded body, with its children."""
    api: Any = RouteTableApi() if body["type"] == TABLES else VirtualNetworkApi()
    resource: Resource = api.parse(
        {k: v for k, v in body["properties"].items() if k not in _SERVICE_OWN},
        resource_id=body["id"],
        location=body.get("location", ""),
        tags=body.get("tags"),
    )
    if isinstance(resource, RouteTable):
        resource.subnets = [subnet["id"] for subnet in body["properties"].get("subnets", ())]
    return azure.state.add(resource)


_SERVICE_OWN = ("provisioningState", "resourceGuid")


def _parent_there(azure: SimulatedAzure, target: Target, *children: Child) -> Any:
    """The parent of a child, or the resource itself, with these children."""
    resource_id = target.parent.resource_id
    if target.types[0].lower() == "virtualnetworks":
        space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}
        network = VirtualNetwork(resource_id=resource_id, location="westus", properties=space)
        network.children = list(children)
        return azure.state.add(network)
    table = RouteTable(resource_id=resource_id, location="westus", routes=list(children))
    return azure.state.add(table)


def _child(body: Mapping[str, Any]) -> Child:
    own = (*_SERVICE_OWN, "hasBgpOverride")
    properties = {k: v for k, v in body["properties"].items() if k not in own}
    return {"name": body["name"], "properties": properties}


def _group_there(azure: SimulatedAzure, target: Target) -> None:
    azure.state.add_group(target.subscription, target.group)


# -- Route tables, routes, subnets, networks ------------------------------------------------------


def _get(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _put_there(azure, recorded.body)
    return _ask(azure, recorded)


def _get_child(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _parent_there(azure, _target(recorded), _child(recorded.body))
    return _ask(azure, recorded)


def _list(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _group_there(azure, _target(recorded))
    for body in recorded.body["value"]:
        # Recorded ids are of whatever subscription the listed one was renamed to.
        assert within(body["id"], _target(recorded).resource_id)
        _put_there(azure, body)
    return _ask(azure, recorded)


def _list_children(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _parent_there(azure, _target(recorded), *(_child(body) for body in recorded.body["value"]))
    return _ask(azure, recorded)


def _create(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _group_there(azure, _target(recorded))
    body = recorded.request_body or {
        "location": recorded.body["location"],
        "properties": {"routes": [_child(r) for r in recorded.body["properties"]["routes"]]},
    }
    for subnet in (body.get("properties") or {}).get("subnets", ()):
        table = RouteTable(
            resource_id=subnet["properties"]["routeTable"]["id"],
            location=recorded.body["location"],
        )
        azure.state.add(table)
    return _ask(azure, recorded, json=body)


def _create_child(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _parent_there(azure, _target(recorded))
    return _ask(azure, recorded, json={"properties": _child(recorded.body)["properties"]})


def _put_again(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    """Changed where the recorded answer says `Updating`, and nothing new where not."""
    table = _put_there(azure, recorded.body)
    if recorded.body["properties"]["provisioningState"] == "Updating":
        table.tags = {"other": "before"}
    etag = table.etag
    body = {**recorded.body, "properties": {"routes": recorded.body["properties"]["routes"]}}
    answer = _ask(azure, recorded, json=body)
    unchanged = recorded.body["properties"]["provisioningState"] == "Succeeded"
    assert (answer.json()["etag"] == etag) is unchanged
    return answer


def _put_child_again(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    before = {**_child(recorded.body), "properties": route("x", "10.255.0.0/16")["properties"]}
    _parent_there(azure, _target(recorded), before)
    return _ask(azure, recorded, json={"properties": _child(recorded.body)["properties"]})


def _patch(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    table = _put_there(azure, {**recorded.body, "tags": {"before": "x"}})
    etag = table.etag
    answer = _ask(azure, recorded)
    assert answer.json()["etag"] == table.etag != etag
    return answer


def _delete(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    # Where it stood is in the link that the answer gives.
    location = recorded.headers["azure-asyncoperation"].split("/locations/")[1].split("/")[0]
    table = _parent_there(azure, _target(recorded), route(_target(recorded).name, "10.0.0.0/8"))
    table.location = location
    return _ask(azure, recorded)


def _poll(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    """The end of a write that is made for it."""
    table = add_table(azure.state, "one")
    if recorded.body["status"] == "InProgress":
        azure.state.operation_seconds = 60
    if recorded.body["status"] == "Failed":
        error = recorded.body["error"]
        failing = FailOperation(code=error["code"], message=error["message"])
        azure.state.faults.append(Fault(method="PUT", path="one$", effect=failing))
    body = {"location": table.location, "properties": {"routes": [to_firewall()]}}
    begun = ask_azure(azure, "PUT", table_id("one"), json=body)
    return _ask(azure, recorded, path=begun.headers["azure-asyncoperation"])


# -- What is only read ----------------------------------------------------------------------------


def _usages(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    target = _target(recorded)
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
    return _ask(azure, recorded)


def _environment(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    """Its own properties are many, and nothing here depends on them: they come back as they are."""
    _group_there(azure, _target(recorded))
    body = recorded.body
    azure.state.environments[_target(recorded).key] = Environment(
        resource_id=body["id"],
        location=body["location"],
        virtual_network=body["properties"]["virtualNetwork"],
        kind=body["kind"],
        properties=body["properties"],
    )
    return _ask(azure, recorded)


def _environments(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _group_there(azure, _target(recorded))
    for body in recorded.body["value"]:
        azure.state.environments[body["id"].lower()] = Environment(
            resource_id=body["id"],
            location=body["location"],
            virtual_network=body["properties"]["virtualNetwork"],
            kind=body["kind"],
            properties=body["properties"],
        )
    return _ask(azure, recorded)


def _inbound(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    target = _target(recorded).parent
    _group_there(azure, target)
    management, vip, subnet = (entry["endpoints"] for entry in recorded.body["value"])
    azure.state.environments[target.key] = Environment(
        resource_id=target.resource_id,
        location="westus",
        virtual_network={},
        management=management,
        vip=vip[0],
        subnet_prefix=subnet[0],
    )
    return _ask(azure, recorded)


def _service_tags(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    """As many tags as were recorded, and one more where a further page was announced."""
    target = _target(recorded)
    azure.state.add_group(target.subscription, "g")
    values = recorded.body["values"] + recorded.body["values"][:1] * ("nextLink" in recorded.body)
    azure.state.tags.answers[target.names[0]] = {**recorded.body, "values": values}
    azure.state.tags.page_size = len(recorded.body["values"])
    return _ask(azure, recorded)


_ANSWERS: dict[tuple[str, str, str, int], Scenario] = {
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


# -- Errors: of whichever resource they were recorded, they are the gateway's or the provider's ---


def _missing(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _group_there(azure, _target(recorded))
    return _ask(azure, recorded)


def _missing_child(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _parent_there(azure, _target(recorded))
    return _ask(azure, recorded)


def _missing_group(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.add_group(_target(recorded).subscription, "another")
    return _ask(azure, recorded)


def _precondition(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    table = _parent_there(azure, _target(recorded))
    body = {"location": table.location}
    return _ask(azure, recorded, json=body)


def _no_right(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _parent_there(azure, _target(recorded))
    azure.state.identities.app.assignments.clear()
    return _ask(azure, recorded)


def _locked(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    target = _target(recorded)
    _parent_there(azure, target)
    lock = Lock.CAN_NOT_DELETE if recorded.method == "DELETE" else Lock.READ_ONLY
    azure.state.locks[target.group_id] = lock
    return _ask(azure, recorded, json={})


def _group_going(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    add_table(azure.state, "one")
    group = azure.state.group(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-one")
    assert group is not None
    group.being_deleted = True
    return _ask(azure, recorded, path=table_id("one"), json={})


def _in_use(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _parent_there(azure, _target(recorded)).subnets = ["/subscriptions/s"]
    return _ask(azure, recorded)


def _bad_name(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    _group_there(azure, _target(recorded))
    return _ask(azure, recorded, json={"location": "westus"})


def _write_routes(
    azure: SimulatedAzure, recorded: Recording, *routes: dict[str, Any]
) -> httpx.Response:
    add_table(azure.state, "one")
    body = {"location": "westeurope", "properties": {"routes": routes}}
    return _ask(azure, recorded, method="PUT", path=table_id("one"), json=body)


def _conflict(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    return _write_routes(azure, recorded, route("a", "10.0.0.0/8"), route("b", "10.0.0.0/8"))


def _host_bits(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    return _write_routes(azure, recorded, route("a", "10.11.12.13/8"))


def _not_json(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    add_table(azure.state, "one")
    return ask_azure(azure, recorded.method, table_id("one"), content=b"{")


def _write_subnet(
    azure: SimulatedAzure, recorded: Recording, **properties: object
) -> httpx.Response:
    path = f"{table_id('one').replace('routeTables', 'virtualNetworks')}/subnets/a"
    target = Target.parse(path)
    assert target is not None
    if azure.state.find(VirtualNetwork, target.parent.key) is None:
        _parent_there(azure, target)
    body = {"properties": {"addressPrefix": "10.0.0.0/24", **properties}}
    return _ask(azure, recorded, method="PUT", path=path, json=body)


def _bad_prefix(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    return _write_subnet(azure, recorded, addressPrefix="InvalidPrefixes")


def _bad_reference(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    return _write_subnet(azure, recorded, routeTable={"id": table_id("nowhere")})


def _table_updating(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.operation_seconds = 60
    table = add_table(azure.state, "one")
    table.location = "westus"
    azure.state.begin("PutRouteOperation", table)
    return _write_subnet(azure, recorded, routeTable={"id": table_id("one")})


def _network_updating(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.operation_seconds = 60
    assert _write_subnet(azure, recorded).status_code == 201
    return _write_subnet(azure, recorded, addressPrefix="10.0.1.0/24")


def _busy(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.operation_seconds = 11
    table = _parent_there(azure, _target(recorded), route(_target(recorded).name, "10.0.0.0/8"))
    azure.state.begin("DeleteRouteOperation", table)
    return _ask(azure, recorded)


def _parent_failed(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    add_table(azure.state, "one").provisioning_state = "Failed"
    return _ask(azure, recorded, path=f"{table_id('one')}/routes/a", json={})


def _read_one(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    add_table(azure.state, "one")
    return _ask(azure, recorded, path=table_id("one"))


def _gateway_throttled(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    """By the bucket of a caller; or by what stands behind the gateway, which is a fault here."""
    if "backend storage" in recorded.body["error"]["message"]:
        error = backend_storage_throttled("GET", SUBSCRIPTION, 6)
        answer = {"error": error.error}
        azure.state.faults.append(
            refusal("GET", "one", error.status, answer, headers=error.headers)
        )
    else:
        azure.state.throttles.limits.buckets["read"] = BucketSize(0, 0)
    return _read_one(azure, recorded)


def _network_throttled(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.throttles.limits.network_reads = 1
    _read_one(azure, recorded)
    return _read_one(azure, recorded)


def _read_too_much(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.throttles.limits.network_read_bytes = 1
    _read_one(azure, recorded)
    return _read_one(azure, recorded)


_ERRORS: dict[str, Scenario] = {
    "AnotherOperationInProgress": _network_updating,
    "AuthorizationFailed": _no_right,
    "InUseRouteTableCannotBeDeleted": _in_use,
    "InvalidAddressPrefixFormat": _bad_prefix,
    "InvalidCIDRNotation": _host_bits,
    "InvalidRequestFormat": _not_json,
    "InvalidResourceName": _bad_name,
    "InvalidResourceReference": _bad_reference,
    "NotFound": _missing_child,
    "ParentResourceIsInFailedState": _parent_failed,
    "PreconditionFailed": _precondition,
    "ReferencedResourceNotProvisioned": _table_updating,
    "ResourceGroupBeingDeleted": _group_going,
    "ResourceGroupNotFound": _missing_group,
    "ResourceNotFound": _missing,
    "RetryableErrorDueToAnotherOperation": _busy,
    "RetryableErrorDueToTooManyCalls": _network_throttled,
    "RetryableErrorDueTooHighReadDataSize": _read_too_much,
    "RouteConflict": _conflict,
    "ScopeLocked": _locked,
    "SubscriptionRequestsThrottled": _gateway_throttled,
}
