"""The narrow interfaces through which the use cases reach the outside, in two bundles.

The wiring makes each bundle once. The interfaces raise the errors of `shared.domain.errors`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ..domain.addresses import Publication, Source, SourceContent, Version
from ..domain.app_record import AppRecord
from ..domain.armid import EnvironmentId, RouteTableId, SecurityGroupId, SubnetId
from ..domain.locations import Standing
from ..domain.people.check_report import CheckReport
from ..domain.people.notices import Ledger, Notice
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.status import Status
from ..domain.routing.routes import Route, RouteTable
from ..domain.runs.alert import Place
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..domain.runs.pending import Pending
from ..domain.runs.run import Run
from ..domain.surroundings.environments import Environment, Subnet
from ..domain.surroundings.search import SearchedSubscription
from ..domain.surroundings.security_rules import SecurityGroup
from ..domain.surroundings.service_resources import ServiceResource
from ..domain.weekly_file import WeeklyFile

type Clock = Callable[[], datetime]
"""The time now, aware and in UTC."""


class ServiceTagSource(Protocol):
    def read(self, location: str) -> Mapping[str, object]:
        """Return the whole answer for one location. Raise UnusableServiceTag or TransientError."""


class CustomLists(Protocol):
    def read(self) -> str:
        """Return the text of all lists. Raise RouteSyncError if there is none now."""


class InboundDependencies(Protocol):
    def read(self, environment_id: EnvironmentId) -> Sequence[object]:
        """Return all entries. Raise PermanentError or TransientError."""


class Environments(Protocol):
    def read(self, environment_id: EnvironmentId) -> Environment: ...

    def list(self, subscription_id: str) -> Iterator[Environment]: ...

    def subscriptions(self) -> Sequence[str]:
        """Return every subscription that the app's identity can see."""


class ServiceResources(Protocol):
    def list(self, subscription_ids: Sequence[str]) -> Iterator[ServiceResource]:
        """Yield those that the app's identity may read, in at most 1,000 subscriptions.

        Raise TransientError after the last one if not all were answered.
        """

    def missing_rights(self, subscription_id: str) -> Sequence[str]:
        """Return the actions that the identity lacks there: without them, `list` is incomplete."""


class Subnets(Protocol):
    def read(self, subnet_id: SubnetId) -> Subnet: ...

    def set_route_table(self, subnet: Subnet, route_table_id: RouteTableId) -> None:
        """Give the subnet this route table, if it is still as it was read."""


class SecurityGroups(Protocol):
    def read(self, group_id: SecurityGroupId) -> SecurityGroup: ...

    def add_rule(self, group: SecurityGroup, name: str, properties: Mapping[str, object]) -> None:
        """Add this rule and change no other."""


class RouteTables(Protocol):
    def read(self, route_table_id: RouteTableId) -> RouteTable: ...

    def list(self, subscription_id: str) -> Iterator[tuple[RouteTableId, RouteTable]]: ...

    def create(self, route_table_id: RouteTableId, body: RouteTable) -> None:
        """Create the route table if none with this id exists."""

    def body(self, table: RouteTable, routes: Iterable[Route]) -> RouteTable:
        """Return the exact body of a write that replaces the table's routes."""

    def write(self, route_table_id: RouteTableId, body: RouteTable, etag: str) -> RouteTable:
        """Replace the table if it still has this ETag.

        Return it as it was read afterwards, with the correlation id of the write.
        """


class PolicyRestrictions(Protocol):
    def refusals(self, route_table_id: RouteTableId, body: RouteTable) -> tuple[str, ...]:
        """Return the ids of the policy assignments that would deny this write of the table."""


class RouteLimits(Protocol):
    def routes(self, subscription_id: str, location: str | None) -> int | None:
        """Return the most routes that a table may hold, or None if that cannot be known."""

    def tag_routes(self, subscription_id: str, location: str | None) -> int | None:
        """Return the most routes of a table that may have a service tag as their prefix."""


