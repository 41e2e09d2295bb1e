"""One subscription of a discovery, while a message looks through it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from ...domain import codes
from ...domain.armid import EnvironmentId, RouteTableId, ServiceResourceId
from ...domain.errors import RouteSyncError, TransientError
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.surroundings.search import (
    FoundEnvironment,
    FoundService,
    Search,
    SearchedSubscription,
    StampedTable,
)
from ...domain.surroundings.service_resources import ServiceResource
from ..requester import Requester

MOST_FAILURES = 5
"""If something in a subscription has failed in so many messages, it is not tried again."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The answer of Azure Resource Graph for a subscription, and the error that ended it."""

    resources: tuple[ServiceResource, ...] = ()
    error: Exception | None = None


@dataclass(slots=True, kw_only=True)
class Work:
    """The state of the look, of which `result` is stored for the next message.

    The environments and services that were found by earlier messages stay. Everything else is
    looked at again. `listed` is what Azure Resource Graph has answered for the subscription, and
    `registrations` are those of services, each in a location. `passing` is an error that may pass.
    `is_interrupted` is true if there was no time for the rest. The tables `left_to_tag` have the
    Azure tag, which decides at the next check.
    """

    part: SearchedSubscription
    search: Search
    by: Requester
    registered: dict[RouteTableId, RegisteredTable]
    ends: datetime
    listed: Listed
    environments: dict[EnvironmentId, FoundEnvironment] = field(init=False)
    services: dict[ServiceResourceId, FoundService] = field(init=False)
    route_tables: list[StampedTable] = field(init=False, default_factory=list)
    added: list[RouteTableId] = field(init=False, default_factory=list)
    left_to_tag: set[RouteTableId] = field(init=False, default_factory=set)
    registrations: dict[tuple[str, str], Registration] = field(init=False, default_factory=dict)
    errors: list[Finding] = field(init=False, default_factory=list)
    passing: Finding | None = field(init=False, default=None)
    is_out_of_time: bool = field(init=False, default=False)
    is_interrupted: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.environments = {found.environment_id: found for found in self.part.environments}
        self.services = {found.resource_id: found for found in self.part.services}

    @property
    def subscription_id(self) -> str:
        return self.part.subscription_id

    def tag_findings(self, table_id: RouteTableId | None) -> Iterator[Finding]:
        if table_id in self.left_to_tag:
            yield Finding(codes.AZURE_TAG_DECIDES, f"{table_id} has the tag")

    @property
    def table_ids(self) -> frozenset[RouteTableId]:
        """The tables on the subnets of everything that was found."""
        of_environments = (one.table_ids for one in self.environments.values())
        of_services = (one.table_ids for one in self.services.values())
        return frozenset(chain.from_iterable(chain(of_environments, of_services)))

    @property
    def result(self) -> SearchedSubscription:
        passing = () if self.passing is None else (self.passing,)

        # No later message looks at what was found again, so its errors stay with it.
        seen = [
            *((found.environment_id, found.error) for found in self.environments.values()),
            *((found.resource_id, found.error) for found in self.services.values()),
        ]
        lasting = (_about(resource, error) for resource, error in seen if error)

        return replace(
            self.part,
            added=(*self.part.added, *self.added),
            environments=tuple(self.environments.values()),
            services=tuple(self.services.values()),
            route_tables=tuple(self.route_tables),
            errors=(*lasting, *self.errors, *passing),
            failures=self.part.failures + len(passing),
            ended=not passing and not self.is_interrupted,
        )

    def may_pass(self, error: Exception) -> bool:
        """Return whether a later message tries again."""
        is_last = self.part.failures + 1 >= MOST_FAILURES
        return isinstance(error, TransientError) and not is_last

    def tried(self, look: Callable[["Work"], None]) -> bool:
        """Return whether this look through the subscription came to its end without an error."""
        try:
            look(self)
        except Exception as error:  # whatever it is, it is noted
            self.note(error)
            return False
        return True

    @contextmanager
    def alone(self, resource: object) -> Iterator[None]:
        """Note each error in here, so that it hides no other result."""
        try:
            yield
        except Exception as error:  # whatever it is
            self.note(error, resource)

    def note(self, error: Exception, resource: object | None = None) -> None:
        """Note the error of the resource with this id, or of the whole subscription."""
        self.watch_time(error)
        found = Finding.of(error)
        if resource is not None:
            found = _about(resource, found)

        if not self.may_pass(error):
            # Each look at a subscription that is not there says the same.
            self.errors += [] if found in self.errors else [found]
        elif self.passing is None:
            self.passing = found

    def watch_time(self, error: Exception) -> None:
        """After the deadline of the invocation, every call fails, whatever the clock shows."""
        if isinstance(error, RouteSyncError) and error.code == codes.OUT_OF_TIME:
            self.is_out_of_time = True


def _about(resource: object, found: Finding) -> Finding:
    return Finding(found.code, f"{resource}: {found.message}")
