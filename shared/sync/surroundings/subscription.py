"""Look through one subscription for environments, services, and tables with our routes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from ...domain import codes
from ...domain.armid import EnvironmentId, RouteTableId
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.plan import owned_prefixes
from ...domain.routing.routes import RouteTable
from ...domain.surroundings.environments import Environment
from ...domain.surroundings.search import FoundEnvironment, StampedTable
from ..policy import Policy
from ..ports import Azure, Clock
from .audit import Audit, environment_findings
from .found_tables import FoundTables
from .services import ServiceSearch
from .survey import Survey
from .work import Work


@dataclass(frozen=True, slots=True)
class SubscriptionSearch:
    azure: Azure
    policy: Policy
    clock: Clock
    audit: Audit
    tables: FoundTables
    services: ServiceSearch

    def is_late(self, work: Work) -> bool:
        return work.is_out_of_time or self.clock() >= work.ends

    def look_through(self, work: Work) -> None:
        """Add to the work what is found, and each error. Stop when it is late."""
        environments_read = work.tried(self._look_for_environments)
        services_read = work.tried(self._look_for_services)

        # A stamped table may be that of a service that was not listed, and needs the tags of that.
        registers = work.search.register and services_read
        if work.search.owner is not None and environments_read and not work.is_interrupted:
            work.tried(partial(self._look_for_stamps, work.search.owner, registers))

    def _look_for_environments(self, work: Work) -> None:
        for environment in self.azure.environments.list(work.subscription_id):
            if environment.environment_id in work.environments:
                continue
            with work.alone(environment.environment_id):
                self._add_environment(work, environment)

            # Each message looks at one at least, so that it comes further.
            if self.is_late(work):
                work.is_interrupted = True
                return

    def _look_for_services(self, work: Work) -> None:
        """Raise RouteSyncError if there may be more of them than Azure Resource Graph shows."""
        for resource in work.listed.resources:
            if work.is_interrupted or resource.resource_id in work.services:
                continue
            with work.alone(resource.resource_id):
                self.services.add(work, resource)
            work.is_interrupted = self.is_late(work)

        if not work.is_interrupted:
            self.services.check_whole(work)

    def _look_for_stamps(self, owner: str, registers: bool, work: Work) -> None:
        """Find the tables with the stamp, except those that something else has led to."""
        led_to = work.table_ids & work.registered.keys()
        for table_id, table in self.azure.route_tables.list(work.subscription_id):
            with work.alone(table_id):
                owned = owned_prefixes(table, owner=owner)
                if owned and table_id not in led_to and table_id not in work.part.known:
                    self._add_stamped(work, table_id, table, len(owned), registers=registers)

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
            tuple(self._findings(survey, entry, work)),
            error,
        )

    def _add_stamped(
        self,
        work: Work,
        table_id: RouteTableId,
        table: RouteTable,
        owned_routes: int,
        *,
        registers: bool,
    ) -> None:
        ase_id = _environment_on(table, work.environments.values())
        # The app's own tag would be wrong for the table of a service.
        if registers and (ase_id is not None or table_id not in work.table_ids):
            self._register(table_id, ase_id, work)
        is_registered = table_id in work.registered
        work.route_tables.append(StampedTable(table_id, owned_routes, ase_id, is_registered))

    def _findings(
        self, survey: Survey, entry: RegisteredTable | None, work: Work
    ) -> Iterator[Finding]:
        yield from survey.findings
        yield from environment_findings(survey)
        yield from _registration_findings(survey.environment_id, entry)
        yield from _other_table_findings(survey, work.registered.values())
        yield from work.tag_findings(survey.route_table_id)

        # The result lists what is wrong, so it leaves out that the traffic is let in.
        group_findings = self.audit.security_group_findings(survey)
        yield from (finding for finding in group_findings if finding.code != codes.NSG_ALLOWS)

    def _register_surveyed(self, survey: Survey, work: Work) -> None:
        table = survey.route_table_id
        existing = work.registered.get(table) if table else None
        if table is not None and (existing is None or _lacks_environment(existing)):
            self._register(table, survey.environment_id, work)

    def _register(self, table: RouteTableId, ase_id: EnvironmentId | None, work: Work) -> None:
        """Register the table for this environment, or give its registration the environment."""
        registration = Registration((self.policy.default_service_tag,), ase_id)
        self.tables.register(work, table, registration, partial(_with_environment, ase_id))


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
