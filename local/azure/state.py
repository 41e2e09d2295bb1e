"""The state of the simulated Azure: its resources, its log of requests, and its settings."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .authorization import within
from .event_topic import EventTopic
from .identity import Identities
from .locks import Locks
from .operations import Fate, Operation
from .resource_graph import Graph
from .resources import Child, Resource, RouteTable, new_etag
from .service_tags import TagHistory
from .target import key_of
from .throttles import Throttles
from .timing import Timing

if TYPE_CHECKING:
    from .call import Call
    from .faults import InjectedFault
    from .hosting_environments import Environment
    from .policy_restrictions import DenyingPolicy

# Recorded in 2020. The real limits have grown since, and these are the lowest that are known.
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
        self.identities = Identities(cloud)
        self.locks = Locks()
        self.timing = Timing()
        self.throttles = Throttles(self.timing.now)
        self.topic = EventTopic(self.timing, self.settle)
        self.limits = dict(LIMITS)
        self.page_size = 100
        self.poll_seconds = 10
        """`Retry-After` of an operation that still runs, as recorded."""
        self.newest_api_versions = {
            "microsoft.network": "2026-03-01",
            "microsoft.resourcegraph": "2024-04-01",
            "microsoft.web": "2025-05-01" if cloud == "AzureCloud" else "2024-04-01",
        }
        """By resource provider. In the public cloud they are those of this project's SDKs."""

        self.faults: list[InjectedFault] = []
        self.watch: Callable[[Call | None], None] = lambda _call: None
        """Called with None before each request, and after it with the call if it was accepted."""

        self.log: list[dict[str, Any]] = []
        self.operations: dict[str, Operation] = {}
        """All operations so far, by id. A caller may poll one forever."""
        self.environments: dict[str, Environment] = {}
        self.graph = Graph(clock=self.timing.now)
        self.policies: list[DenyingPolicy] = []
        self.subscriptions: set[str] = set()
        self._groups: dict[str, Group] = {}
        self._resources: dict[str, Resource] = {}
        self._before: dict[str, Resource | None] = {}
        self._running: dict[str, Operation] = {}

    # -- Subscriptions and resource groups --

    def add_group(self, subscription_id: str, name: str, location: str = "westeurope") -> Group:
        self.subscriptions.add(subscription_id.lower())
        resource_id = f"/subscriptions/{subscription_id}/resourceGroups/{name}"
        return self._groups.setdefault(
            key_of(resource_id), Group(resource_id=resource_id, location=location)
        )

    def group(self, group_id: str) -> Group | None:
        return self._groups.get(key_of(group_id))

    def groups(self, scope: str) -> list[Group]:
        return [group for key, group in self._groups.items() if within(key, scope)]

    # -- Resources --

    def add[R: Resource](self, resource: R) -> R:
        """Add the resource and its resource group, as if they had always existed."""
        _, _, subscription, _, group, *_ = resource.resource_id.split("/")
        self.add_group(subscription, group)
        self._resources[resource.key] = resource
        return resource

    def add_table(self, table: RouteTable) -> RouteTable:
        return self.add(table)

    def find[R: Resource](self, kind: type[R], key: str, *, stale: bool = False) -> R | None:
        was_written = stale and key in self._before
        resource = self._before[key] if was_written else self._resources.get(key)
        return resource if isinstance(resource, kind) else None

    def below[R: Resource](self, kind: type[R], scope: str, *, stale: bool = False) -> Iterator[R]:
        keys = self._resources | self._before if stale else self._resources
        for key in list(keys):
            found = self.find(kind, key, stale=stale)
            if found is not None and within(key, scope):
                yield found

    def is_visible(self, resource: Resource) -> bool:
        """Return whether a new resource has been replicated already."""
        return resource.visible_at <= self.timing.now()

    # -- Writes and their operations --

    def write[R: Resource](self, resource: R) -> R | None:
        """Store the resource, and return its state before, which stale answers will show."""
        before = copy.deepcopy(self.find(type(resource), resource.key))
        self._before[resource.key] = before
        self._resources[resource.key] = resource
        return before

    def remove(self, resource: Resource) -> None:
        self._before[resource.key] = self._resources.pop(resource.key)

    def begin(
        self,
        name: str,
        resource: Resource,
        fate: Fate | None = None,
        undo: Callable[[], None] = lambda: None,
    ) -> Operation:
        """Make the resource `Updating` and change its ETag."""
        operation = Operation(
            name=name,
            resource=resource,
            ends_at=self.timing.now() + self.timing.draw_operation(),
            clock=self.timing.now,
            fate=fate or Fate(),
            undo=undo,
        )
        self.operations[operation.operation_id] = operation
        self._running[resource.key] = operation

        resource.last_operation_id = operation.operation_id
        resource.provisioning_state = "Updating"
        resource.etag = new_etag()
        return operation

    def begin_nothing(self, resource: Resource) -> Operation:
        """Return the operation of a write that changes nothing: it has ended, the ETag stays."""
        operation = Operation(
            name="Nothing",
            resource=resource,
            ends_at=0,
            clock=self.timing.now,
            status="Succeeded",
        )
        self.operations[operation.operation_id] = operation
        return operation

    def settle(self) -> None:
        """End the operations whose time has come."""
        for operation in list(self._running.values()):
            operation.settle()
            if operation.status != "InProgress":
                del self._running[operation.resource.key]

    def running_on(self, key: str) -> Operation | None:
        return self._running.get(key)

    def written_by_another(self, key: str) -> None:
        """Let somebody else write the resource at once, to the end of the operation."""
        resource = self._resources.get(key)
        if resource is None:
            return
        self.write(resource)
        resource.tags = {**(resource.tags or {}), "changedBy": "another"}
        if isinstance(resource, RouteTable) and not resource.child(ANOTHERS_ROUTE["name"]):
            resource.routes.append(copy.deepcopy(ANOTHERS_ROUTE))
        resource.etag = new_etag()

    # -- The log --

    def writes(self) -> list[dict[str, Any]]:
        """Return all requests that are no reads, in order."""
        return [entry for entry in self.log if not entry["action"].endswith("/read")]
