"""Read the surroundings of an App Service Environment: its subnet and what is attached to it.

A table without an environment has subnets of its own, which are read as well.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self

from ...domain import codes
from ...domain.armid import EnvironmentId, RouteTableId, SubnetId
from ...domain.errors import PermanentError
from ...domain.findings import Finding
from ...domain.routing.routes import RouteTable
from ...domain.surroundings.environments import Environment, Subnet
from ...domain.surroundings.security_rules import SecurityGroup
from ..ports import Azure
from .table_subnets import MOST_SUBNETS, TableSubnet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """A subnet and what is attached to it, as far as they could be read.

    `findings` say which part is missing or could not be read, and why.
    """

    subnet: Subnet | None = None
    security_group: SecurityGroup | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def route_table_id(self) -> RouteTableId | None:
        return self.subnet.route_table_id if self.subnet else None

    def with_finding(self, finding: Finding) -> Self:
        return replace(self, findings=(*self.findings, finding))


@dataclass(frozen=True, slots=True)
class Survey(_Surroundings):
    """An environment and its surroundings, as far as they could be read."""

    environment_id: EnvironmentId
    environment: Environment | None = None

    @property
    def manages_itself(self) -> bool:
        """True if the environment is known to need no management routes."""
        return self.environment is not None and self.environment.manages_itself

    @property
    def has_security_group(self) -> bool:
        """True if the subnet has a network security group, readable or not."""
        return self.subnet is not None and self.subnet.security_group_id is not None


@dataclass(frozen=True, slots=True)
class SubnetSurvey(_Surroundings):
    """The subnet with this id and what is attached to it, as far as they could be read."""

    subnet_id: SubnetId


@dataclass(frozen=True, slots=True)
class Surveyor:
    azure: Azure

    def survey(self, environment_id: EnvironmentId) -> Survey:
        """Read the environment and its surroundings.

        Raise TransientError. Permanent errors are among the survey's findings.
        """
        try:
            environment = self.azure.environments.read(environment_id)
        except PermanentError as error:
            return Survey(environment_id).with_finding(Finding.of(error))
        return self.survey_surroundings(environment)

    def survey_surroundings(self, environment: Environment) -> Survey:
        """Read the surroundings of an environment that has been read. Raise TransientError."""
        survey = Survey(environment.environment_id, environment)
        if environment.subnet_id is None:
            message = "the environment names no subnet of a virtual network"
            return survey.with_finding(Finding(codes.SUBNET_UNKNOWN, message))

        subscription_id = environment.environment_id.subscription_id
        found = self.survey_subnet(environment.subnet_id, subscription_id)
        group = found.security_group
        return replace(survey, subnet=found.subnet, security_group=group, findings=found.findings)

    def survey_subnet(self, subnet_id: SubnetId, subscription_id: str) -> SubnetSurvey:
        """Read a subnet of a resource in this subscription. Raise TransientError."""
        survey = SubnetSurvey(subnet_id)
        if subnet_id.virtual_network.subscription_id.lower() != subscription_id.lower():
            message = f"subnet {subnet_id} is in another subscription than what is in it"
            code = codes.VIRTUAL_NETWORK_IN_OTHER_SUBSCRIPTION
            return survey.with_finding(Finding(code, message))

        try:
            survey = replace(survey, subnet=self.azure.subnets.read(subnet_id))
        except PermanentError as error:
            return survey.with_finding(Finding.of(error))
        return self._with_attached(survey)

    def table_subnets(self, table: RouteTable) -> Iterator[TableSubnet]:
        """Read the first subnets that the table is on. Raise TransientError.

        A subnet or a group that cannot be read is left out: a role for route tables alone does not
        reach them.
        """
        found = map(self._table_subnet, sorted(table.subnet_ids)[:MOST_SUBNETS])
        return (each for each in found if each is not None)

    def _table_subnet(self, subnet_id: str) -> TableSubnet | None:
        try:
            subnet = self.azure.subnets.read(SubnetId.parse(subnet_id))
        except (PermanentError, ValueError):
            return None
        return TableSubnet(subnet, self._group_of(subnet))

    def _group_of(self, subnet: Subnet) -> SecurityGroup | None:
        if subnet.security_group_id is None:
            return None
        with suppress(PermanentError):
            return self.azure.security_groups.read(subnet.security_group_id)
        return None

    def _with_attached(self, survey: SubnetSurvey) -> SubnetSurvey:
        # The group tells who may manage the environment even if the subnet has no route table.
        survey = self._with_security_group(survey)
        if survey.route_table_id is None:
            message = f"subnet {survey.subnet_id} has no route table"
            return survey.with_finding(Finding(codes.SUBNET_WITHOUT_ROUTE_TABLE, message))
        return survey

    def _with_security_group(self, survey: SubnetSurvey) -> SubnetSurvey:
        if survey.subnet is None or survey.subnet.security_group_id is None:
            return survey
        try:
            group = self.azure.security_groups.read(survey.subnet.security_group_id)
        except PermanentError as error:
            return survey.with_finding(Finding.of(error))
        return replace(survey, security_group=group)
