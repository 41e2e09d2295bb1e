"""Find what every report says about the surroundings of a table's environment.

The findings say whether the table is on the environment's subnet, and whether the network security
group lets the environment be managed. A table of another service has no environment: of its subnets
the findings say what its routes change there, and whether the service's own inbound traffic is let
in.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ...domain import codes
from ...domain.addresses import MANAGEMENT_TAG, Version
from ...domain.armid import EnvironmentId, RouteTableId
from ...domain.bounds import out_of_bounds
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.effective import changed_default_routes
from ...domain.routing.routes import RouteTable
from ...domain.services.known import NAMED
from ...domain.surroundings.security_rules import Verdict, judge_inbound, judge_probe
from ..policy import Policy
from ..ports import Versions
from .inbound import NOT_VISIBLE, NeededInbound, not_sure
from .survey import Survey, Surveyor
from .table_subnets import TableSubnet, outbound_findings, subnet_findings

NOT_NEEDED = Finding(
    codes.NOT_NEEDED,
    "an ASEv3 is not managed through the customer's network and needs none of these routes",
)
_HOW_TO_MOVE = (
    "register that table if it is meant to be there; nothing is written to a table that is not "
    "registered"
)
_TRAFFIC = f"TCP 454-455 from {MANAGEMENT_TAG}"


@dataclass(frozen=True, slots=True)
class Audited:
    """The findings about an environment, and whether it is suspended; None if that is not known."""

    findings: tuple[Finding, ...] = ()
    suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    surveyor: Surveyor
    versions: Versions
    policy: Policy

    def audit(self, entry: RegisteredTable, table: RouteTable | None) -> Audited:
        """Look at the environment of a registered table.

        `table` is the table as it was last read, or None if it could not be read. No finding here
        withholds a route.
        """
        ase_id = entry.registration.ase_id
        try:
            if ase_id is None:
                return self._audit_subnets(entry, table)
            return self._audit(self.surveyor.survey(ase_id), entry, table)
        except Exception as error:  # whatever it is, it withholds no route
            found = Finding.of(error)
            said = f"{ase_id or entry.route_table_id}: {found.code}: {found.message}"
            suspended = False if ase_id is None else None
            return Audited((Finding(codes.NOT_AUDITED, said),), suspended)

    def _audit(self, survey: Survey, entry: RegisteredTable, table: RouteTable | None) -> Audited:
        placement = _placement_findings(survey, entry.route_table_id, table)
        subnets = _table_subnets(survey, entry.route_table_id)
        found = (
            *_survey_findings(survey),
            *placement,
            *self.security_group_findings(survey),
            *subnet_findings(subnets, entry.registration.sources),
        )
        return Audited(found, survey.environment.suspended if survey.environment else None)

    def _audit_subnets(self, entry: RegisteredTable, table: RouteTable | None) -> Audited:
        # A table of the management tag alone belongs to an environment, which nobody has named.
        tags, service = entry.registration.sources, entry.registration.service
        if table is None or (service is None and set(tags) <= {MANAGEMENT_TAG}):
            return Audited(suspended=False)

        subnets = list(self.surveyor.table_subnets(table))
        inbound = self.inbound(entry.registration)
        of_service = () if inbound is None else inbound.findings(subnets)
        of_routes = _default_route_findings(service, table)
        outbound = outbound_findings(subnets, NAMED.get(service or ""))
        found = (*of_service, *of_routes, *outbound, *subnet_findings(subnets, tags))
        return Audited(found, suspended=False)

    def inbound(self, registration: Registration) -> NeededInbound | None:
        """Return None if the service needs no inbound traffic, or its addresses are not known."""
        service = NAMED.get(registration.service or "")
        rule = service and service.inbound_in(registration.region, registration.service_tags)
        addresses = self._believed(self.versions.newest(rule.service_tag)) if rule else ()
        return NeededInbound(service, rule, addresses) if service and rule and addresses else None

    def security_group_findings(self, survey: Survey) -> tuple[Finding, ...]:
        if survey.subnet is None:
            return ()
        group_id = survey.subnet.security_group_id
        if group_id is None:
            message = f"the subnet has no network security group: {_TRAFFIC} is let in"
            return (Finding(codes.NSG_NONE, f"{message}; {NOT_VISIBLE}"),)

        name = f"network security group {group_id.name}"
        verdict = self.verdict(survey)
        management = () if verdict is None else _verdict_findings(name, verdict)
        return (*management, *_probe_findings(name, survey))

    def verdict(self, survey: Survey) -> Verdict | None:
        """Return None if the group or the management addresses are not known."""
        management = self._management(survey.environment_id)
        if survey.security_group is None or survey.subnet is None or not management:
            return None
        return judge_inbound(survey.security_group, management, survey.subnet.address_prefixes)

    def _management(self, environment_id: EnvironmentId) -> Collection[str]:
        newest = self.versions.newest(MANAGEMENT_TAG) or self.versions.newest(environment_id.key)
        return self._believed(newest)

    def _believed(self, newest: Version | None) -> Collection[str]:
        recorded = () if newest is None else newest.ipv4
        return set(recorded) - out_of_bounds(recorded, self.policy.min_prefix_length).keys()


def environment_findings(survey: Survey) -> Iterator[Finding]:
    """Yield what the environment itself says: that it is suspended, or needs no routes."""
    if survey.environment is not None and survey.environment.suspended:
        message = f"Azure has suspended {survey.environment_id}: none of its apps answers"
        yield Finding(codes.ENVIRONMENT_SUSPENDED, message)
    if survey.manages_itself:
        yield NOT_NEEDED


def _survey_findings(survey: Survey) -> Iterator[Finding]:
    # If the subnet has no route table, `NotAttached` says it of the registered table.
    for finding in survey.findings:
        if finding.code != codes.SUBNET_WITHOUT_ROUTE_TABLE:
            yield finding
    yield from environment_findings(survey)


def _placement_findings(
    survey: Survey, registered_id: RouteTableId, table: RouteTable | None
) -> Iterator[Finding]:
    subnet_id = survey.environment.subnet_id if survey.environment else None
    if subnet_id is None:
        return

    if survey.route_table_id not in (None, registered_id):
        message = f"the environment's subnet now has {survey.route_table_id}: {_HOW_TO_MOVE}"
        yield Finding(codes.OTHER_ROUTE_TABLE, message)
    elif table is not None and not table.is_on(str(subnet_id)):
        message = f"the table is not on the environment's subnet {subnet_id}"
        yield Finding(codes.NOT_ATTACHED, message)


def _table_subnets(survey: Survey, registered_id: RouteTableId) -> Iterator[TableSubnet]:
    """Yield the environment's subnet if the registered table is on it."""
    if survey.subnet is not None and survey.route_table_id == registered_id:
        yield TableSubnet(survey.subnet, survey.security_group)


