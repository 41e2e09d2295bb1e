"""`locations/{}/usages`: the limits of Microsoft.Network and their usage, as recorded."""

from starlette.responses import JSONResponse, Response

from .call import Call
from .resources import Resource, RouteTable, VirtualNetwork

# The rows were recorded in 2020, in this order. A row with None has the simulation's own limit.
_ROWS = (
    ("VirtualNetworks", "Virtual Networks", 1000),
    ("RouteTables", "Route Tables", None),
    ("RouteFilters", "Route Filters", 1000),
    ("RoutesPerNetworkIntentPolicy", "Routes per Network Intent Policy", 200),
    ("RoutesPerRouteTable", "Routes per Route Table", None),
    ("RoutesWithServiceTagPerRouteTable", "Routes with service tag per Route Table", None),
    ("RouteFilterRulesPerRouteFilter", "Route filter rules per Route Filter", 1),
    (
        "RouteFiltersPerExpressRouteBgpPeering",
        "Route filters per Express route BGP Peering",
        1,
    ),
)
_COUNTED: dict[str, type[Resource]] = {"VirtualNetworks": VirtualNetwork, "RouteTables": RouteTable}
"""Other limits concern a single resource, so their current value is 0."""


class UsageApi:
    kind = "Microsoft.Network/locations/usages"

    def list_page(self, call: Call) -> Response:
        rows = [_row(call, value, name, limit) for value, name, limit in _ROWS]
        return JSONResponse({"value": rows})


def _row(call: Call, value: str, name: str, limit: int | None) -> dict[str, object]:
    scope, location = call.target.subscription_id, call.target.names[0]
    resources = call.state.below(_COUNTED[value], scope) if value in _COUNTED else ()
    return {
        "currentValue": sum(resource.location == location for resource in resources),
        "id": f"{scope}/providers/Microsoft.Network/locations/{location}/usages/{value}",
        "limit": call.state.limits[value] if limit is None else limit,
        "name": {"localizedValue": name, "value": value},
        "unit": "Count",
    }
