"""Look through one subscription for environments, and for tables with our routes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from ...domain import codes
from ...domain.armid import EnvironmentId, ResourceId, RouteTableId
from ...domain.errors import RouteSyncError, TransientError
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.plan import owned_prefixes
from ...domain.routing.routes import RouteTable
from ...domain.surroundings.environments import Environment
from ...domain.surroundings.search import (
    FoundEnvironment,
    Search,
    SearchedSubscription,
    StampedTable,
)
from ..policy import Policy
from ..ports import Azure, Clock
from ..registrar import ChangeKind, Registrar
from ..requester import Requester
from .audit import Audit, environment_findings
from .survey import Survey

MOST_FAILURES = 5
"""If something in a subscription has failed in so many messages, it is not tried again."""


@dataclass(slots=True, kw_only=True)
class Work:
    """One subscription, while a message looks through it.

    The environments that were found by earlier messages stay. Everything else is looked at again.
    `passing` is an error that may pass. `is_interrupted` is true if there was no time for the rest.
    """

    part: SearchedSubscription
    search: Search
    by: Requester
    registered: dict[RouteTableId, RegisteredTable]
    ends: datetime
    environments: dict[EnvironmentId, FoundEnvironment] = field(init=False)
    route_tables: list[StampedTable] = field(init=False, default_factory=list)
    added: list[RouteTableId] = field(init=False, default_factory=list)
    errors: list[Finding] = field(init=False, default_factory=list)
    passing: Finding | None = field(init=False, default=None)
    is_out_of_time: bool = field(init=False, default=False)
    is_interrupted: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.environments = {found.environment_id: found for found in self.part.environments}

    @property
    def subscription_id(self) -> str:
        return self.part.subscription_id

    @property
    def result(self) -> SearchedSubscription:
        passing = () if self.passing is None else (self.passing,)
        environments = tuple(self.environments.values())
        # No later message looks at these environments again, so their errors stay with them.
        lasting = (
            _about(found.environment_id, found.error) for found in environments if found.error
        )

        return replace(
            self.part,
            added=(*self.part.added, *self.added),
            environments=environments,
            route_tables=tuple(self.route_tables),
            errors=(*lasting, *self.errors, *passing),
            failures=self.part.failures + len(passing),
            ended=not passing and not self.is_interrupted,
        )

    def may_pass(self, error: Exception) -> bool:
        """Return whether a later message tries again."""
        is_last = self.part.failures + 1 >= MOST_FAILURES
        return isinstance(error, TransientError) and not is_last

    def note(self, error: Exception, resource: ResourceId | None) -> None:
        """Note the error of one resource, or of the whole subscription."""
        self.watch_time(error)
        found = Finding.of(error)
        if resource is not None:
            found = _about(resource, found)

        if not self.may_pass(error):
            self.errors.append(found)
        elif self.passing is None:
            self.passing = found

    def watch_time(self, error: Exception) -> None:
        """After the deadline of the invocation, every call fails, whatever the clock shows."""
        if isinstance(error, RouteSyncError) and error.code == codes.OUT_OF_TIME:
            self.is_out_of_time = True


@dataclass(frozen=True, slots=True)
class SubscriptionSearch:
    azure: Azure
    policy: Policy
    clock: Clock
    audit: Audit
    registrar: Registrar

    def is_late(self, work: Work) -> bool:
        return work.is_out_of_time or self.clock() >= work.ends

    def look_through(self, work: Work) -> None:
        """Add to the work what is found, and each error. Stop when it is late."""
        with _alone(work):
            self._look_for_environments(work)
            if work.search.owner is not None and not work.is_interrupted:
                self._look_for_stamps(work, work.search.owner)

    def _look_for_environments(self, work: Work) -> None:
        for environment in self.azure.environments.list(work.subscription_id):
            if environment.environment_id in work.environments:
                continue
            with _alone(work, environment.environment_id):
                self._add_environment(work, environment)

            # Each message looks at one at least, so that it comes further.
            if self.is_late(work):
                work.is_interrupted = True
                return

    def _look_for_stamps(self, work: Work, owner: str) -> None:
        """Find the tables with the stamp, except those that the environments have led to."""
        of_environments = {e.route_table_id for e in work.environments.values() if e.registered}
        not_news = {*work.part.known, *of_environments}

        for table_id, table in self.azure.route_tables.list(work.subscription_id):
            with _alone(work, table_id):
                owned = owned_prefixes(table, owner=owner)
                if owned and table_id not in not_news:
                    self._add_stamped(work, table_id, table, len(owned))

    def _add_environment(self, work: Work, environment: Environment) -> None:
        """Add the environment with its surroundings, or with the error that will not pass."""
        survey, error = Survey(environment.environment_id, environment), None
        try:
            survey = self.audit.surveyor.survey_surroundings(environment)
            if work.search.register and (work.search.acknowledge or not survey.manages_itself):
                self._register_surveyed(survey, work)
        except Exception as failure:  # whatever it is, the environment is listed
            if work.may_pass(failure):
                raise
            work.watch_time(failure)
            error = Finding.of(failure)
            survey = survey.with_finding(error)

        entry = work.registered.get(survey.route_table_id) if survey.route_table_id else None
        work.environments[environment.environment_id] = FoundEnvironment(
            environment.environment_id,
            environment.kind,
            environment.location,
            environment.subnet_id,
            survey.route_table_id,
            survey.subnet.security_group_id if survey.subnet else None,
            entry is not None,
            tuple(self._findings(survey, entry, work.registered.values())),
            error,
        )

    def _add_stamped(
        self, work: Work, table_id: RouteTableId, table: RouteTable, owned_routes: int
    ) -> None:
        ase_id = _environment_on(table, work.environments.values())
        if work.search.register:
            self._register(table_id, ase_id, work)
        is_registered = table_id in work.registered
        work.route_tables.append(StampedTable(table_id, owned_routes, ase_id, is_registered))

    def _findings(
        self, survey: Survey, entry: RegisteredTable | None, registered: Iterable[RegisteredTable]
    ) -> Iterator[Finding]:
        yield from survey.findings
        yield from environment_findings(survey)
        yield from _registration_findings(survey.environment_id, entry)
        yield from _other_table_findings(survey, registered)

        # The result lists what is wrong, so it leaves out that the traffic is let in.
        group_findings = self.audit.security_group_findings(survey)
        yield from (finding for finding in group_findings if finding.code != codes.NSG_ALLOWS)

    def _register_surveyed(self, survey: Survey, work: Work) -> None:
        table = survey.route_table_id
        existing = work.registered.get(table) if table else None
        if table is not None and (existing is None or _lacks_environment(existing)):
            self._register(table, survey.environment_id, work)

    def _register(self, table: RouteTableId, ase_id: EnvironmentId | None, work: Work) -> None:
        """Register the table for this environment, or give its registration the environment.

        A discovery takes minutes. If people register or unregister a table meanwhile, it stays so.
        """
        was_there = table in work.part.known or table in work.part.added
        added = None if was_there else self._added(table, ase_id, work.by)
        if added is not None:
            work.added.append(table)
        entry = added or self._completed(table, ase_id, work.by)

        work.registered.pop(table, None)
        if entry is not None:
            work.registered[table] = entry

    def _added(
        self, table: RouteTableId, ase_id: EnvironmentId | None, by: Requester
    ) -> RegisteredTable | None:
        new = RegisteredTable(table, Registration((self.policy.default_service_tag,), ase_id))
        return self.registrar.add(new, by, ChangeKind.DISCOVERED)

    def _completed(
        self, table: RouteTableId, ase_id: EnvironmentId | None, by: Requester
    ) -> RegisteredTable | None:
        complete = partial(_with_environment, ase_id)
        return self.registrar.change(table, complete, by, ChangeKind.DISCOVERED)


@contextmanager
def _alone(work: Work, resource: ResourceId | None = None) -> Iterator[None]:
    """Note each error in here, so that it hides no other result."""
    try:
        yield
    except Exception as error:
        work.note(error, resource)


def _about(resource: ResourceId, found: Finding) -> Finding:
    return Finding(found.code, f"{resource}: {found.message}")


def _lacks_environment(entry: RegisteredTable) -> bool:
    return entry.unreadable is None and entry.registration.ase_id is None


def _with_environment(ase_id: EnvironmentId | None, entry: RegisteredTable) -> RegisteredTable:
    if not _lacks_environment(entry):
        return entry
    return replace(entry, registration=replace(entry.registration, ase_id=ase_id))


def _registration_findings(
    environment_id: EnvironmentId, entry: RegisteredTable | None
) -> Iterator[Finding]:
    """Compare the registration of the environment's table with the environment."""
    if entry is None:
        return
    ase_id = entry.registration.ase_id
    if entry.unreadable is not None:
        yield entry.unreadable
    elif ase_id is None:
        message = "the environment's table is registered without an environment"
        yield Finding(codes.REGISTERED_WITHOUT_ASE, message)
    elif ase_id != environment_id:
        message = f"the environment's table is registered for {ase_id}"
        yield Finding(codes.ROUTE_TABLE_SHARED, message)


def _other_table_findings(
    survey: Survey, registered: Iterable[RegisteredTable]
) -> Iterator[Finding]:
    """Find the tables that are registered for the environment but are not its table."""
    if survey.subnet is None:
        return  # Nobody knows what is on it.
    for other in registered:
        same = other.registration.ase_id == survey.environment_id
        if same and other.route_table_id != survey.route_table_id:
            message = f"{other.route_table_id} is registered but is not on the subnet"
            yield Finding(codes.OTHER_ROUTE_TABLE, message)


def _environment_on(
    table: RouteTable, environments: Iterable[FoundEnvironment]
) -> EnvironmentId | None:
    for found in environments:
        if found.subnet_id is not None and table.is_on(str(found.subnet_id)):
            return found.environment_id
    return None