def _default_route_findings(name: str | None, table: RouteTable) -> Iterator[Finding]:
    service = NAMED.get(name or "")
    changed = changed_default_routes(table) if service and service.keeps_default_route else ()
    for route in changed:
        said = f"route {route.name} leads {route.network} to {route.next_hop_type}"
        message = f"{said}, with which Microsoft does not support {name}"
        yield Finding(codes.DEFAULT_ROUTE_NOT_SUPPORTED, message)


def _verdict_findings(name: str, verdict: Verdict) -> Iterator[Finding]:
    # These rules come before the one that decides, so they are worth a look whatever it says.
    for rule in verdict.unsure:
        yield not_sure(name, rule.name, _TRAFFIC, rule.unknown)

    if verdict.denied_by is not None:
        said = f"rule {verdict.denied_by.name} keeps out {_TRAFFIC}"
        yield Finding(codes.NSG_DENIES, f"{name}: {said}; {NOT_VISIBLE}")
    elif verdict.allowed:
        said = f"{', '.join(verdict.allowed_by)} let in {_TRAFFIC}"
        yield Finding(codes.NSG_ALLOWS, f"{name}: {said}; {NOT_VISIBLE}")


def _probe_findings(name: str, survey: Survey) -> Iterator[Finding]:
    """Yield a finding if Azure's load balancer cannot ask whether the environment lives."""
    group, environment, subnet = survey.security_group, survey.environment, survey.subnet
    if group is None or environment is None or subnet is None:
        return

    denied_by = judge_probe(group, environment.probe_port, subnet.address_prefixes).denied_by
    if denied_by is not None:
        said = f"rule {denied_by.name} keeps out TCP {environment.probe_port}"
        message = f"{name}: {said} from AzureLoadBalancer; {NOT_VISIBLE}"
        yield Finding(codes.NSG_DENIES_LOAD_BALANCER, message)
