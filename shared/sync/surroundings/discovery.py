"""Find App Service Environments, their surroundings, and unregistered tables with our routes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from ...domain import codes
from ...domain.armid import EnvironmentId, ResourceId, RouteTableId
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.plan import owned_prefixes
from ...domain.routing.routes import RouteTable
from ...domain.surroundings.environments import Environment
from ..policy import Policy
from ..ports import Azure, Store
from ..registrar import ChangeKind, Registrar
from ..requester import Requester
from .audit import Audit, environment_findings
from .survey import Survey

type _ByTable = dict[RouteTableId, RegisteredTable]


@dataclass(frozen=True, slots=True)
class EnvironmentReport:
    """An environment, whether its subnet's table is registered, and what is wrong with it."""

    survey: Survey
    registered: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class StampedTable:
    """A table with routes of the owner, and the environment that has the table on its subnet."""

    route_table_id: RouteTableId
    owned_routes: int
    ase_id: EnvironmentId | None
    registered: bool


@dataclass(slots=True)
class DiscoveryResult:
    """The environments and tables that were found, and the subscriptions that failed."""

    environments: list[EnvironmentReport] = field(default_factory=list)
    stamped: list[StampedTable] = field(default_factory=list)
    errors: list[tuple[str, Finding]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """One search: its wishes, the tables that are registered by now, and the result so far."""

    owner: str | None
    register: bool
    acknowledge: bool
    by: Requester
    registered: _ByTable
    result: DiscoveryResult = field(default_factory=DiscoveryResult)


@dataclass(frozen=True, slots=True)
class Discovery:
    store: Store
    azure: Azure
    policy: Policy
    audit: Audit
    registrar: Registrar

    def discover(
        self,
        subscriptions: Sequence[str] | None,
        *,
        owner: str | None,
        register: bool,
        acknowledge: bool,
        by: Requester,
    ) -> DiscoveryResult:
        """Return every environment of these subscriptions, or of all visible subscriptions.

        With an `owner`, the result also has the unregistered tables that have this owner's routes.
        With `register`, the tables that are found are registered; an ASEv3's table only with
        `acknowledge`. Raise RouteSyncError if the visible subscriptions cannot be listed.
        """
        search = _Search(
            owner=owner,
            register=register,
            acknowledge=acknowledge,
            by=by,
            registered={r.route_table_id: r for r in self.store.registrations.list()},
        )
        for subscription in subscriptions or self.azure.environments.subscriptions():
            self._search(search, subscription)
        return search.result

    def _search(self, search: _Search, subscription: str) -> None:
        with _alone(search, subscription):
            for environment in self.azure.environments.list(subscription):
                with _alone(search, subscription, environment.environment_id):
                    self._add_environment(search, environment)

            if search.owner is None:
                return
            for table_id, table in self.azure.route_tables.list(subscription):
                with _alone(search, subscription, table_id):
                    self._add_stamped(search, table_id, table, search.owner)

    def _add_environment(self, search: _Search, environment: Environment) -> None:
        survey = self._survey(environment)
        if search.register and (search.acknowledge or not survey.manages_itself):
            self._register_surveyed(survey, search)
        search.result.environments.append(self._report(survey, search.registered))

    def _add_stamped(
        self, search: _Search, table_id: RouteTableId, table: RouteTable, owner: str
    ) -> None:
        owned = owned_prefixes(table, owner=owner)
        if not owned or table_id in search.registered:
            return

        ase_id = _environment_on(table, search.result.environments)
        if search.register:
            self._register(table_id, ase_id, search)
        is_registered = table_id in search.registered
        search.result.stamped.append(StampedTable(table_id, len(owned), ase_id, is_registered))

    def _survey(self, environment: Environment) -> Survey:
        try:
            return self.audit.surveyor.survey_surroundings(environment)
        except Exception as error:  # whatever it is, the other environments are found
            survey = Survey(environment.environment_id, environment)
            return survey.with_finding(Finding.of(error))

    def _report(self, survey: Survey, registered: _ByTable) -> EnvironmentReport:
        table = survey.route_table_id
        entry = registered.get(table) if table else None

        # The result lists what is wrong, so it leaves out that the traffic is let in.
        group_findings = self.audit.security_group_findings(survey)
        findings = (
            *survey.findings,
            *environment_findings(survey),
            *_registration_findings(survey.environment_id, entry),
            *_other_table_findings(survey, registered.values()),
            *(finding for finding in group_findings if finding.code != codes.NSG_ALLOWS),
        )
        return EnvironmentReport(survey, entry is not None, findings)

    def _register_surveyed(self, survey: Survey, search: _Search) -> None:
        table = survey.route_table_id
        existing = search.registered.get(table) if table else None
        if table is not None and (existing is None or _lacks_environment(existing)):
            self._register(table, survey.environment_id, search)

    def _register(self, table: RouteTableId, ase_id: EnvironmentId | None, search: _Search) -> None:
        """Register the table for this environment, or give its registration the environment.

        A search takes minutes. Whatever people have registered or unregistered meanwhile stays.
        """
        if table not in search.registered:
            tags = (self.policy.default_service_tag,)
            new = RegisteredTable(table, Registration(tags, ase_id))
            added = self.registrar.add(new, search.by, ChangeKind.DISCOVERED)
            if added is not None:
                search.registered[table] = added
                return

        complete = partial(_with_environment, ase_id)
        completed = self.registrar.change(table, complete, search.by, ChangeKind.DISCOVERED)
        search.registered.pop(table, None)
        if completed is not None:
            search.registered[table] = completed


@contextmanager
def _alone(search: _Search, subscription: str, part: ResourceId | None = None) -> Iterator[None]:
    """Whatever fails in here is noted, and hides no other result."""
    try:
        yield
    except Exception as error:
        found = Finding.of(error)
        said = found if part is None else Finding(found.code, f"{part}: {found.message}")
        search.result.errors.append((subscription, said))


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
    for other in registered:
        same = other.registration.ase_id == survey.environment_id
        if same and other.route_table_id != survey.route_table_id:
            message = f"{other.route_table_id} is registered but is not on the subnet"
            yield Finding(codes.OTHER_ROUTE_TABLE, message)


def _environment_on(
    table: RouteTable, environments: Iterable[EnvironmentReport]
) -> EnvironmentId | None:
    for found in environments:
        environment = found.survey.environment
        if environment and environment.subnet_id and table.is_on(str(environment.subnet_id)):
            return environment.environment_id
    return None
