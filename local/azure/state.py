"""What stands in the simulated Azure, what was asked of it, and which faults it has in store."""

import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVICE_TAG = "AppServiceManagement"
DATA = Path(__file__).parents[1] / "data"


def new_etag() -> str:
    return f'W/"{uuid.uuid4()}"'


@dataclass
class RouteTable:
    """One etag serves the table and all its routes."""

    resource_id: str
    location: str
    tags: dict[str, str] | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    routes: list[dict[str, Any]] = field(default_factory=list)
    subnets: list[str] = field(default_factory=list)
    resource_guid: str = field(default_factory=lambda: str(uuid.uuid4()))
    provisioning_state: str = "Succeeded"
    etag: str = field(default_factory=new_etag)

    @property
    def name(self) -> str:
        return self.resource_id.rsplit("/", 1)[1]

    def route(self, name: str) -> dict[str, Any] | None:
        found = (route for route in self.routes if route["name"].lower() == name.lower())
        return next(found, None)


@dataclass
class Operation:
    """A long-running operation; its effect is there at once, its end at `ends_at`."""

    name: str
    table: RouteTable
    ends_at: float
    error: dict[str, Any] | None = None
    status: str = "InProgress"


@dataclass
class Fault:
    """Answer the next `times` requests that match with an error, before or after the effect."""

    method: str
    path: str
    status: int
    body: Any
    times: int = 1
    after: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def takes(self, method: str, path: str, *, after: bool) -> bool:
        matches = self.method == method and re.search(self.path, path, re.IGNORECASE)
        if self.times < 1 or self.after is not after or not matches:
            return False
        self.times -= 1
        return True


class TagHistory:
    """The tag's real history in one cloud, stepped forward; a location may lag behind."""

    def __init__(self, cloud: str) -> None:
        lines = (DATA / f"{cloud}.jsonl").read_text().splitlines()
        self.published: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.position = 0
        self.lag: dict[str, int] = {}
        self.answers: dict[str, bytes | Mapping[str, Any]] = {}
        """What a location answers instead: bytes as they are, or a document."""

    def at(self, location: str) -> dict[str, Any]:
        return self.published[max(0, self.position - self.lag.get(location, 0))]

    def step(self, steps: int = 1) -> dict[str, Any]:
        self.position = min(self.position + steps, len(self.published) - 1)
        return self.published[self.position]


class State:
    def __init__(self, cloud: str = "AzureCloud") -> None:
        self.tags = TagHistory(cloud)
        self.groups: set[str] = set()
        self.tables: dict[str, RouteTable] = {}
        self.operations: dict[str, Operation] = {}
        self.faults: list[Fault] = []
        self.log: list[dict[str, Any]] = []
        self.operation_seconds = 0.0
        self.next_operation_error: dict[str, Any] | None = None

    def add_group(self, subscription_id: str, name: str) -> None:
        self.groups.add(f"/subscriptions/{subscription_id}/resourcegroups/{name}".lower())

    def add_table(self, table: RouteTable) -> RouteTable:
        _, _, subscription, _, group, *_ = table.resource_id.split("/")
        self.add_group(subscription, group)
        self.tables[table.resource_id.lower()] = table
        return table

    def has_subscription(self, subscription_id: str) -> bool:
        prefix = f"/subscriptions/{subscription_id}/".lower()
        return any(group.startswith(prefix) for group in self.groups)

    def begin(self, name: str, table: RouteTable) -> str:
        """Start an operation on a table; return its id."""
        operation = Operation(name, table, time.monotonic() + self.operation_seconds)
        operation.error, self.next_operation_error = self.next_operation_error, None
        operation_id = str(uuid.uuid4())
        self.operations[operation_id] = operation
        table.provisioning_state = "Updating"
        table.etag = new_etag()
        return operation_id

    def begin_nothing(self, table: RouteTable) -> str:
        """The operation of a write that changes nothing: ended at once, the etag as it was."""
        operation_id = str(uuid.uuid4())
        self.operations[operation_id] = Operation("NoOperation", table, 0, status="Succeeded")
        return operation_id

    def settle(self) -> None:
        """End the operations whose time has come: the etag changes a second time."""
        for operation in self.operations.values():
            if operation.status == "InProgress" and operation.ends_at <= time.monotonic():
                operation.status = "Failed" if operation.error else "Succeeded"
                operation.table.provisioning_state = operation.status
                operation.table.etag = new_etag()

    def running_on(self, table: RouteTable) -> Operation | None:
        self.settle()
        running = (o for o in self.operations.values() if o.status == "InProgress")
        return next((o for o in running if o.table is table), None)

    def fault(self, method: str, path: str, *, after: bool) -> Fault | None:
        return next((f for f in self.faults if f.takes(method, path, after=after)), None)

    def writes(self) -> list[dict[str, Any]]:
        """What was asked but reads, in order."""
        return [entry for entry in self.log if entry["method"] != "GET"]
