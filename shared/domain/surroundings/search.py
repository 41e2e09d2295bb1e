"""The aim of a discovery, and its result so far.

A discovery looks through one subscription after the other. Its result in a subscription is one
value, which is stored, so that the next message of the run goes on from there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from .. import codes
from ..armid import EnvironmentId, RouteTableId, SecurityGroupId, ServiceResourceId, SubnetId
from ..findings import Finding


@dataclass(frozen=True, slots=True)
class Search:
    """Find every environment and every resource of a service that may need such routes.

    They are looked for in these subscriptions, or in all that are visible if none is named. With
    `owner` the route tables that bear its stamp are found as well. With `register` the tables are
    registered. The tables of what needs no routes, and those whose routes may harm other subnets or
    lead nowhere, are registered only with `acknowledge`.
    """

    subscriptions: tuple[str, ...] = ()
    owner: str | None = None
    register: bool = False
    acknowledge: bool = False


@dataclass(frozen=True, slots=True)
class FoundEnvironment:
    """An environment, whether its subnet's table is registered, and what is wrong with it.

    `error` is the error that stopped the look at it, or the registration of its table.
    """

    environment_id: EnvironmentId
    kind: str
    location: str
    subnet_id: SubnetId | None
    route_table_id: RouteTableId | None
    security_group_id: SecurityGroupId | None
    registered: bool
    findings: tuple[Finding, ...]
    error: Finding | None = None

    @property
    def resource_id(self) -> EnvironmentId:
        return self.environment_id

    @property
    def table_ids(self) -> tuple[RouteTableId, ...]:
        return () if self.route_table_id is None else (self.route_table_id,)


@dataclass(frozen=True, slots=True)
class FoundSubnet:
    """A subnet of a resource, what is attached to it, and whether its table is registered."""

    subnet_id: SubnetId
    route_table_id: RouteTableId | None
    security_group_id: SecurityGroupId | None
    registered: bool


@dataclass(frozen=True, slots=True)
class FoundService:
    """A resource of a service, its subnets, and what is wrong around it.

    `service` is the name of the service's record. `error` is the error that stopped the look at the
    resource, or the registration of its tables.
    """

    resource_id: ServiceResourceId
    service: str
    location: str
    subnets: tuple[FoundSubnet, ...]
    findings: tuple[Finding, ...]
    error: Finding | None = None

    @property
    def registered(self) -> bool:
        """Whether each subnet has a table that is registered."""
        return bool(self.subnets) and all(subnet.registered for subnet in self.subnets)

    @property
    def table_ids(self) -> tuple[RouteTableId, ...]:
        """The tables of its subnets, each once."""
        found = (subnet.route_table_id for subnet in self.subnets)
        return tuple(dict.fromkeys(table for table in found if table is not None))


@dataclass(frozen=True, slots=True)
class StampedTable:
    """A table with routes of the owner, and the environment that has the table on its subnet."""

    route_table_id: RouteTableId
    owned_routes: int
    ase_id: EnvironmentId | None
    registered: bool


@dataclass(frozen=True, slots=True)
class SearchedSubscription:
    """One subscription of a discovery, as far as it was looked through.

    `known` are its tables that were registered when the discovery began, and `added` those that the
    discovery has registered. `failures` counts the messages in which something here failed for a
    reason that may pass. `row_etag` belongs to the stored row: if two workers have the same
    subscription, only one of them can save it.
    """

    subscription_id: str
    known: tuple[RouteTableId, ...] = ()
    added: tuple[RouteTableId, ...] = ()
    environments: tuple[FoundEnvironment, ...] = ()
    services: tuple[FoundService, ...] = ()
    route_tables: tuple[StampedTable, ...] = ()
    errors: tuple[Finding, ...] = ()
    failures: int = 0
    ended: bool = False
    row_etag: str = ""

    def given_up(self) -> Self:
        """Return the subscription of a discovery that has ended without looking through it."""
        said = Finding.plain(codes.NOT_SEARCHED)
        return self if self.ended else replace(self, errors=(*self.errors, said))


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that a discovery has found, so far if it goes on."""

    cloud: str
    environments: tuple[FoundEnvironment, ...]
    services: tuple[FoundService, ...]
    route_tables: tuple[StampedTable, ...]
    errors: tuple[tuple[str, Finding], ...]
    """Each part that could not be read or registered, after the id of its subscription."""

    @classmethod
    def of(cls, searched: Iterable[SearchedSubscription], *, cloud: str) -> Self:
        parts = tuple(searched)
        return cls(
            cloud,
            tuple(environment for part in parts for environment in part.environments),
            tuple(service for part in parts for service in part.services),
            tuple(table for part in parts for table in part.route_tables),
            tuple((part.subscription_id, error) for part in parts for error in part.errors),
        )
