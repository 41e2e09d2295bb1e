"""Microsoft.Network/routeTables and their routes, by the rules of the real service."""

import ipaddress
import json
import re
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .errors import ArmError, busy, child_not_found, etag_mismatch, invalid_json, resource_not_found
from .state import RouteTable, State, new_etag

KIND = "Microsoft.Network/routeTables"
_NAME = re.compile(r"\w|\w[\w.\-]{0,78}\w")
_SERVICE_TAG = re.compile(r"[A-Za-z][A-Za-z0-9.]*")
_READ_ONLY = ("provisioningState", "resourceGuid", "subnets", "routes", "hasBgpOverride")


class RouteTableApi:
    def __init__(self, state: State) -> None:
        self._state = state

    async def list(self, request: Request) -> Response:
        self._state.settle()
        prefix = request.url.path.lower().split("/providers/")[0] + "/"
        tables = [t for key, t in self._state.tables.items() if key.startswith(prefix)]
        return JSONResponse({"value": [table_json(table) for table in tables]})

    async def get(self, request: Request) -> Response:
        table = self._table(request)
        return JSONResponse(table_json(table), headers={"ETag": table.etag})

    async def put(self, request: Request) -> Response:
        resource_id = request.url.path
        body = await _json(request)
        existing = self._state.tables.get(resource_id.lower())
        if existing is not None:
            self._refuse_if_busy(existing)
        self._check_if_match(request, existing, resource_id)
        wanted = _table_from(resource_id, body, existing)
        if existing is None:
            table = self._state.add_table(wanted)
        elif _content(existing) == _content(wanted) and existing.provisioning_state == "Succeeded":
            operation = self._state.begin_nothing(existing)
            return self._accepted(
                200, table_json(existing), existing, operation=operation, retry_after=None
            )
        else:
            table = existing
            table.tags, table.properties = wanted.tags, wanted.properties
            table.routes = wanted.routes
        operation = self._state.begin("PutRouteTableOperation", table)
        status = 201 if existing is None else 200
        return self._accepted(status, table_json(table), table, operation=operation)

    async def patch(self, request: Request) -> Response:
        table = self._table(request)
        body = await _json(request)
        table.tags = {str(k): str(v) for k, v in (body.get("tags") or {}).items()}
        table.etag = new_etag()
        return JSONResponse(table_json(table), headers={"Azure-AsyncNotification": "Enabled"})

    async def delete(self, request: Request) -> Response:
        table = self._state.tables.get(request.url.path.lower())
        if table is None:
            return Response(status_code=204)
        self._refuse_if_busy(table)
        if table.subnets:
            raise ArmError(
                400,
                "InUseRouteTableCannotBeDeleted",
                f"Route table {table.name} is in use and cannot be deleted.",
            )
        del self._state.tables[request.url.path.lower()]
        return self._deleted("DeleteRouteTableOperation", table)

    async def list_routes(self, request: Request) -> Response:
        table = self._table(request)
        return JSONResponse({"value": [route_json(table, r) for r in table.routes]})

    async def get_route(self, request: Request) -> Response:
        table = self._table(request)
        route = table.route(request.path_params["route"])
        if route is None:
            raise child_not_found(request.url.path)
        return JSONResponse(route_json(table, route), headers={"ETag": table.etag})

    async def put_route(self, request: Request) -> Response:
        table = self._table(request)
        self._refuse_if_busy(table)
        name = request.path_params["route"]
        body = await _json(request)
        existing = table.route(name)
        route = _route_from({**body, "name": name})
        routes = [r for r in table.routes if r is not existing] + [route]
        _check_routes(table.resource_id, routes)
        table.routes = routes
        operation = self._state.begin("PutRouteOperation", table)
        return self._accepted(
            201 if existing is None else 200,
            route_json(table, route),
            table,
            operation=operation,
            notification=False,
        )

    async def delete_route(self, request: Request) -> Response:
        table = self._table(request)
        self._refuse_if_busy(table)
        route = table.route(request.path_params["route"])
        if route is None:
            return Response(status_code=204)
        table.routes = [r for r in table.routes if r is not route]
        return self._deleted("DeleteRouteOperation", table)

    async def poll(self, request: Request) -> Response:
        self._state.settle()
        operation = self._state.operations.get(request.path_params["operation"])
        if operation is None:
            raise child_not_found(request.url.path)
        if operation.status == "InProgress":
            return JSONResponse({"status": "InProgress"}, headers={"Retry-After": "1"})
        body: dict[str, Any] = {"status": operation.status}
        if operation.error:
            body["error"] = operation.error
        return JSONResponse(body)

    def _table(self, request: Request) -> RouteTable:
        self._state.settle()
        resource_id = "/".join(request.url.path.split("/")[:9])
        table = self._state.tables.get(resource_id.lower())
        if table is None:
            parameters = request.path_params
            raise resource_not_found(KIND, parameters["table"], parameters["group"])
        return table

    def _refuse_if_busy(self, table: RouteTable) -> None:
        running = self._state.running_on(table)
        if running is not None:
            seconds = max(1, round(running.ends_at - time.monotonic()))
            raise busy(running.name, table.resource_id, seconds)

    def _check_if_match(self, request: Request, table: RouteTable | None, resource_id: str) -> None:
        given = request.headers.get("if-match")
        if given is None or given == "*":
            return
        weak = given if given.startswith("W/") else f'W/"{given}"'
        # UNCONFIRMED for a table that is not there: refusing is the harsher answer.
        if table is None or weak != table.etag:
            raise etag_mismatch(weak, "" if table is None else table.etag, resource_id)

    def _accepted(
        self,
        status: int,
        body: dict[str, Any],
        table: RouteTable,
        *,
        operation: str,
        retry_after: int | None = 10,
        notification: bool = True,
    ) -> Response:
        headers = {"Azure-AsyncOperation": self._link("operations", table, operation)}
        if notification:
            headers["Azure-AsyncNotification"] = "Enabled"
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return JSONResponse(body, status, headers)

    def _deleted(self, name: str, table: RouteTable) -> Response:
        operation = self._state.begin(name, table)
        headers = {
            "Azure-AsyncOperation": self._link("operations", table, operation),
            "Location": self._link("operationResults", table, operation),
            "Retry-After": "10",
        }
        return Response(status_code=202, headers=headers)

    def _link(self, kind: str, table: RouteTable, operation: str) -> str:
        subscription = table.resource_id.split("/")[2]
        # The server puts its own address in front.
        return (
            f"/subscriptions/{subscription}/providers/Microsoft.Network/locations/"
            f"{table.location}/{kind}/{operation}?api-version=2025-05-01&t=t&c=c&s=s&h=h"
        )