class Registrations(Protocol):
    """Every change is made to the row as it is now, and again if others write it meanwhile."""

    def get(self, route_table_id: RouteTableId) -> RegisteredTable | None:
        """Raise RowUnreadable if the table is registered and its row cannot be read."""

    def list(self) -> Iterator[RegisteredTable]:
        """List all without their history, also those that are `unreadable`."""

    def places(self, subscription_id: str | None) -> Iterator[Place]:
        """List the enabled route tables of this subscription, or of all, with their places."""

    def place(self, route_table_id: RouteTableId) -> Place | None:
        """Return the place of this table; None if it is not registered or not enabled."""

    def add(self, table: RegisteredTable) -> bool:
        """Register the table, and return whether it was not registered yet."""

    def change(
        self,
        route_table_id: RouteTableId,
        change: Callable[[RegisteredTable], RegisteredTable],
        known: RegisteredTable | None = None,
    ) -> RegisteredTable | None:
        """Return the table as changed, or None if it is not registered. Raise RowUnreadable.

        `change` is called again for each time that others have written the row meanwhile. The row
        is not read if it is still as it was when it gave `known`.
        """

    def delete(
        self, route_table_id: RouteTableId, check: Callable[[RegisteredTable], None] = ...
    ) -> RegisteredTable | None:
        """Return what was deleted, or None if it is not registered.

        `check` sees exactly what is going to be deleted, and can raise an error that prevents it.
        """

    def remember(self, route_table_id: RouteTableId, status: Status, at: datetime) -> None:
        """Keep what protects the routes of a table that is unregistered now."""

    def remembered(self, route_table_id: RouteTableId) -> Status:
        """Return what is remembered of the table; nothing, if it was never unregistered."""

    def forget(self, *, before: datetime) -> None:
        """Forget the tables that were unregistered before this moment."""


class Versions(Protocol):
    def newest(self, source: Source) -> Version | None: ...

    def get(self, version_id: str) -> Version | None: ...

    def history(self, source: Source) -> list[Version]:
        """Return all versions of the source, the oldest first."""

    def append(
        self,
        content: SourceContent,
        previous: Version | None,
        *,
        recorded_at: datetime,
        run_id: str,
    ) -> Version:
        """Raise ConcurrentUpdate if another version follows `previous` already."""


class Runs(Protocol):
    def create(self, run: Run) -> bool:
        """Write the run, and return whether no run had its id yet."""

    def get(self, run_id: str) -> Run | None: ...

    def replace(self, run: Run) -> Run:
        """Raise ConcurrentUpdate if the run has changed since it was read."""

    def running(self, *, before: datetime) -> Iterator[Run]:
        """List the runs that were started before this moment and have not ended."""

    def waiting(self, *, since: datetime) -> Iterator[Run]:
        """List the runs that were started since then and have not fanned out."""

    def due(self, *, since: datetime) -> Iterator[Run]:
        """List the runs that were started since then, have ended and were told to nobody."""

    def told(self, run: Run) -> None:
        """Note that people have been told about the run."""

    def begun_before(self, moment: datetime) -> Iterator[str]:
        """List the ids of the runs that were started before this moment."""

    def remove(self, run_id: str) -> None: ...


class Claims(Protocol):
    def claim(self, instance: str, run_id: str) -> str:
        """Claim the alert for this run, and return the id of the run that claimed it first."""

    def claimed(self, instance: str) -> str | None:
        """Return the id of the run that this alert started or joined."""

    def remove_claims(self, *, before: datetime) -> None:
        """Remove the claims of runs that were started before this moment."""


class Events(Protocol):
    def came(self, at: datetime) -> None:
        """Note that an event came at this moment."""

    def last(self) -> datetime | None:
        """Return when an event came last, as far as it was noted; None if none ever came."""


class Checks(Protocol):
    def put(self, report: CheckReport, *, notice_due: bool) -> None:
        """Keep the report in the place of an earlier one with its id."""

    def add(self, report: CheckReport, *, notice_due: bool, by_app: bool) -> None:
        """Keep the report, unless there is one with its id.

        The command line looks with the rights of a person, and not `by_app`.
        """

    def get(self, check_id: str) -> tuple[CheckReport, bool] | None:
        """Return the report, and whether people are still to be told about it."""

    def latest(self, *, until: datetime) -> CheckReport | None:
        """Return the newest check up to this moment, of the app itself if it has made one."""

    def due(self, *, since: datetime) -> Iterator[str]:
        """List the ids of the checks since then that people are still to be told about."""

    def told(self, check_id: str) -> None:
        """Note that people have been told about the check."""

    def remove_before(self, moment: datetime) -> None: ...


