"""What stands in the simulated Azure, what was asked of it, and how it is to behave."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .authorization import within
from .identity import Identities
from .locks import Locks
from .operations import Fate, Operation
from .resources import Child, Resource, RouteTable, new_etag
from .service_tags import TagHistory
from .throttles import Throttles

if TYPE_CHECKING:
    from .faults import Fault
    from .hosting_environments import Environment

# Recorded in 2020, and the lowest that is known; the real ones have grown since.
LIMITS = {"RouteTables": 200, "RoutesPerRouteTable": 400, "RoutesWithServiceTagPerRouteTable": 30}
ANOTHERS_ROUTE: Child = {
    "name": "written-by-another",
    "properties": {
        "addressPrefix": "192.0.2.0/24",
        "nextHopType": "VirtualAppliance",
        "nextHopIpAddress": "10.0.0.4",
    },
}


@dataclass(kw_only=True)
class Group:
    resource_id: str
    location: str = "westeurope"
    being_deleted: bool = False


class State:
    def __init__(self, cloud: str = "AzureCloud") -> None:
        self.tags = TagHistory(cloud)
        self.identities = Identities()
        self.locks = Locks()
        self.throttles = Throttles()
        self.limits = dict(LIMITS)
        self.faults: list[Fault] = []
        self.log: list[dict[str, Any]] = []
        self.operations: dict[str, Operation] = {}
        self.operation_seconds = 0.0
        self.poll_seconds = 10
        """`Retry-After` of an operation that still runs, as recorded."""
        self.page_size = 100
        self.newest_api_version = "2026-03-01"
        """What the network SDK of this project asks for; a cloud may lag behind."""
        self.environments: dict[str, Environment] = {}
        self._groups: dict[str, Group] = {}
        self._resources: dict[str, Resource] = {}
        self._before: dict[str, Resource | None] = {}

    # -- Subscriptions and resource groups --

    def add_group(self, subscription_id: str, name: str, location: str = "westeurope") -> Group:
        resource_id = f"/subscriptions/{subscription_id}/resourceGroups/{name}"
        return self._groups.setdefault(
            resource_id.lower(), Group(resource_id=resource_id, location=location)
        )

    def group(self, group_id: str) -> Group | None:
        return self._groups.get(group_id.lower())

    def groups(self, scope: str) -> list[Group]:
        return [group for key, group in self._groups.items() if within(key, scope)]

    def subscriptions(self) -> list[str]:
        return sorted({key.split("/")[2] for key in self._groups})

    # -- Resources --

    def add[R: Resource](self, resource: R) -> R:
        """Put it there as if it had always stood, and its resource group with it."""
        _, _, subscription, _, group, *_ = resource.resource_id.split("/")
        self.add_group(subscription, group)
        self._resources[resource.key] = resource
        return resource

    def add_table(self, table: RouteTable) -> RouteTable:
        return self.add(table)

    def find[R: Resource](self, kind: type[R], key: str, *, stale: bool = False) -> R | None:
        noted = stale and key in self._before
        found = self._before[key] if noted else self._resources.get(key)
        return found if isinstance(found, kind) else None

    def below[R: Resource](self, kind: type[R], scope: str, *, stale: bool = False) -> Iterator[R]:
        keys = self._resources | self._before if stale else self._resources
        for key in list(keys):
            found = self.find(kind, key, stale=stale)
            if found is not None and within(key, scope):
                yield found

    # -- Writes and their operations --

    def begin(self, name: str, resource: Resource, fate: Fate | None = None) -> Operation:
        """Let the resource be `Updating` under another ETag; how it stood is what `write` noted."""
        operation = self._operation(name, resource, fate)
        resource.provisioning_state = "Updating"
        resource.etag = new_etag()
        return operation

    def begin_nothing(self, resource: Resource) -> Operation:
        """The operation of a write that changes nothing: ended at once, the ETag as it was."""
        operation = self._operation("NoOperation", resource, None)
        operation.status = "Succeeded"
        return operation

    def write(self, resource: Resource) -> None:
        """Note how it stands, before it is written."""
        self._before[resource.key] = copy.deepcopy(self._resources.get(resource.key))
        self._resources[resource.key] = resource

    def remove(self, resource: Resource) -> None:
        self._before[resource.key] = self._resources.pop(resource.key)

    def settle(self) -> None:
        """End the operations whose time has come."""
        for operation in self.operations.values():
            operation.settle()

    def running_on(self, key: str) -> Operation | None:
        running = (o for o in self.operations.values() if o.status == "InProgress")
        return next((o for o in running if o.resource.key == key), None)

    def last_operation_on(self, key: str) -> Operation | None:
        found = (o for o in reversed(self.operations.values()) if o.resource.key == key)
        return next(found, None)

    def written_by_another(self, key: str) -> None:
        """Let somebody else write it, this moment, to its end."""
        resource = self._resources.get(key)
        if resource is None:
            return
        self.write(resource)
        resource.tags = {**(resource.tags or {}), "changedBy": "another"}
        if isinstance(resource, RouteTable) and not resource.child(ANOTHERS_ROUTE["name"]):
            resource.routes.append(copy.deepcopy(ANOTHERS_ROUTE))
        resource.etag = new_etag()

    def writes(self) -> list[dict[str, Any]]:
        """What was asked but reads, in order."""
        return [entry for entry in self.log if entry["method"] != "GET"]

    def _operation(self, name: str, resource: Resource, fate: Fate | None) -> Operation:
        before = self._before.get(resource.key)

        def undo() -> None:
            if before is None:
                self._resources.pop(resource.key, None)
            else:
                resource.take(before)
                self._resources[resource.key] = resource

        operation = Operation(
            name=name,
            resource=resource,
            ends_at=time.monotonic() + self.operation_seconds,
            fate=fate or Fate(),
            undo=undo,
        )
        self.operations[operation.operation_id] = operation
        return operation
