"""The behaviour that all resources of Microsoft.Network with children share.

A resource and its children share one ETag, which changes when a write begins and again when it
ends. A PUT replaces the resource, so a key that it leaves out is gone. A write with the same
content changes nothing.
"""

import copy
import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from . import errors
from .call import Call
from .operations import Operation, link
from .resources import Child, Resource, new_etag

_NAME = re.compile(r"\w|\w[\w.\-]{0,78}\w")
_READ_ONLY = {"provisioningState", "resourceGuid", "hasBgpOverride"}


class NetworkResourceApi[R: Resource]:
    """GET, LIST, PUT, PATCH and DELETE. Each kind overrides the methods of the last section."""

    kind: str
    child_kind: str
    model: type[R]
    retry_after = 10
    """Seconds that a caller is asked to wait before the first poll."""
    child_noun: str
    """The name of a child in the names of operations, such as PutRouteOperation."""

    def get(self, call: Call) -> Response:
        resource = self.find(call)
        if not call.state.is_visible(resource):
            raise errors.resource_not_found(self.kind, call.target.name, call.target.group)
        return JSONResponse(self.to_json(resource, call), headers={"ETag": resource.etag})

    def list_page(self, call: Call) -> Response:
        found = call.state.below(self.model, call.target.key, stale=call.stale)
        visible = filter(call.state.is_visible, found)
        return JSONResponse(call.page("value", [self.to_json(r, call) for r in visible]))

    def put(self, call: Call) -> Response:
        check_name(call.target.name)
        existing = call.state.find(self.model, call.target.key)
        self.refuse_if_busy(call, call.target.key)
        check_if_match(call, existing)

        wanted = self._parse(call, existing)
        self.check(call, wanted, existing)
        if existing is not None and _would_change_nothing(existing, wanted):
            operation = call.state.begin_nothing(existing)
            return self._accepted(call, 200, self.to_json(existing, call), operation, None)

        resource = existing or wanted
        before = call.state.write(resource)
        if before is None:
            resource.visible_at = call.state.timing.now() + call.state.timing.replication_seconds
        resource.take(wanted)
        operation = self._begin(call, f"Put{self.noun}Operation", resource, before)
        body = self.to_json(resource, call)
        return self._accepted(call, 200 if existing else 201, body, operation, self.retry_after)

    def patch(self, call: Call) -> Response:
        """Change the tags at once. Nothing else can be patched."""
        resource = self.find(call)
        self.refuse_if_busy(call, resource.key)
        check_if_match(call, resource)
        tags = part(call.json(), "tags", dict)

        call.state.write(resource)
        resource.tags = tags
        resource.etag = new_etag()
        body = self.to_json(resource, call)
        return JSONResponse(body, headers={"Azure-AsyncNotification": "Enabled"})

    def delete(self, call: Call) -> Response:
        resource = call.state.find(self.model, call.target.key)
        if resource is None:
            return Response(status_code=204)
        self.refuse_if_busy(call, resource.key)
        check_if_match(call, resource)
        self.refuse_if_in_use(resource)

        call.state.remove(resource)
        operation = self._begin(
            call, f"Delete{self.noun}Operation", resource, copy.copy(resource), gone=True
        )
        return self._deleted(call, operation, notification=True)

    # -- Children --

    def get_child(self, call: Call) -> Response:
        resource = self.find(call)
        child = resource.child(call.target.name)
        if child is None:
            raise errors.child_not_found(call.target.resource_id)
        return JSONResponse(
            self.child_to_json(resource, child, call), headers={"ETag": resource.etag}
        )

    def list_children(self, call: Call) -> Response:
        resource = self.find(call)
        children = [self.child_to_json(resource, child, call) for child in resource.children]
        return JSONResponse(call.page("value", children))

    def put_child(self, call: Call) -> Response:
        resource = self._parent(call)
        name = call.target.name
        check_name(name)
        self.refuse_if_busy(call, resource.key)
        check_if_match(call, resource)
        _refuse_if_failed(call, resource)

        existing = resource.child(name)
        child = self.parse_child({**call.json(), "name": existing["name"] if existing else name})
        children = _with_child(resource, existing, child)
        self.check_children(call, resource, children)
        if existing == child:
            operation = call.state.begin_nothing(resource)
            body = self.child_to_json(resource, child, call)
            return self._accepted(call, 200, body, operation, None, notification=False)

        before = call.state.write(resource)
        resource.children = children
        operation = self._begin(call, f"Put{self.child_noun}Operation", resource, before)
        body = self.child_to_json(resource, child, call)
        status = 200 if existing else 201
        return self._accepted(call, status, body, operation, self.retry_after, notification=False)

    def delete_child(self, call: Call) -> Response:
        resource = self.find(call)
        self.refuse_if_busy(call, resource.key)
        child = resource.child(call.target.name)
        if child is None:
            return Response(status_code=204)
        check_if_match(call, resource)
        _refuse_if_failed(call, resource)
        self.refuse_if_child_in_use(resource, child)

        before = call.state.write(resource)
        resource.children = [other for other in resource.children if other is not child]
        operation = self._begin(call, f"Delete{self.child_noun}Operation", resource, before)
        return self._deleted(call, operation, notification=False)

    # -- Methods that a kind overrides --

    @property
    def noun(self) -> str:
        name = self.kind.rsplit("/", 1)[1].removesuffix("s")
        return name[0].upper() + name[1:]

    def to_json(self, resource: R, call: Call) -> dict[str, Any]:
        body: dict[str, Any] = {
            "name": resource.name,
            "id": resource.resource_id,
            "etag": resource.etag,
            "type": self.kind,
        }
        if resource.location:
            body["location"] = resource.location
        if resource.tags is not None:
            body["tags"] = resource.tags

        children = [self.child_to_json(resource, child, call) for child in resource.children]
        body["properties"] = {
            "provisioningState": resource.provisioning_state,
            "resourceGuid": resource.resource_guid,
            **self.properties_to_json(resource, children, call),
        }
        return body

    def properties_to_json(
        self, resource: R, children: Sequence[Child], call: Call
    ) -> dict[str, Any]:
        raise NotImplementedError

    def child_to_json(self, resource: R, child: Child, call: Call) -> dict[str, Any]:
        return {
            "name": child["name"],
            "id": f"{resource.resource_id}/{self.child_kind.rsplit('/', 1)[1]}/{child['name']}",
            "etag": resource.etag,
            "properties": {
                "provisioningState": resource.provisioning_state,
                **child["properties"],
            },
            "type": self.child_kind,
        }

    def parse(self, properties: dict[str, Any], **common: Any) -> R:
        """Return the resource that these properties of a body describe."""
        raise NotImplementedError

    def parse_child(self, body: dict[str, Any]) -> Child:
        properties = part(body, "properties", dict)
        return {"name": part(body, "name", str), "properties": without(_READ_ONLY, properties)}

    def parse_children(self, properties: dict[str, Any], name: str) -> list[Child]:
        return [self.parse_child(child) for child in part(properties, name, list)]

    def check(self, call: Call, wanted: R, existing: R | None) -> None:
        """Raise ArmError if the service would refuse the resource."""
        self.check_children(call, wanted, wanted.children)

    def check_children(self, call: Call, resource: R, children: list[Child]) -> None:
        raise NotImplementedError

    def refuse_if_busy(self, call: Call, key: str) -> None:
        """The service accepts one write at a time for a resource and its children."""
        running = call.state.running_on(key)
        if running is not None:
            raise errors.busy(running.name, running.resource.resource_id, running.seconds_left)

    def refuse_if_in_use(self, resource: R) -> None:
        """Raise ArmError if another resource still refers to this one."""

    def refuse_if_child_in_use(self, resource: R, child: Child) -> None:
        """Raise ArmError if another resource still refers to the child."""

    def refer(self, call: Call, before: R | None, after: R | None) -> None:
        """Update the resources to which the children refer. None means no resource."""

    # -- Shared steps --

    def find(self, call: Call) -> R:
        target = call.target.parent
        resource = call.state.find(self.model, target.key, stale=call.stale)
        if resource is None:
            raise errors.resource_not_found(self.kind, target.name, target.group)
        return resource

    def _parent(self, call: Call) -> R:
        resource = call.state.find(self.model, call.target.parent.key)
        if resource is None:
            raise errors.parent_not_found(call.target.parent.resource_id)
        return resource

    def _parse(self, call: Call, existing: R | None) -> R:
        body = call.json()
        location = part(body, "location", str).lower().replace(" ", "")
        if not location:
            raise errors.location_required()
        if existing and existing.location and location != existing.location.lower():
            raise errors.other_location(existing.name, existing.location)

        return self.parse(
            without(_READ_ONLY, part(body, "properties", dict)),
            resource_id=existing.resource_id if existing else call.target.resource_id,
            location=location,
            tags=part(body, "tags", dict) if "tags" in body else None,
        )

    def _begin(
        self, call: Call, name: str, resource: R, before: R | None, *, gone: bool = False
    ) -> Operation:
        """Begin the operation of a write or a removal that has just happened."""
        after = None if gone else resource

        def undo() -> None:
            self.refer(call, after, before)
            if before is None:
                call.state.remove(resource)
            else:
                resource.take(before)
                call.state.write(resource)

        self.refer(call, before, after)
        return call.state.begin(name, resource, call.fate, undo)

    def _accepted(
        self,
        call: Call,
        status: int,
        body: dict[str, Any],
        operation: Operation,
        retry_after: int | None,
        *,
        notification: bool = True,
    ) -> Response:
        call.operation = operation
        location = operation.resource.location
        headers = {"Azure-AsyncOperation": link(call, "operations", location, operation)}
        if notification:
            headers["Azure-AsyncNotification"] = "Enabled"
        if retry_after is not None:
            headers["Retry-After"] = str(min(retry_after, call.state.poll_seconds))
        return JSONResponse(body, status, headers)

    def _deleted(self, call: Call, operation: Operation, *, notification: bool) -> Response:
        call.operation = operation
        location = operation.resource.location
        headers = {
            "Azure-AsyncOperation": link(call, "operations", location, operation),
            "Location": link(call, "operationResults", location, operation),
            "Retry-After": str(min(self.retry_after, call.state.poll_seconds)),
        }
        if notification:
            headers["Azure-AsyncNotification"] = "Enabled"
        return Response(status_code=202, headers=headers)


