"""A route table for an environment that has none: made, filled, registered, and set on its subnet.

Each step looks first at what is there, so that a repeated delivery goes on where one ended.
"""

from dataclasses import replace
from typing import cast

from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.changes import Changes
from shared.domain.environments import Environment, Subnet
from shared.domain.errors import ROUTE_TABLE_NOT_FOUND, PermanentError
from shared.domain.registration import Registration
from shared.domain.report import Fault, Mode, Outcome, OutcomeStatus, Run
from shared.domain.routes import RouteTable, is_owned
from shared.domain.security_rules import SecurityGroup, missing_rule

from .audit import OTHER_ROUTE_TABLE, Audit
from .planning import Planner
from .ports import Outcomes, Pending, Registrations, RouteTables, SecurityGroups, Subnets
from .reconcile import Reconciled, Reconciler, Written, outcome_of
from .survey import NO_ROUTE_TABLE, Survey, Surveyor

ROUTE_TABLE_TAKEN = "RouteTableTaken"


def provisioned_id(environment_id: EnvironmentId) -> RouteTableId:
    """The table is beside its environment, under the name that the Azure CLI gives it."""
    return RouteTableId(
        environment_id.subscription_id,
        environment_id.resource_group,
        f"{environment_id.name}-Route-Table",
    )


def refusal_of(survey: Survey) -> Fault | None:
    """Why a surveyed environment can't be given a table."""
    for fault in survey.faults:
        if fault.code != NO_ROUTE_TABLE:
            return fault
    if survey.route_table_id not in (None, provisioned_id(survey.environment_id)):
        message = f"the subnet has {survey.route_table_id}: register that one instead"
        return Fault(OTHER_ROUTE_TABLE, message)
    return None


