"""How each recorded error is brought about, by its code.

Of whichever resource it was recorded, it is the gateway's or the provider's, and the same for all.
"""

from collections.abc import Callable
from typing import Any

import httpx

from local.azure.errors import backend_storage_throttled
from local.azure.faults import refusal
from local.azure.locks import Lock
from local.azure.resources import VirtualNetwork
from local.azure.server import SimulatedAzure
from local.azure.target import Target
from local.azure.throttles import BucketSize
from tests.builders.azure import SUBSCRIPTION, add_table, ask_azure, table_id
from tests.builders.routes import route

from .recorded import Recording
from .staging import ask, group_there, parent_there, target_of


def _missing(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    group_there(azure, target_of(recorded))
    return ask(azure, recorded)


def _missing_child(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    parent_there(azure, target_of(recorded))
    return ask(azure, recorded)


def _missing_group(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.add_group(target_of(recorded).subscription, "another")
    return ask(azure, recorded)


def _precondition(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    table = parent_there(azure, target_of(recorded))
    body = {"location": table.location}
    return ask(azure, recorded, json=body)


def _no_right(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    parent_there(azure, target_of(recorded))
    azure.state.identities.app.assignments.clear()
    return ask(azure, recorded)


def _locked(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    target = target_of(recorded)
    parent_there(azure, target)
    lock = Lock.CAN_NOT_DELETE if recorded.method == "DELETE" else Lock.READ_ONLY
    azure.state.locks[target.group_id] = lock
    return ask(azure, recorded, json={})


def _group_going(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    add_table(azure.state, "one")
    group = azure.state.group(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-one")
    assert group is not None
    group.being_deleted = True
    return ask(azure, recorded, path=table_id("one"), json={})


def _in_use(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    parent_there(azure, target_of(recorded)).subnets = ["/subscriptions/s"]
    return ask(azure, recorded)


def _bad_name(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    group_there(azure, target_of(recorded))
    return ask(azure, recorded, json={"location": "westus"})


def _write_routes(
    azure: SimulatedAzure, recorded: Recording, *routes: dict[str, Any]
) -> httpx.Response:
    add_table(azure.state, "one")
    body = {"location": "westeurope", "properties": {"routes": routes}}
    return ask(azure, recorded, method="PUT", path=table_id("one"), json=body)


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
        parent_there(azure, target)
    body = {"properties": {"addressPrefix": "10.0.0.0/24", **properties}}
    return ask(azure, recorded, method="PUT", path=path, json=body)


def _bad_prefix(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    return _write_subnet(azure, recorded, addressPrefix="InvalidPrefixes")


def _bad_reference(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    return _write_subnet(azure, recorded, routeTable={"id": table_id("nowhere")})


def _table_updating(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.timing.operation_seconds = (60, 60)
    table = add_table(azure.state, "one")
    table.location = "westus"
    azure.state.begin("PutRouteOperation", table)
    return _write_subnet(azure, recorded, routeTable={"id": table_id("one")})


def _network_updating(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.timing.operation_seconds = (60, 60)
    assert _write_subnet(azure, recorded).status_code == 201
    return _write_subnet(azure, recorded, addressPrefix="10.0.1.0/24")


def _busy(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    azure.state.timing.operation_seconds = (11, 11)
    table = parent_there(azure, target_of(recorded), route(target_of(recorded).name, "10.0.0.0/8"))
    azure.state.begin("DeleteRouteOperation", table)
    return ask(azure, recorded)


def _parent_failed(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    add_table(azure.state, "one").provisioning_state = "Failed"
    return ask(azure, recorded, path=f"{table_id('one')}/routes/a", json={})


def _read_one(azure: SimulatedAzure, recorded: Recording) -> httpx.Response:
    add_table(azure.state, "one")
    return ask(azure, recorded, path=table_id("one"))


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


REFUSALS: dict[str, Callable[[SimulatedAzure, Recording], httpx.Response]] = {
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