def table_json(table: RouteTable) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": table.name,
        "id": table.resource_id,
        "etag": table.etag,
        "type": KIND,
        "location": table.location,
    }
    if table.tags is not None:
        body["tags"] = table.tags
    body["properties"] = {
        "provisioningState": table.provisioning_state,
        "resourceGuid": table.resource_guid,
        "disableBgpRoutePropagation": False,
        **table.properties,
        "routes": [route_json(table, route) for route in table.routes],
    }
    if table.subnets:
        body["properties"]["subnets"] = [{"id": subnet} for subnet in table.subnets]
    return body


def route_json(table: RouteTable, route: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": route["name"],
        "id": f"{table.resource_id}/routes/{route['name']}",
        "etag": table.etag,
        "properties": {
            "provisioningState": table.provisioning_state,
            **route["properties"],
            "hasBgpOverride": False,
        },
        "type": f"{KIND}/routes",
    }


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise invalid_json(str(error)) from error
    if not isinstance(body, dict):
        raise invalid_json("The request content is not an object.")
    return body


def _table_from(resource_id: str, body: dict[str, Any], existing: RouteTable | None) -> RouteTable:
    """A PUT replaces the table: what it leaves out is gone, but subnets are not its to say."""
    location = body.get("location")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required.", gateway=True)
    if existing is not None and location.lower() != existing.location.lower():
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{existing.name}' already exists in location '{existing.location}'.",
            gateway=True,
        )
    properties = body.get("properties") or {}
    routes = [_route_from(route) for route in properties.get("routes") or ()]
    _check_routes(resource_id, routes)
    return RouteTable(
        resource_id,
        location,
        tags=body.get("tags"),
        properties={k: v for k, v in properties.items() if k not in _READ_ONLY},
        routes=routes,
    )


def _route_from(body: dict[str, Any]) -> dict[str, Any]:
    properties = body.get("properties") or {}
    return {
        "name": str(body.get("name", "")),
        "properties": {k: v for k, v in properties.items() if k not in _READ_ONLY},
    }


def _content(table: RouteTable) -> object:
    properties = {"disableBgpRoutePropagation": False, **table.properties}
    return table.tags, properties, table.routes


def _check_routes(resource_id: str, routes: list[dict[str, Any]]) -> None:
    names: set[str] = set()
    holders: dict[str, str] = {}
    for route in routes:
        name, prefix = route["name"], route["properties"].get("addressPrefix", "")
        _check_name(name)
        _check_prefix(f"{resource_id}/routes/{name}", prefix)
        if name.lower() in names:  # UNCONFIRMED: no recording of two routes with one name
            raise ArmError(400, "InvalidRequestFormat", f"Duplicate route name {name}.")
        if prefix in holders:
            raise ArmError(
                400,
                "RouteConflict",
                f"Route: {name} conflicts with Route: {holders[prefix]}. Routes cannot have the "
                "same AddressPrefix.",
            )
        names.add(name.lower())
        holders[prefix] = name


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ArmError(
            400,
            "InvalidResourceName",
            f"Resource name {name} is invalid. The name can be up to 80 characters long. It must "
            "begin with a word character, and it must end with a word character or with '_'. "
            "The name may contain word characters or '.', '-', '_'.",
        )


def _check_prefix(route_id: str, prefix: str) -> None:
    try:
        network = ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        if _SERVICE_TAG.fullmatch(prefix):
            return
        raise ArmError(
            400,
            "InvalidAddressPrefixFormat",
            f"Address prefix {prefix} of resource {route_id} is not formatted correctly. It "
            "should follow CIDR notation, for example 10.0.0.0/24.",
        ) from None
    if str(network) != prefix:
        raise ArmError(
            400,
            "InvalidCIDRNotation",
            f"The address prefix {prefix} in resource {route_id} has an invalid CIDR notation. "
            f"For the given prefix length, the address prefix should be {network}.",
        )
