"""Which App Service Environments there are, what stands around them, and which tables are ours."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...domain.armid import EnvironmentId, RouteTableId
from ...domain.errors import RouteSyncError, TransientError
from ...domain.findings import Finding, finding_json
from ...domain.registry.registration import Registration
from ...domain.routing.plan import owned_prefixes
from ...domain.routing.routes import RouteTable
from ...domain.surroundings.environments import Environment
from ..ports import Environments, Registrations, RouteTables
from .audit import OTHER_ROUTE_TABLE, Audit, of_kind
from .survey import Survey, Surveyor

type _Registered = dict[RouteTableId, Registration]


@dataclass(frozen=True, slots=True)
class Found:
    """An environment, whether its subnet's table is registered, and what is wrong."""

    survey: Survey
    registered: bool
    faults: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        environment, subnet = self.survey.environment, self.survey.subnet
        return {
            "aseId": str(self.survey.environment_id),
            "kind": environment.kind if environment else None,
            "location": environment.location if environment else None,
            "subnetId": _text(environment.subnet_id if environment else None),
            "routeTableId": _text(self.survey.route_table_id),
            "networkSecurityGroupId": _text(subnet.security_group_id if subnet else None),
            "registered": self.registered,
            "faults": [finding_json(fault) for fault in self.faults],
        }


@dataclass(frozen=True, slots=True)
class Stamped:
    """A table that bears the stamp, with the environment on whose subnet it is."""

    route_table_id: RouteTableId
    owned_routes: int
    ase_id: EnvironmentId | None
    registered: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "routeTableId": str(self.route_table_id),
            "ownedRoutes": self.owned_routes,
            "aseId": _text(self.ase_id),
            "registered": self.registered,
        }


@dataclass(slots=True)
class Discovered:
    """What was found, and which subscriptions could not be looked through."""

    environments: list[Found] = field(default_factory=list)
    stamped: list[Stamped] = field(default_factory=list)
    errors: list[tuple[str, Finding]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "value": [found.to_json() for found in self.environments],
            "routeTables": [stamped.to_json() for stamped in self.stamped],
            "errors": [
                {"subscriptionId": subscription, "code": fault.code, "message": fault.message}
                for subscription, fault in self.errors
            ],
        }


class Discovery:
    def __init__(
        self,
        environments: Environments,
        surveyor: Surveyor,
        audit: Audit,
        route_tables: RouteTables,
        registrations: Registrations,
        *,
        default_service_tag: str,
    ) -> None:
        self._environments = environments
        self._surveyor = surveyor
        self._audit = audit
        self._route_tables = route_tables
        self._registrations = registrations
        self._default_service_tag = default_service_tag

    def discover(
        self,
        subscriptions: Sequence[str] | None,
        *,
        owner: str | None,
        register: bool,
        acknowledge: bool,
    ) -> Discovered:
        """Every environment of these subscriptions, or of all that are visible.

        With `owner`, also the tables that bear its stamp and are not registered. `register`
        registers what is found; an ASEv3's table only where that is acknowledged. Raise
        RouteSyncError where the visible subscriptions can't be listed.
        """
        discovered = Discovered()
        registered = {r.route_table_id: r for r in self._registrations.list()}
        for subscription in subscriptions or self._environments.subscriptions():
            try:
                for environment in self._environments.list(subscription):
                    survey = self._survey(environment)
                    if register and (acknowledge or not survey.manages_itself):
                        self._register_surveyed(survey, registered)
                    discovered.environments.append(self._found(survey, registered))
                if owner is not None:
                    for stamped in self._stamped(subscription, owner, discovered, registered):
                        if register:
                            self._register(stamped.route_table_id, stamped.ase_id, registered)
                        discovered.stamped.append(replace(stamped, registered=register))
            except RouteSyncError as error:
                discovered.errors.append((subscription, Finding.of(error)))
        return discovered

    def _survey(self, environment: Environment) -> Survey:
        try:
            return self._surveyor.around(environment)
        except TransientError as error:
            survey = Survey(environment.environment_id, environment)
            return survey.adding(Finding.of(error))

    def _found(self, survey: Survey, registered: _Registered) -> Found:
        table = survey.route_table_id
        registration = registered.get(table) if table else None
        return Found(
            survey,
            registration is not None,
            (
                *survey.faults,
                *of_kind(survey),
                *_of_registration(survey, registration, registered.values()),
                *(f for f in self._audit.of_security_group(survey) if f.code != "NsgAllows"),
            ),
        )

    def _register_surveyed(self, survey: Survey, registered: _Registered) -> None:
        table = survey.route_table_id
        existing = registered.get(table) if table else None
        if table is not None and (existing is None or existing.ase_id is None):
            self._register(table, survey.environment_id, registered)

    def _register(
        self, table: RouteTableId, ase_id: EnvironmentId | None, registered: _Registered
    ) -> None:
        """As it is registered already, but for the environment."""
        new = Registration(table, (self._default_service_tag,))
        registered[table] = replace(registered.get(table, new), ase_id=ase_id)
        self._registrations.put(registered[table])

    def _stamped(
        self, subscription: str, owner: str, discovered: Discovered, registered: _Registered
    ) -> Iterator[Stamped]:
        for table_id, table in self._route_tables.list(subscription):
            owned = owned_prefixes(table, owner=owner)
            if owned and table_id not in registered:
                ase_id = _environment_on(table, discovered.environments)
                yield Stamped(table_id, len(owned), ase_id, registered=False)


def _of_registration(
    survey: Survey, registration: Registration | None, registered: Iterable[Registration]
) -> Iterator[Finding]:
    if registration is not None and registration.ase_id is None:
        yield Finding("RegisteredWithoutAse", "its table is registered without the environment")
    elif registration is not None and registration.ase_id != survey.environment_id:
        yield Finding("RouteTableShared", f"its table is registered for {registration.ase_id}")
    for other in registered:
        if other.ase_id == survey.environment_id and other.route_table_id != survey.route_table_id:
            yield Finding(
                OTHER_ROUTE_TABLE,
                f"registered is {other.route_table_id}, which is not on the subnet",
            )


def _environment_on(table: RouteTable, environments: Iterable[Found]) -> EnvironmentId | None:
    for found in environments:
        environment = found.survey.environment
        if environment and environment.subnet_id and table.is_on(str(environment.subnet_id)):
            return environment.environment_id
    return None


def _text(resource_id: object | None) -> str | None:
    return None if resource_id is None else str(resource_id)
