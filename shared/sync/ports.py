"""What the use cases need of the outside. Errors: see shared.domain.errors."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ..domain.addresses import Source, SourceContent, Version
from ..domain.armid import EnvironmentId, RouteTableId, SecurityGroupId, SubnetId
from ..domain.people.notices import Ledger, Notice
from ..domain.registry.contest import Contest
from ..domain.registry.holds import Hold
from ..domain.registry.registration import Registration
from ..domain.registry.state import Standing
from ..domain.routing.changes import Changes
from ..domain.routing.judgement import Approval
from ..domain.routing.routes import Route, RouteTable
from ..domain.runs.alert import Place
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..domain.runs.pending import Pending
from ..domain.runs.run import Run
from ..domain.surroundings.environments import Environment, Subnet
from ..domain.surroundings.security_rules import SecurityGroup

type Clock = Callable[[], datetime]
"""The time now, aware and in UTC."""


class ServiceTagSource(Protocol):
    def read(self, location: str) -> Mapping[str, Any]:
        """The whole answer of one location. Raise UnusableServiceTag or TransientError."""


class InboundDependencies(Protocol):
    def read(self, environment_id: EnvironmentId) -> Sequence[object]:
        """All entries. Raise PermanentError or TransientError."""


class Environments(Protocol):
    def read(self, environment_id: EnvironmentId) -> Environment: ...

    def list(self, subscription_id: str) -> Iterator[Environment]: ...

    def subscriptions(self) -> Sequence[str]:
        """Every subscription that is visible to the app's identity."""


class Subnets(Protocol):
    def read(self, subnet_id: SubnetId) -> Subnet: ...

    def set_route_table(self, subnet: Subnet, route_table_id: RouteTableId) -> None:
        """Give it this table if it is still as read."""


class SecurityGroups(Protocol):
    def read(self, group_id: SecurityGroupId) -> SecurityGroup: ...

    def add_rule(self, group: SecurityGroup, name: str, properties: Mapping[str, Any]) -> None:
        """Add this rule, and change none."""


class RouteTables(Protocol):
    def read(self, route_table_id: RouteTableId) -> RouteTable: ...

    def list(self, subscription_id: str) -> Iterator[tuple[RouteTableId, RouteTable]]: ...

    def create(self, route_table_id: RouteTableId, body: RouteTable) -> None:
        """Put a table where none is."""

    def body(self, table: RouteTable, routes: Iterable[Route]) -> RouteTable:
        """The very body of a write that replaces the table's routes."""

    def write(self, route_table_id: RouteTableId, body: RouteTable, etag: str) -> RouteTable:
        """Replace the table if it is still the one with this ETag. Return it as read after that,
        with the correlation id of the write.
        """


class RouteLimits(Protocol):
    def routes(self, subscription_id: str, location: str | None) -> int | None:
        """How many routes a table may hold; None where that can't be known."""

    def tag_routes(self, subscription_id: str, location: str | None) -> int | None:
        """How many of them may have a service tag as their prefix."""


class Registrations(Protocol):
    def get(self, route_table_id: RouteTableId) -> Registration | None: ...

    def list(self) -> Iterator[Registration]: ...

    def places(self, subscription_id: str | None) -> Iterator[Place]:
        """Where the enabled ones of this subscription, or of all, are."""

    def put(self, registration: Registration) -> None: ...

    def delete(self, route_table_id: RouteTableId) -> None: ...

    def release(self, route_table_id: RouteTableId) -> None:
        """Lift every hold and clear the contested state."""

    def note_sound(self, route_table_id: RouteTableId, hashes: Collection[str]) -> None:
        """Record `sound_foreign`."""

    def hold(self, route_table_id: RouteTableId, holds: Iterable[Hold]) -> None:
        """Let these be what is held."""

    def contest(
        self, route_table_id: RouteTableId, contest: Contest, owned: frozenset[str]
    ) -> None:
        """Record what was undone, and the table as it was found."""

    def record(self, route_table_id: RouteTableId, standing: Standing) -> None: ...


