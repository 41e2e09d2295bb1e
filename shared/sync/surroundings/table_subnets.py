"""Find what is said about the subnets that a registered table is on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...domain import codes
from ...domain.addresses import Source
from ...domain.codes import Code
from ...domain.findings import Finding
from ...domain.services.service import Service
from ...domain.surroundings.environments import Subnet
from ...domain.surroundings.security_rules import SecurityGroup
from ...domain.surroundings.service_endpoints import service_endpoints
from ...domain.surroundings.virtual_network_tag import TagRule, tag_rules

MOST_SUBNETS = 10
"""Nobody needs the same finding for more subnets of one table, and each costs two reads."""

_PRIVATE = (
    "is private and has no NAT gateway, so the routes to the Internet lead nowhere for each "
    "machine without an outbound way of its own"
)


@dataclass(frozen=True, slots=True)
class TableSubnet:
    """A subnet that the table is on, and its security group if it has one that can be read."""

    subnet: Subnet
    security_group: SecurityGroup | None = None


def subnet_findings(subnets: Iterable[TableSubnet], tags: Iterable[Source]) -> tuple[Finding, ...]:
    """Return what the routes of these tags change or miss there, each finding once."""
    wanted = tuple(tags)
    found = (finding for each in subnets for finding in _findings_on(each, wanted))
    return tuple(dict.fromkeys(found))  # several subnets may have the same security group


def outbound_findings(
    subnets: Iterable[TableSubnet], service: Service | None
) -> tuple[Finding, ...]:
    """Say on which subnets the routes lead nowhere.

    A service that Azure reaches from the Internet has a public address, by which it also answers.
    """
    rule = None if service is None else service.inbound
    if rule is not None and rule.only is None:
        return ()
    private = [str(each.subnet.subnet_id) for each in subnets if each.subnet.lacks_outbound]
    return tuple(
        Finding(codes.SUBNET_WITHOUT_OUTBOUND, f"subnet {one} {_PRIVATE}") for one in private
    )


def _findings_on(where: TableSubnet, tags: Iterable[Source]) -> Iterator[Finding]:
    yield from _endpoint_findings(where.subnet, tags)
    if where.security_group is not None:
        yield from _group_findings(where.security_group)


def _endpoint_findings(subnet: Subnet, tags: Iterable[Source]) -> Iterator[Finding]:
    for endpoint in service_endpoints(subnet):
        preceded = [tag for tag in tags if endpoint.goes_before(tag)]
        if preceded:
            message = f"{endpoint} of subnet {subnet.subnet_id} goes before the routes of"
            yield Finding(codes.SERVICE_ENDPOINT_FIRST, f"{message} {', '.join(preceded)}")


def _group_findings(group: SecurityGroup) -> Iterator[Finding]:
    rules = list(tag_rules(group))
    denying = [rule for rule in rules if rule.keeps_in]
    if denying:
        said = "may keep in the traffic to the addresses of the routes"
        yield _of_rules(codes.NSG_DENIES_ROUTES, group, denying, said)

    others = [rule for rule in rules if not rule.keeps_in]
    if others:
        said = "may be about the addresses of the routes, too"
        yield _of_rules(codes.NSG_WIDER_BY_ROUTES, group, others, said)


def _of_rules(code: Code, group: SecurityGroup, rules: Iterable[TagRule], said: str) -> Finding:
    names = ", ".join(map(str, rules))
    return Finding(code, f"network security group {group.group_id.name}: {names} {said}")
