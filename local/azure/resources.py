"""The resources of Microsoft.Network. A resource and its children share one ETag."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from .target import key_of

type Child = dict[str, Any]
"""A child's `name` and `properties`, without the keys that the service itself adds."""


ROUTE_TABLE_DEFAULTS = {"disableBgpRoutePropagation": False}


def new_etag() -> str:
    return f'W/"{uuid.uuid4()}"'


@dataclass(kw_only=True)
class Resource:
    resource_id: str
    location: str
    """Azure Firewall makes tables without a location, as recorded: then this is empty."""
    tags: dict[str, str] | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    resource_guid: str = field(default_factory=lambda: str(uuid.uuid4()))
    provisioning_state: str = "Succeeded"
    etag: str = field(default_factory=new_etag)
    last_operation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    visible_at: float = 0.0
    """Until then, reads and references do not find the new resource: Azure replicates it."""

    @property
    def name(self) -> str:
        return self.resource_id.rsplit("/", 1)[1]

    @property
    def key(self) -> str:
        return key_of(self.resource_id)

    @property
    def children(self) -> list[Child]:
        raise NotImplementedError

    @children.setter
    def children(self, children: list[Child]) -> None:
        raise NotImplementedError

    def child(self, name: str) -> Child | None:
        """Find a child by its name, ignoring case."""
        found = (child for child in self.children if child["name"].lower() == name.lower())
        return next(found, None)

    def take(self, other: "Resource") -> None:
        """Replace the content by the other's, but keep the identity."""
        self.tags, self.properties, self.children = other.tags, other.properties, other.children

    @property
    def content(self) -> object:
        return self.tags, self.properties, self.children


@dataclass(kw_only=True)
class RouteTable(Resource):
    routes: list[Child] = field(default_factory=list)
    subnets: list[str] = field(default_factory=list)
    """Ids of the subnets that refer to the table. A write of the table does not change them."""

    @property
    def content(self) -> object:
        return self.tags, {**ROUTE_TABLE_DEFAULTS, **self.properties}, self.routes

    @property
    def children(self) -> list[Child]:
        return self.routes

    @children.setter
    def children(self, children: list[Child]) -> None:
        self.routes = children


@dataclass(kw_only=True)
class SecurityGroup(Resource):
    rules: list[Child] = field(default_factory=list)
    subnets: list[str] = field(default_factory=list)

    @property
    def children(self) -> list[Child]:
        return self.rules

    @children.setter
    def children(self, children: list[Child]) -> None:
        self.rules = children


@dataclass(kw_only=True)
class VirtualNetwork(Resource):
    subnets: list[Child] = field(default_factory=list)

    @property
    def children(self) -> list[Child]:
        return self.subnets

    @children.setter
    def children(self, children: list[Child]) -> None:
        self.subnets = children
