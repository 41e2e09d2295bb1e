"""Look at one resource of a service: its subnets, what is attached, and how that is registered."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...domain import codes
from ...domain.armid import RouteTableId, VirtualNetworkId
from ...domain.errors import PermanentError
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.published_tags import PUBLISHED
from ...domain.services.known import NAMED
from ...domain.services.service import InboundRule
from ...domain.surroundings.search import FoundService, FoundSubnet
from ...domain.surroundings.service_resources import Placement, ServiceResource
from ..policy import Policy
from ..ports import Azure
from .audit import Audit
from .found_tables import FoundTables
from .survey import SubnetSurvey
from .table_subnets import TableSubnet, outbound_findings, subnet_findings
from .work import Work

type Looked = tuple[Placement, SubnetSurvey]
"""A subnet of a resource that was looked at."""
type Others = Mapping[RouteTableId, Sequence[str]]
"""Tables, and the subnets of others on which each of them is, too."""
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class ServiceSearch:
    """`registration_of` returns what is registered for the service with this name in a location. It
    may raise RouteSyncError.
    """

    azure: Azure
    policy: Policy
    audit: Audit
    tables: FoundTables
    registration_of: Callable[[str, str], Registration]

    def add(self, work: Work, resource: ServiceResource) -> None:
        """Add the resource with its surroundings, or with the error that will not pass."""
        looked: list[Looked] = []
        others: Others = {}
        error: Finding | None = None

        try:
            looked.extend(self._look(resource))
            others = self._others(work, resource, looked)
            self._register(work, resource, looked, others)
        except Exception as failure:  # whatever it is, the resource is listed
            if work.may_pass(failure):
                raise
            work.watch_time(failure)
            error = Finding.of(failure)

        # Subnets may share a table and a security group, of which each fault is named once.
        found = [*self._findings(work, resource, looked), *_shared(others)]
        if error is not None:
            found.append(error)
        work.services[resource.resource_id] = FoundService(
            resource.resource_id,
            resource.service,
            resource.location,
            tuple(_found_subnet(each, work) for each in looked),
            tuple(dict.fromkeys(found)),
            error,
        )

    def check_whole(self, work: Work) -> None:
        """Raise RouteSyncError if there may be more resources than those that were listed."""
        missing = self.azure.service_resources.missing_rights(work.subscription_id)
        if missing:
            message = (
                f"no role gives {', '.join(missing)} at /subscriptions/{work.subscription_id}, so "
                f"resources of services may be left out. {codes.AUTHORIZATION_FAILED.to_do}"
            )
            raise PermanentError(codes.AUTHORIZATION_FAILED, message)
        if work.listed.error is not None:
            raise work.listed.error

    def _look(self, resource: ServiceResource) -> Iterator[Looked]:
        for place in resource.placements:
            subscription_id = resource.resource_id.subscription_id
            yield place, self.audit.surveyor.survey_subnet(place.subnet_id, subscription_id)

    def _others(self, work: Work, resource: ServiceResource, looked: Iterable[Looked]) -> Others:
        """Return the tables on subnets in which the service has no resource, with those subnets."""
        found: dict[RouteTableId, Sequence[str]] = {}
        if resource.not_needed is not None:
            return found

        same = [each for each in work.listed.resources if each.service == resource.service]
        known = {place.subnet_id.key for each in same for place in each.placements}
        for table_id in dict.fromkeys(survey.route_table_id for _, survey in looked):
            if table_id is not None and table_id not in work.registered:
                found[table_id] = sorted(self.azure.route_tables.read(table_id).subnet_ids - known)
        return {table_id: subnets for table_id, subnets in found.items() if subnets}

    def _register(
        self, work: Work, resource: ServiceResource, looked: Iterable[Looked], others: Others
    ) -> None:
        """Register each table that is not registered, if that is asked for and may be done."""
        search = work.search
        asked = search.register and (search.acknowledge or resource.not_needed is None)
        doubtful = others.keys() | _leading_nowhere(resource.service, looked)
        left_out = set() if search.acknowledge else doubtful
        for place, survey in looked if asked else ():
            table = survey.route_table_id
            if table is not None and table not in left_out and table not in work.registered:
                self._register_table(work, table, resource.service, place.location)

    def _register_table(self, work: Work, table: RouteTableId, service: str, location: str) -> None:
        if all(map(self.policy.allows, self._tags(service, location))):
            registration = self._registration(work, service, location)
            self.tables.register(work, table, registration, _as_it_is)

    def _registration(self, work: Work, service: str, location: str) -> Registration:
        """Azure is asked about each service once for each location of a subscription."""
        key = (service, location)
        if key not in work.registrations:
            work.registrations[key] = self.registration_of(service, location)
        return work.registrations[key]

    def _tags(self, service: str, location: str) -> tuple[str, ...]:
        """Return the tags of the service in a location, spelled as the weekly file does."""
        return PUBLISHED[self.policy.cloud].tags_of(NAMED[service], location)

    def _findings(
        self, work: Work, resource: ServiceResource, looked: Sequence[Looked]
    ) -> Iterator[Finding]:
        if resource.not_needed is not None:
            yield Finding(codes.NOT_NEEDED, resource.not_needed)
            yield from _unread(looked)
            return
        if not resource.placements:
            message = "the resource names no subnet of a virtual network"
            yield Finding(codes.SUBNET_UNKNOWN, message)
        for place, survey in looked:
            yield from self._subnet_findings(work, resource.service, place, survey)
        yield from _different_tables(looked, work)

    def _subnet_findings(
        self, work: Work, service: str, place: Placement, survey: SubnetSurvey
    ) -> Iterator[Finding]:
        """Yield what is wrong around a subnet that needs the routes of the service."""
        yield from survey.findings if NAMED[service].needs_table else _unread([(place, survey)])
        if survey.subnet is None:
            return

        tags = self._tags(service, place.location)
        subnets = [TableSubnet(survey.subnet, survey.security_group)]
        yield from outbound_findings(subnets, NAMED[service])
        yield from self._inbound_findings(service, place.location, tags, subnets)

        if survey.route_table_id is not None:
            yield from self._table_findings(work, service, survey.route_table_id, tags)
            yield from subnet_findings(subnets, tags)

    def _inbound_findings(
        self, service: str, location: str, tags: tuple[str, ...], subnets: Sequence[TableSubnet]
    ) -> Iterator[Finding]:
        inbound = self.audit.inbound(Registration(tags, service=service, region=location))
        if inbound is None:
            rule = NAMED[service].inbound_in(location, tags)
            has_group = any(each.security_group for each in subnets)
            if rule is not None and has_group:
                yield _not_judged(service, rule)
            return

        # The result lists what is wrong, so it leaves out that the traffic is let in.
        found = inbound.findings(subnets)
        yield from (finding for finding in found if finding.code != codes.NSG_ALLOWS)

    def _table_findings(
        self, work: Work, service: str, table: RouteTableId, tags: Sequence[str]
    ) -> Iterator[Finding]:
        entry = work.registered.get(table)
        if entry is not None:
            yield from _registration_findings(entry, tags)
        elif not all(map(self.policy.allows, tags)):
            message = f"{service} is not in ALLOWED_SERVICE_TAGS: no discovery registers its tables"
            yield Finding(codes.SERVICE_NOT_ALLOWED, message)
        yield from work.tag_findings(table)


def _leading_nowhere(service: str, looked: Iterable[Looked]) -> set[RouteTableId]:
    """Return the tables whose routes would lead nowhere from a subnet of the resource."""
    subnets = [TableSubnet(survey.subnet) for _, survey in looked if survey.subnet is not None]
    return {
        each.subnet.route_table_id
        for each in subnets
        if each.subnet.route_table_id and outbound_findings([each], NAMED[service])
    }


def _not_judged(service: str, rule: InboundRule) -> Finding:
    said = f"the addresses of {rule.service_tag} are not recorded yet"
    then = f"the next run records them if {service} is allowed"
    message = f"the security group is not judged, because {said}: {then}"
    return Finding(codes.NOT_AUDITED, message)


def _shared(others: Others) -> Iterator[Finding]:
    for table_id, subnets in others.items():
        more = f" and {len(subnets) - MOST_NAMED} more" if len(subnets) > MOST_NAMED else ""
        named = ", ".join(subnets[:MOST_NAMED]) + more
        said = f"{table_id} is also on subnets in which the service has no resource: {named}"
        yield Finding(codes.ON_OTHER_SUBNETS, said)


def _unread(looked: Iterable[Looked]) -> Iterator[Finding]:
    """Yield what could not be read, and not that there is no route table."""
    found = (finding for _, survey in looked for finding in survey.findings)
    return (each for each in found if each.code != codes.SUBNET_WITHOUT_ROUTE_TABLE)


def _found_subnet(looked_at: Looked, work: Work) -> FoundSubnet:
    _, survey = looked_at
    return FoundSubnet(
        survey.subnet_id,
        survey.route_table_id,
        survey.subnet.security_group_id if survey.subnet else None,
        survey.route_table_id in work.registered,
    )


def _registration_findings(entry: RegisteredTable, tags: Sequence[str]) -> Iterator[Finding]:
    if entry.unreadable is not None:
        yield entry.unreadable
        return
    known = {source.lower() for source in entry.registration.sources}
    # A tag has the addresses of all its regions.
    missing = [tag for tag in tags if known.isdisjoint({tag.lower(), _name_of(tag)})]
    if missing:
        message = f"{entry.route_table_id} is registered without {', '.join(missing)}"
        yield Finding(codes.REGISTERED_WITHOUT_TAGS, message)


def _name_of(tag: str) -> str:
    """Return the tag without its region, in lower case."""
    return tag.partition(".")[0].lower()


def _different_tables(looked: Iterable[Looked], work: Work) -> Iterator[Finding]:
    """Yield a finding if the routes get into only some of the tables in one virtual network."""
    for tables in _tables_by_network(looked).values():
        left_out = [table.name for table in tables if table not in work.registered]
        if len(tables) > 1 and left_out:
            names = ", ".join(table.name for table in tables)
            said = f"its subnets in one virtual network have different route tables, {names}"
            message = f"{said}, of which {', '.join(left_out)} would not get the routes"
            yield Finding(codes.DIFFERENT_ROUTE_TABLES, message)


def _tables_by_network(
    looked: Iterable[Looked],
) -> Mapping[VirtualNetworkId, Mapping[RouteTableId, None]]:
    """Return the tables, each once, in the order of the subnets."""
    found: dict[VirtualNetworkId, dict[RouteTableId, None]] = {}
    for _, survey in looked:
        if survey.route_table_id is not None:
            tables = found.setdefault(survey.subnet_id.virtual_network, {})
            tables[survey.route_table_id] = None
    return found


def _as_it_is(entry: RegisteredTable) -> RegisteredTable:
    return entry