class Provisioner:
    def __init__(
        self,
        surveyor: Surveyor,
        audit: Audit,
        route_tables: RouteTables,
        subnets: Subnets,
        security_groups: SecurityGroups,
        registrations: Registrations,
        outcomes: Outcomes,
        reconciler: Reconciler,
        *,
        owner: str,
        default_service_tag: str,
    ) -> None:
        self._surveyor = surveyor
        self._audit = audit
        self._route_tables = route_tables
        self._subnets = subnets
        self._security_groups = security_groups
        self._registrations = registrations
        self._outcomes = outcomes
        self._reconciler = reconciler
        self._owner = owner
        self._default_service_tag = default_service_tag

    def provision(self, run: Run, pending: Pending, planner: Planner, mode: Mode) -> Reconciled:
        """Raise PermanentError or TransientError where not even the table could be made."""
        survey = self._surveyor.survey(_asked(run))
        refusal = refusal_of(survey)
        if refusal is not None or survey.environment is None or survey.subnet is None:
            refusal = refusal or Fault("SubnetUnknown", "the environment's subnet is not known")
            raise PermanentError(refusal.code, refusal.message)
        table = self._existing(pending.route_table_id, survey)
        to_do = [
            *([] if table else [_creates(pending.route_table_id)]),
            *([] if survey.route_table_id else [_attaches(pending.route_table_id, survey.subnet)]),
        ]
        if mode is Mode.PLAN:
            table = table or _new_table(survey.environment, run)
            return self._planned(run, pending, planner, table, survey, to_do)
        if table is None:
            new = _new_table(survey.environment, run)
            pending, blocked = self._create(run, pending, planner, new)
            if blocked is not None:
                return blocked
        if self._registrations.get(pending.route_table_id) is None:
            self._registrations.put(self._registration(run, pending.route_table_id))
        done = self._reconciler.reconcile(pending, planner, mode)
        outcome = replace(done.outcome, findings=(*done.outcome.findings, *to_do))
        try:
            if survey.route_table_id is None:
                self._subnets.set_route_table(survey.subnet, pending.route_table_id)
                outcome = _changed(outcome)
            outcome = self._with_rule(run, outcome, survey)
        except PermanentError as error:
            outcome = _failed(outcome, Fault(error.code, error.message))
        return replace(done, outcome=outcome, table=self._route_tables.read(pending.route_table_id))

    def _existing(self, route_table_id: RouteTableId, survey: Survey) -> RouteTable | None:
        """Raise PermanentError where one is there that would bring its own routes to the subnet."""
        try:
            table = self._route_tables.read(route_table_id)
        except PermanentError as error:
            if error.code != ROUTE_TABLE_NOT_FOUND:
                raise
            return None
        others = [route.name for route in table.routes if not is_owned(route, self._owner)]
        if others and survey.route_table_id is None:
            raise PermanentError(
                ROUTE_TABLE_TAKEN,
                f"{route_table_id} is there already, on another subnet or none, and holds routes "
                f"that are not ours: {', '.join(others)}; set it on the subnet yourself, or remove "
                "it",
            )
        return table

    def _registration(self, run: Run, route_table_id: RouteTableId) -> Registration:
        existing = self._registrations.get(route_table_id)
        new = Registration(route_table_id, (self._default_service_tag,), ase_id=_asked(run))
        return existing or new

    def _planned(
        self,
        run: Run,
        pending: Pending,
        planner: Planner,
        table: RouteTable,
        survey: Survey,
        to_do: list[Fault],
    ) -> Reconciled:
        registration = self._registration(run, pending.route_table_id)
        proposal = planner(table, registration, Changes())
        outcome = outcome_of(pending, table, proposal, Written())
        rule = self._rule(run, survey)
        if rule is not None:
            to_do = [
                *to_do,
                rule if isinstance(rule, Fault) else _adds(survey.security_group, rule),
            ]
        if to_do and outcome.status is OutcomeStatus.UNCHANGED:
            outcome = replace(outcome, status=OutcomeStatus.PLANNED)
        outcome = replace(outcome, findings=(*outcome.findings, *to_do))
        return Reconciled(pending, outcome, table, registration)

    def _create(
        self, run: Run, pending: Pending, planner: Planner, new: RouteTable
    ) -> tuple[Pending, Reconciled | None]:
        """With its routes, in one write. Where that is blocked, the outcome that says so."""
        registration = self._registration(run, pending.route_table_id)
        proposal = planner(new, registration, Changes())
        plan = proposal.judgement.plan
        if proposal.judgement.blocked:
            outcome = outcome_of(pending, new, proposal, Written())
            return pending, Reconciled(pending, outcome, new, registration)
        pending = self._outcomes.save(replace(pending, intended=plan.changes, etag=new.etag))
        self._route_tables.create(pending.route_table_id, self._route_tables.body(new, plan.routes))
        return pending, None

    def _rule(self, run: Run, survey: Survey) -> tuple[str, dict[str, object]] | Fault | None:
        """What `nsg: ensure` has to add, or why it can't; None where there is nothing to do."""
        if not run.request.ensure_nsg or survey.security_group is None:
            return None
        verdict = self._audit.verdict(survey)
        if verdict is None or verdict.allowed:
            return None
        return missing_rule(survey.security_group, verdict, owner=self._owner)

    def _with_rule(self, run: Run, outcome: Outcome, survey: Survey) -> Outcome:
        rule = self._rule(run, survey)
        if rule is None or survey.security_group is None:
            return outcome
        if isinstance(rule, Fault):
            return _failed(outcome, rule)
        self._security_groups.add_rule(survey.security_group, *rule)
        added = _adds(survey.security_group, rule)
        return _changed(replace(outcome, findings=(*outcome.findings, added)))


def _asked(run: Run) -> EnvironmentId:
    return cast(EnvironmentId, run.request.ase_id)  # a run that provisions names one


def _new_table(environment: Environment, run: Run) -> RouteTable:
    """A table that is not there yet, as it would be without routes."""
    tags = {"tags": dict(run.request.azure_tags)} if run.request.azure_tags else {}
    properties = {"provisioningState": "Succeeded", "routes": []}
    return RouteTable.from_arm({"location": environment.location, **tags, "properties": properties})


def _creates(route_table_id: RouteTableId) -> Fault:
    return Fault("RouteTableCreated", f"{route_table_id} was not there, and is made")


def _attaches(route_table_id: RouteTableId, subnet: Subnet) -> Fault:
    return Fault("RouteTableAttached", f"{route_table_id} is set on subnet {subnet.subnet_id}")


def _adds(group: SecurityGroup | None, rule: tuple[str, dict[str, object]]) -> Fault:
    name, properties = rule
    where = group.group_id if group else None
    return Fault("NsgRuleAdded", f"rule {name} at priority {properties['priority']} in {where}")


def _changed(outcome: Outcome) -> Outcome:
    if outcome.status is OutcomeStatus.UNCHANGED:
        return replace(outcome, status=OutcomeStatus.CHANGED)
    return outcome


def _failed(outcome: Outcome, error: Fault) -> Outcome:
    return replace(outcome, status=OutcomeStatus.FAILED, error=error)
