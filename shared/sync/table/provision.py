"""A route table for an environment that has none: made, filled, registered, and set on its subnet.

Each step looks first at what is there, so that a repeated delivery goes on where one ended.
"""

from dataclasses import replace
from typing import cast

from ...domain import codes
from ...domain.armid import EnvironmentId, RouteTableId
from ...domain.errors import PermanentError
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.plan import foreign_hash
from ...domain.routing.routes import RouteTable, is_owned
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.pending import Pending
from ...domain.runs.run import Mode, Run
from ...domain.surroundings.security_rules import missing_rule
from ..policy import Policy
from ..ports import Outcomes, Registrations, RouteTables, SecurityGroups, Subnets
from ..surroundings.audit import Audit
from ..surroundings.survey import Survey, Surveyor
from .planners.proposal import MakePlanner
from .reconcile import Reconciled, Reconciler, preview


def provisioned_id(environment_id: EnvironmentId) -> RouteTableId:
    """The table is beside its environment, under the name that the Azure CLI gives it."""
    return RouteTableId(
        environment_id.subscription_id,
        environment_id.resource_group,
        f"{environment_id.name}-Route-Table",
    )


def refusal_of(survey: Survey) -> Finding | None:
    """Why a surveyed environment can't be given a table."""
    if survey.subnet is None:
        return survey.faults[-1]
    if survey.route_table_id not in (None, provisioned_id(survey.environment_id)):
        message = f"the subnet has {survey.route_table_id}: register that one instead"
        return Finding(codes.OTHER_ROUTE_TABLE, message)
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
        policy: Policy,
    ) -> None:
        self._surveyor = surveyor
        self._audit = audit
        self._route_tables = route_tables
        self._subnets = subnets
        self._security_groups = security_groups
        self._registrations = registrations
        self._outcomes = outcomes
        self._reconciler = reconciler
        self._owner = policy.owner
        self._default_service_tag = policy.default_service_tag

    def provision(
        self, run: Run, pending: Pending, make_planner: MakePlanner, mode: Mode
    ) -> Reconciled:
        """Raise PermanentError or TransientError where not even the table could be made."""
        survey = self._surveyor.survey(_asked(run))
        refusal = refusal_of(survey)
        if refusal is not None:
            raise PermanentError(refusal.code, refusal.message)
        existing = self._existing(pending.route_table_id, survey)
        table = existing or _new_table(survey, run)
        entry = self._entry(run, pending.route_table_id)
        if mode is Mode.PLAN:
            return self._planned(run, pending, make_planner, table, entry, survey)
        if existing is None:
            pending, blocked = self._create(pending, make_planner, table, entry)
            if blocked is not None:
                return blocked
        self._register(entry)
        done = self._reconciler.reconcile(pending, make_planner, mode)
        outcome = done.outcome
        if existing is None:
            outcome = _adding(outcome, _created(pending.route_table_id))
        if not outcome.found_right:
            return replace(done, outcome=_not_set(outcome, survey))
        try:
            outcome = self._set_on_subnet(outcome, survey)
            outcome = self._with_rule(run, outcome, survey)
        except PermanentError as error:
            outcome = _failed(outcome, Finding.of(error))
        return replace(done, outcome=outcome, table=self._route_tables.read(pending.route_table_id))

    def _existing(self, route_table_id: RouteTableId, survey: Survey) -> RouteTable | None:
        """Raise PermanentError where one is there that would bring its own routes to the subnet."""
        try:
            table = self._route_tables.read(route_table_id)
        except PermanentError as error:
            if error.code != codes.ROUTE_TABLE_NOT_FOUND:
                raise
            return None
        others = [route.name for route in table.routes if not is_owned(route, self._owner)]
        if others and survey.route_table_id is None:
            raise PermanentError(
                codes.ROUTE_TABLE_TAKEN,
                f"{route_table_id} is there already, on another subnet or none, and holds routes "
                f"that are not ours: {', '.join(others)}; set it on the subnet yourself, or remove "
                "it",
            )
        return table

    def _entry(self, run: Run, route_table_id: RouteTableId) -> RegisteredTable:
        """Return the entry as it is, or as it is going to be."""
        existing = self._registrations.get(route_table_id)
        if existing is not None:
            return existing
        registration = Registration((self._default_service_tag,), _asked(run))
        return RegisteredTable(route_table_id, registration)

    def _register(self, entry: RegisteredTable) -> None:
        route_table_id = entry.route_table_id
        if self._registrations.get(route_table_id) is not None:
            return
        self._registrations.put(entry)
        # Nothing in it is anybody else's: where its making failed, it may be written again.
        self._registrations.note_sound(route_table_id, {foreign_hash(_EMPTY, owner=self._owner)})

    def _planned(
        self,
        run: Run,
        pending: Pending,
        make_planner: MakePlanner,
        table: RouteTable,
        entry: RegisteredTable,
        survey: Survey,
    ) -> Reconciled:
        outcome = preview(pending, table, make_planner(entry)).outcome
        rule = self._rule(run, survey)
        to_do = [
            *([] if table.etag else [_created(pending.route_table_id)]),
            *([] if survey.route_table_id else [_attached(survey)]),
            *(
                []
                if rule is None
                else [rule if isinstance(rule, Finding) else _added(survey, rule)]
            ),
        ]
        if to_do and outcome.status is OutcomeStatus.UNCHANGED:
            outcome = replace(outcome, status=OutcomeStatus.PLANNED)
        return Reconciled(pending, _adding(outcome, *to_do), table, entry)

    def _create(
        self,
        pending: Pending,
        make_planner: MakePlanner,
        new: RouteTable,
        entry: RegisteredTable,
    ) -> tuple[Pending, Reconciled | None]:
        """Create the table with its routes in one write.

        Return what is pending then, and the outcome if the write is blocked.
        """
        planned = preview(pending, new, make_planner(entry))
        judgement = planned.proposal.judgement
        if judgement.blocked:
            return pending, Reconciled(pending, planned.outcome, new, entry)

        plan = judgement.plan
        pending = self._outcomes.save(replace(pending, intended=plan.changes, etag=new.etag))
        self._route_tables.create(pending.route_table_id, self._route_tables.body(new, plan.routes))
        return pending, None

    def _rule(self, run: Run, survey: Survey) -> tuple[str, dict[str, object]] | Finding | None:
        """What `nsg: ensure` has to add, or why it can't; None where there is nothing to do."""
        if not run.request.ensure_nsg or not survey.has_security_group:
            return None
        verdict = self._audit.verdict(survey)
        if survey.security_group is None or verdict is None:
            return Finding(
                codes.NSG_NOT_JUDGED, "the subnet's network security group could not be judged"
            )
        if verdict.allowed:
            return None
        return missing_rule(survey.security_group, verdict, owner=self._owner)

    def _set_on_subnet(self, outcome: Outcome, survey: Survey) -> Outcome:
        if survey.subnet is None or survey.route_table_id is not None:
            return outcome
        self._subnets.set_route_table(survey.subnet, outcome.route_table_id)
        return _changed(_adding(outcome, _attached(survey)))

    def _with_rule(self, run: Run, outcome: Outcome, survey: Survey) -> Outcome:
        rule = self._rule(run, survey)
        if isinstance(rule, Finding):
            return _failed(outcome, rule)
        if rule is None or survey.security_group is None:
            return outcome
        self._security_groups.add_rule(survey.security_group, *rule)
        return _changed(_adding(outcome, _added(survey, rule)))


