"""Find what a report says about the inbound rule of a table's service, on the table's subnets."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ...domain import codes
from ...domain.findings import Finding
from ...domain.services.service import InboundRule, Service
from ...domain.surroundings.security_rules import (
    Rule,
    SecurityGroup,
    Verdict,
    judge_service,
    letting_in_regions,
)
from .table_subnets import TableSubnet

NOT_VISIBLE = (
    "security admin rules of Azure Virtual Network Manager go first and are not visible here"
)


@dataclass(frozen=True, slots=True)
class NeededInbound:
    """The traffic that a service needs from the `addresses` of the tag of its inbound rule."""

    service: Service
    rule: InboundRule
    addresses: Collection[str]

    def findings(self, subnets: Iterable[TableSubnet]) -> tuple[Finding, ...]:
        """Say each finding once: several subnets may have the same security group."""
        return tuple(dict.fromkeys(found for each in subnets for found in self._on(each)))

    @property
    def traffic(self) -> str:
        return f"TCP {self.rule.ports} from {self.rule.service_tag}"

    def _on(self, where: TableSubnet) -> Iterator[Finding]:
        subnet, group = where.subnet, where.security_group
        if subnet.security_group_id is None:
            yield self._without_group(f"subnet {subnet.subnet_id} has no network security group")
        if group is not None:
            verdict = judge_service(group, self.rule, self.addresses, subnet.address_prefixes)
            yield from self._judged(group, verdict)

    def _without_group(self, said: str) -> Finding:
        if self.rule.needs_group:
            needed = f"{self.traffic}, which {self.service.name} needs"
            return Finding(codes.NSG_MISSING, f"{said}: that keeps out {needed}")
        return Finding(codes.NSG_NONE, f"{said}: {self.traffic} is let in; {NOT_VISIBLE}")

    def _judged(self, group: SecurityGroup, verdict: Verdict) -> Iterator[Finding]:
        name = f"network security group {group.group_id.name}"
        for rule in verdict.unsure:
            yield not_sure(name, rule.name, self.traffic, rule.unknown)

        if verdict.denied_by is not None:
            said = f"{name}: rule {verdict.denied_by.name} keeps out {self.traffic}"
            yield self._in_regions(name, group, verdict.denied_by) or self._denied(said)
        elif verdict.allowed:
            said = f"{', '.join(verdict.allowed_by)} let in {self.traffic}"
            yield Finding(codes.NSG_ALLOWS, f"{name}: {said}; {NOT_VISIBLE}")

    def _in_regions(self, name: str, group: SecurityGroup, denied_by: Rule) -> Finding | None:
        """Return the finding if a part of the traffic is let in that may be all of it."""
        found = letting_in_regions(group, self.rule, denied_by)
        rules = ", ".join(f"{one.name} ({', '.join(one.unknown)})" for one in found)
        said = (
            f"{name}: the traffic let in by {rules} may be enough of {self.traffic}; {NOT_VISIBLE}"
        )
        return Finding(codes.NSG_NOT_SURE, said) if rules else None

    def _denied(self, said: str) -> Finding:
        needed = f"{said}, which {self.service.name} needs"
        if self.rule.only is not None:
            message = f"{needed} only {self.rule.only}; {NOT_VISIBLE}"
            return Finding(codes.NSG_DENIES_OPTIONAL, message)
        return Finding(codes.NSG_DENIES_SERVICE, f"{needed}; {NOT_VISIBLE}. {self.service.unless}")


def not_sure(name: str, rule: str, traffic: str, unknown: Iterable[str]) -> Finding:
    """Return the finding about a rule that may deny traffic, as its sources are unknown."""
    return Finding(
        codes.NSG_NOT_SURE,
        f"{name}: rule {rule} may keep out {traffic}: the app does not know the addresses of "
        f"{', '.join(unknown)}",
    )