class Versions(Protocol):
    def newest(self, source: Source) -> Version | None: ...

    def history(self, source: Source) -> list[Version]:
        """Oldest first."""

    def append(
        self,
        content: SourceContent,
        previous: Version | None,
        *,
        recorded_at: datetime,
        run_id: str,
    ) -> Version:
        """Raise ConcurrentUpdate where another has appended after `previous` already."""


class Runs(Protocol):
    def get(self, run_id: str) -> Run | None: ...

    def replace(self, run: Run) -> Run:
        """Raise ConcurrentUpdate where the run has changed since it was read."""

    def running(self, *, before: datetime) -> Iterator[Run]:
        """Those begun before that have not ended."""

    def waiting(self, *, since: datetime) -> Iterator[Run]:
        """Those begun since then that have not fanned out."""

    def due(self, *, since: datetime) -> Iterator[Run]:
        """Those begun since then that have ended, and nobody has been told."""

    def told(self, run: Run) -> None:
        """Nobody need be told of it any more."""

    def begun_before(self, moment: datetime) -> Iterator[str]:
        """The ids of runs."""

    def remove(self, run_id: str) -> None: ...


class Claims(Protocol):
    def claim(self, instance: str, run_id: str) -> str:
        """Let this be the run of this alert; return the id of the one that was first to be it."""

    def claimed(self, instance: str) -> str | None:
        """The id of the run that this alert has started, or joined."""

    def remove_claims(self, *, before: datetime) -> None:
        """Those of alerts on runs that were begun before."""


class Checks(Protocol):
    def put(self, check_id: str, report: Mapping[str, Any], *, notice_due: bool) -> None: ...

    def get(self, check_id: str) -> tuple[Mapping[str, Any], bool] | None:
        """What a check had to say, and whether nobody has been told yet."""

    def latest(self) -> Mapping[str, Any] | None: ...

    def due(self, *, since: datetime) -> Iterator[str]:
        """The ids of checks of which nobody has been told."""

    def told(self, check_id: str) -> None: ...

    def remove_before(self, moment: datetime) -> None: ...


class Ledgers(Protocol):
    def read(self) -> Ledger: ...

    def write(self, ledger: Ledger) -> None:
        """Raise ConcurrentUpdate where it has changed since it was read."""


class Webhook(Protocol):
    def send(self, notice: Notice, /) -> None:
        """Raise TransientError where it was not taken."""


class Outcomes(Protocol):
    def expect(self, run_id: str, route_table_ids: Iterable[RouteTableId]) -> None:
        """Those that are not there yet. Raise ConcurrentUpdate where another expects them, too."""

    def pending(self, run_id: str) -> Iterator[Pending]: ...

    def get_pending(self, run_id: str, route_table_id: RouteTableId) -> Pending | None: ...

    def save(self, pending: Pending) -> Pending:
        """Raise ConcurrentUpdate where it has been saved or settled since it was read."""

    def settle(self, pending: Pending, outcome: Outcome) -> None:
        """Turn pending into outcome in one write; a final outcome is never overwritten.

        Raise ConcurrentUpdate where pending has been saved or settled since it was read.
        """

    def approval(self, run_id: str, route_table_id: RouteTableId) -> Approval | None:
        """What a plan run showed of this table."""

    def status(self, run_id: str, route_table_id: RouteTableId) -> OutcomeStatus | None:
        """What became of a table; None while that is open."""

    def changes(self, run_id: str, route_table_id: RouteTableId) -> Changes | None:
        """What a run did to this table."""

    def counts(self, run_id: str) -> Mapping[str, int] | None:
        """Outcomes by status; None while one is pending."""

    def list(self, run_id: str) -> Sequence[Mapping[str, Any]]:
        """Each outcome as the report shows it."""

    def remove(self, run_id: str) -> None:
        """Whatever is known of the run's tables."""