def _asked(run: Run) -> EnvironmentId:
    return cast(EnvironmentId, run.request.ase_id)  # a run that provisions names one


_EMPTY = RouteTable.from_arm({"properties": {"provisioningState": "Succeeded", "routes": []}})


def _new_table(survey: Survey, run: Run) -> RouteTable:
    """A table that is not there yet, as it would be without routes."""
    location = survey.environment.location if survey.environment else ""
    tags = {"tags": dict(run.request.azure_tags)} if run.request.azure_tags else {}
    return RouteTable.from_arm({**_EMPTY.raw, "location": location, **tags})


def _created(route_table_id: RouteTableId) -> Finding:
    return Finding(codes.ROUTE_TABLE_CREATED, f"{route_table_id} was not there, and is made")


def _attached(survey: Survey) -> Finding:
    subnet_id = survey.subnet.subnet_id if survey.subnet else None
    return Finding(codes.ROUTE_TABLE_ATTACHED, f"the table is set on subnet {subnet_id}")


def _added(survey: Survey, rule: tuple[str, dict[str, object]]) -> Finding:
    name, properties = rule
    where = survey.security_group.group_id if survey.security_group else None
    return Finding(
        codes.NSG_RULE_ADDED, f"rule {name} at priority {properties['priority']} in {where}"
    )


def _adding(outcome: Outcome, *findings: Finding) -> Outcome:
    return replace(outcome, findings=(*outcome.findings, *findings))


def _not_set(outcome: Outcome, survey: Survey) -> Outcome:
    """A table that is not right goes on no subnet."""
    if survey.route_table_id is not None or outcome.status.is_bad:
        return outcome
    return _failed(
        outcome, Finding(codes.NOT_PROVISIONED, "not right yet, and not set on the subnet")
    )


def _changed(outcome: Outcome) -> Outcome:
    if outcome.status is OutcomeStatus.UNCHANGED:
        return replace(outcome, status=OutcomeStatus.CHANGED)
    return outcome


def _failed(outcome: Outcome, error: Finding) -> Outcome:
    return replace(outcome, status=OutcomeStatus.FAILED, error=error)
