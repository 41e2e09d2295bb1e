"""Microsoft.Network/routeTables and their routes, and the rules that only they have."""

import ipaddress
import re
from collections.abc import Sequence
from typing import Any

from . import errors
from .call import Call
from .network import NetworkResourceApi, check_cidr, check_names, part, without
from .policy_restrictions import refuse_by_policy
from .resources import ROUTE_TABLE_DEFAULTS, Child, RouteTable

NEXT_HOPS = {"VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None"}
ECMP = "VirtualApplianceEcmp"
ECMP_SINCE = "2025-07-01"
"""The first api-version that knows the type, with its property `nextHop`."""
ECMP_ADDRESSES = range(2, 65)
SERVICE_TAGS_A_TABLE = 25
"""The documented limit. `usages` says 30, and the simulation enforces the lower one."""
_SERVICE_TAG = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)?")
_NEVER_A_ROUTE = {
    "AzureLoadBalancer",
    "AzurePlatformDNS",
    "AzurePlatformIMDS",
    "AzurePlatformLKM",
    "Internet",
    "VirtualNetwork",
}
_OLD = "2018"
"""Before this api-version bodies have fewer keys, as recorded with 2017-10-01."""


class RouteTableApi(NetworkResourceApi[RouteTable]):
    kind = "Microsoft.Network/routeTables"
    child_kind = "Microsoft.Network/routeTables/routes"
    child_noun = "Route"
    model = RouteTable

    def properties_to_json(
        self, resource: RouteTable, children: Sequence[Child], call: Call
    ) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        if call.api_version >= _OLD:
            properties = {**ROUTE_TABLE_DEFAULTS, **resource.properties}
        properties["routes"] = children
        if resource.subnets:  # if no subnet refers to the table, the key is absent
            properties["subnets"] = [{"id": subnet} for subnet in resource.subnets]
        return properties

    def child_to_json(self, resource: RouteTable, child: Child, call: Call) -> dict[str, Any]:
        body = super().child_to_json(resource, child, call)
        if call.api_version < _OLD:
            del body["type"]
        else:
            body["properties"]["hasBgpOverride"] = False

        # UNCONFIRMED: how an api-version before the type shows such a route.
        if call.api_version < ECMP_SINCE:
            body["properties"].pop("nextHop", None)
        return body

    def parse(self, properties: dict[str, Any], **common: Any) -> RouteTable:
        own = without(("routes", "subnets"), properties)
        routes = self.parse_children(properties, "routes")
        return RouteTable(properties=own, routes=routes, **common)

    def check(self, call: Call, wanted: RouteTable, existing: RouteTable | None) -> None:
        super().check(call, wanted, existing)
        refuse_by_policy(call, wanted.resource_id, wanted.routes)
        if existing is not None:
            return
        tables = call.state.below(RouteTable, call.target.subscription_id)
        count = sum(table.location == wanted.location for table in tables)
        if count >= call.state.limits["RouteTables"]:
            raise over_limit("RouteTables", call.target.subscription_id, call)

    def check_children(self, call: Call, resource: RouteTable, children: list[Child]) -> None:
        check_names(children)
        for route in children:
            _check_prefix(call, resource, route)
            _check_next_hop(route, call.api_version)
        _check_duplicates(children)

        if len(children) > call.state.limits["RoutesPerRouteTable"]:
            raise over_limit("RoutesPerRouteTable", resource.resource_id, call)
        tags = [route for route in children if _SERVICE_TAG.fullmatch(_prefix(route))]
        if len(tags) > SERVICE_TAGS_A_TABLE:
            raise over_limit("RoutesWithServiceTagPerRouteTable", resource.resource_id, call)

    def refuse_if_in_use(self, resource: RouteTable) -> None:
        if resource.subnets:
            raise errors.in_use("InUseRouteTableCannotBeDeleted", f"Route table {resource.name}")


def over_limit(name: str, scope: str, call: Call) -> errors.ArmError:
    """UNCONFIRMED: no text of the real service is known, so the code is made up."""
    limit = call.state.limits[name]
    return errors.refused(f"Unconfirmed{name}Exceeded", f"{scope} would exceed {name}: {limit}.")


def _prefix(route: Child) -> str:
    return part(route["properties"], "addressPrefix", str)


def _check_prefix(call: Call, table: RouteTable, route: Child) -> None:
    prefix = _prefix(route)
    route_id = f"{table.resource_id}/routes/{route['name']}"
    if not _SERVICE_TAG.fullmatch(prefix):
        check_cidr(prefix, route_id)
    elif prefix in _NEVER_A_ROUTE or not call.state.tags.routable(prefix):
        # UNCONFIRMED: the text for a tag that no route may have.
        raise errors.invalid_prefix(prefix, route_id)


def _check_duplicates(routes: list[Child]) -> None:
    holders: dict[str, str] = {}
    for route in routes:
        name, prefix = route["name"], _prefix(route)
        if prefix in holders:
            raise errors.refused(
                "RouteConflict",
                f"Route: {name} conflicts with Route: {holders[prefix]}. Routes cannot have "
                "the same AddressPrefix.",
            )
        holders[prefix] = name


def _check_next_hop(route: Child, api_version: str) -> None:
    """The service refuses these routes, as documented. UNCONFIRMED: the codes."""
    properties = route["properties"]
    next_hop = properties.get("nextHopType")
    known = NEXT_HOPS | {ECMP} if api_version >= ECMP_SINCE else NEXT_HOPS
    if next_hop not in known:
        raise errors.invalid_json(f"Error converting value {next_hop} to type 'RouteNextHopType'.")

    address, addresses = properties.get("nextHopIpAddress"), part(properties, "nextHop", dict)
    if next_hop == "VirtualAppliance" and not _is_address(address):
        raise errors.refused(
            "UnconfirmedNextHopIpAddressInvalid",
            f"Route {route['name']} needs the address of its appliance, not {address!r}.",
        )
    if next_hop == ECMP and not _are_addresses(addresses):
        raise errors.refused(
            "UnconfirmedNextHopInvalid",
            f"Route {route['name']} needs 2 to 64 addresses, not {addresses!r}.",
        )
    if (address and next_hop != "VirtualAppliance") or (addresses and next_hop != ECMP):
        raise errors.refused(
            "UnconfirmedNextHopNotAllowed",
            f"Route {route['name']} to {next_hop} may not name next hops.",
        )


def _are_addresses(next_hop: dict[str, Any]) -> bool:
    addresses = part(next_hop, "nextHopIpAddresses", list)
    return len(addresses) in ECMP_ADDRESSES and all(_is_address(one) for one in addresses)


def _is_address(text: object) -> bool:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True