class NetworkChildApi:
    """The children of a kind of resource, under their own path."""

    def __init__(self, parents: NetworkResourceApi[Any]) -> None:
        self.kind = parents.child_kind
        self.get, self.list_page = parents.get_child, parents.list_children
        self.put, self.delete = parents.put_child, parents.delete_child


def part[T](body: Any, name: str, kind: type[T]) -> T:
    """Return a part of a body, empty if it is absent or null. Raise ArmError for another type."""
    if not isinstance(body, dict):
        raise errors.invalid_json(f"An object is needed around '{name}'.")
    value = body.get(name)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise errors.invalid_json(f"Error converting the value of '{name}'.")
    return value


def without(names: Collection[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


def _with_child(resource: Resource, existing: Child | None, child: Child) -> list[Child]:
    """A child that is replaced keeps its place."""
    if existing is None:
        return [*resource.children, child]
    return [child if other is existing else other for other in resource.children]


def _refuse_if_failed(call: Call, parent: Resource) -> None:
    if parent.provisioning_state == "Failed":
        raise errors.parent_failed(
            call.request.method, call.target.resource_id, parent.last_operation_id
        )


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise errors.invalid_name(name)


def check_names(children: Iterable[Child]) -> None:
    names: set[str] = set()
    for child in children:
        check_name(child["name"])
        # UNCONFIRMED: no answer to two children with one name is recorded.
        if child["name"].lower() in names:
            raise errors.invalid_json(f"Two elements have the name {child['name']}.")
        names.add(child["name"].lower())


def check_cidr(prefix: str, resource_id: str) -> None:
    """Raise ArmError if the prefix is not CIDR or has host bits set."""
    try:
        network = ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        raise errors.invalid_prefix(prefix, resource_id) from None
    if str(network) != prefix:
        raise errors.host_bits_set(prefix, resource_id, str(network))


def check_if_match(call: Call, resource: Resource | None) -> None:
    """Raise ArmError if the ETag differs. UNCONFIRMED except for route tables and subnets."""
    given = call.request.headers.get("if-match")
    if given is None or given == "*":
        return

    # UNCONFIRMED: the answer for a resource that does not exist.
    weak = given if given.startswith("W/") else f'W/"{given}"'
    actual = "" if resource is None else resource.etag
    if weak != actual:
        raise errors.etag_mismatch(weak, actual, call.target.resource_id)


def _would_change_nothing(existing: Resource, wanted: Resource) -> bool:
    return existing.provisioning_state == "Succeeded" and existing.content == wanted.content