class Ledgers(Protocol):
    def read(self) -> Ledger: ...

    def write(self, ledger: Ledger) -> Ledger:
        """Return the ledger as it is stored now. Raise ConcurrentUpdate if others changed it."""


class Webhook(Protocol):
    def send(self, notice: Notice, /) -> None:
        """Raise TransientError if the receiver did not take the notice."""


class Outcomes(Protocol):
    def expect(self, run_id: str, route_table_ids: Iterable[RouteTableId]) -> None:
        """Add the tables that the run does not have yet, as pending.

        Raise ConcurrentUpdate if another worker adds one of them at the same time.
        """

    def pending(self, run_id: str) -> Iterator[Pending]: ...

    def get_pending(self, run_id: str, route_table_id: RouteTableId) -> Pending | None: ...

    def save(self, pending: Pending) -> Pending:
        """Raise ConcurrentUpdate if it has been saved or settled since it was read."""

    def settle(self, pending: Pending, outcome: Outcome) -> None:
        """Turn pending into outcome in one write. A final outcome is never overwritten.

        Raise ConcurrentUpdate if pending has been saved or settled since it was read.
        """

    def is_any_open(self, run_id: str) -> bool:
        """Return whether the run still waits for a table."""

    def counts(self, run_id: str) -> Mapping[OutcomeStatus, int] | None:
        """Return the number of outcomes by status, or None while a table is pending."""

    def settled(self, run_id: str) -> Mapping[OutcomeStatus, int]:
        """Return the number of outcomes by status so far."""

    def get(self, run_id: str, route_table_id: RouteTableId) -> Outcome | None:
        """Return None while the table is pending, and if the outcome is no longer kept."""

    def list(self, run_id: str) -> Sequence[Outcome]:
        """Return the outcomes of the tables that are settled."""

    def remove(self, run_id: str) -> None:
        """Remove everything that is known of the run's tables."""


class Searches(Protocol):
    """The results of discoveries, in each subscription."""

    def expect(self, run_id: str, parts: Iterable[SearchedSubscription]) -> None:
        """Add the subscriptions that the run does not have yet.

        Raise ConcurrentUpdate if another worker adds one of them at the same time.
        """

    def open(self, run_id: str) -> Sequence[SearchedSubscription]:
        """Return the subscriptions that have not ended."""

    def list(self, run_id: str) -> Sequence[SearchedSubscription]: ...

    def save(self, run_id: str, part: SearchedSubscription) -> None:
        """Raise ConcurrentUpdate if another worker has saved it since it was read."""

    def remove(self, run_id: str) -> None: ...


class Locations(Protocol):
    """The answers of the locations of the service tags."""

    def read(self) -> Mapping[str, Standing]:
        """Return how each location stands that has ever answered."""

    def write(self, standings: Mapping[str, Standing]) -> None:
        """Replace all standings."""


class Publications(Protocol):
    """The last weekly file that a run has read."""

    def read(self) -> Publication | None: ...

    def write(self, publication: Publication) -> None: ...


class WeeklyFiles(Protocol):
    """The weekly file of service tags, where the operator says that it is."""

    def read(self) -> WeeklyFile:
        """Return the newest file. Raise UnusableWeeklyFile if there is none of this cloud."""


class AppRecords(Protocol):
    """What the app says about itself."""

    def read(self) -> AppRecord | None:
        """Return None if no app has ever recorded its settings."""

    def write(self, record: AppRecord) -> None:
        """Write a new record, or replace the one with this ETag. Every question is answered.

        Raise ConcurrentUpdate if others have written meanwhile.
        """

    def ask(self, question: str) -> None:
        """Ask whether the record still holds. Nothing is asked if there is no record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Everything that the app remembers."""

    registrations: Registrations
    versions: Versions
    runs: Runs
    claims: Claims
    events: Events
    outcomes: Outcomes
    searches: Searches
    checks: Checks
    ledgers: Ledgers
    locations: Locations
    publications: Publications
    app_records: AppRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """Everything that the app reads and writes in Azure."""

    service_tags: ServiceTagSource
    custom_lists: CustomLists
    inbound_dependencies: InboundDependencies
    environments: Environments
    service_resources: ServiceResources
    subnets: Subnets
    security_groups: SecurityGroups
    route_tables: RouteTables
    route_limits: RouteLimits
    policy_restrictions: PolicyRestrictions
