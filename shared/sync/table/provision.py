"""Provisioning: an environment that has no route table gets one, on its subnet.

The table is made with its routes, registered, reconciled and only then set on the subnet. Each step
looks first at what is there, so that a message that is delivered again goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from ...domain import codes
from ...domain.armid import EnvironmentId, RouteTableId
from ...domain.errors import PermanentError
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.judgement import Judgement
from ...domain.routing.plan import foreign_hash
from ...domain.routing.routes import RouteTable, is_owned
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.pending import Pending, Written
from ...domain.runs.run import Run
from ...domain.surroundings.security_rules import missing_rule
from ..policy import Policy
from ..ports import Azure, Store
from ..surroundings.audit import Audit
from ..surroundings.survey import Survey
from .planners.proposal import MakePlanner, Proposal
from .progress import Progress, Reconciled, outcome_of, preview

_EMPTY = RouteTable.from_arm({"properties": {"provisioningState": "Succeeded", "routes": []}})

type _Rule = tuple[str, dict[str, object]]
"""The name and the properties of a security rule."""


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a table that is provisioned: what is there before the first change.

    `existing` is the route table if there is one already. `entry` is what is registered, or what
    is going to be.
    """

    survey: Survey
    existing: RouteTable | None
    entry: RegisteredTable

    @property
    def on_subnet(self) -> bool:
        return self.survey.route_table_id is not None


def provisioned_id(environment_id: EnvironmentId) -> RouteTableId:
    """Return the id of an environment's own table.

    It is in the environment's resource group and has the name that the Azure CLI would give it.
    """
    return RouteTableId(
        environment_id.subscription_id,
        environment_id.resource_group,
        f"{environment_id.name}-Route-Table",
    )


def refusal_of(survey: Survey) -> Finding | None:
    """Return the reason for which a surveyed environment cannot get a route table."""
    if survey.subnet is None:
        # The survey stopped at the subnet, and its last finding says why.
        return survey.findings[-1]
    if survey.route_table_id not in (None, provisioned_id(survey.environment_id)):
        message = f"the subnet has {survey.route_table_id}: register that one instead"
        return Finding(codes.OTHER_ROUTE_TABLE, message)
    return None


@dataclass(frozen=True, slots=True)
class Provisioner:
    """Does what comes before and after the reconciling of a table that is provisioned."""

    store: Store
    azure: Azure
    policy: Policy
    audit: Audit

    def look(self, run: Run, route_table_id: RouteTableId) -> Site:
        """Read what is there already. Raise PermanentError if the table cannot be provisioned."""
        survey = self.audit.surveyor.survey(_environment_id(run))
        refusal = refusal_of(survey)
        if refusal is not None:
            raise PermanentError(refusal.code, refusal.message)

        existing = self._existing(route_table_id, survey)
        entry = self.store.registrations.get(route_table_id)
        return Site(survey, existing, entry or self._new_entry(route_table_id, survey))

    def _existing(self, route_table_id: RouteTableId, survey: Survey) -> RouteTable | None:
        """Return the table if it exists already.

        Raise PermanentError if it would bring foreign routes to the subnet.
        """
        try:
            table = self.azure.route_tables.read(route_table_id)
        except PermanentError as error:
            if error.code != codes.ROUTE_TABLE_NOT_FOUND:
                raise
            return None

        # A table that the subnet has already brings nothing new to it.
        foreign = [r.name for r in table.routes if not is_owned(r, self.policy.owner)]
        if foreign and survey.route_table_id is None:
            raise PermanentError(codes.ROUTE_TABLE_TAKEN, _why_taken(route_table_id, foreign))
        return table

    def _new_entry(self, route_table_id: RouteTableId, survey: Survey) -> RegisteredTable:
        tags = (self.policy.default_service_tag,)
        return RegisteredTable(route_table_id, Registration(tags, survey.environment_id))

    def plan(self, run: Run, pending: Pending, make_planner: MakePlanner, site: Site) -> Reconciled:
        """Say what provisioning would do."""
        table = site.existing or _new_table(site.survey, run)
        outcome = preview(pending, table, make_planner(site.entry)).outcome

        steps = list(self._planned_steps(run, pending, site))
        if steps and outcome.status is OutcomeStatus.UNCHANGED:
            outcome = replace(outcome, status=OutcomeStatus.PLANNED)
        return Reconciled(pending, outcome.with_findings(*steps), table, site.entry)

    def make(
        self, run: Run, pending: Pending, make_planner: MakePlanner, site: Site
    ) -> Pending | Reconciled:
        """Make the table with its routes, if there is none, and register it.

        Return what is pending then, or the outcome if nothing can be written.
        """
        if site.existing is None:
            new = _new_table(site.survey, run)
            proposal = preview(pending, new, make_planner(site.entry)).proposal
            if proposal.judgement.violations:
                return _not_made(pending, new, proposal, site)
            pending = self._create(pending, new, proposal.judgement)

        self._register(site.entry)
        return pending

    def _create(self, pending: Pending, new: RouteTable, judgement: Judgement) -> Pending:
        # The intent is recorded first, so that a table counts even if the answer to its making
        # is lost.
        plan = judgement.plan
        intended = Written(plan.changes, judgement.findings)
        saved = self.store.outcomes.save(replace(pending, intended=intended, etag=new.etag))

        body = self.azure.route_tables.body(new, plan.routes)
        self.azure.route_tables.create(pending.route_table_id, body)
        return saved

    def attach(self, run: Run, done: Reconciled, site: Site) -> Reconciled:
        """Set the reconciled table on the subnet, and add the security rule if it was asked for.

        A table that is not right is set on no subnet.
        """
        outcome = done.outcome
        if site.existing is None:
            outcome = outcome.with_findings(_created(outcome.route_table_id))
        if not outcome.right:
            return replace(done, outcome=_not_attached(outcome, site))

        outcome = self._finish_site(run, outcome, site)
        table = self.azure.route_tables.read(outcome.route_table_id)
        return replace(done, outcome=outcome, table=table)

    def _finish_site(self, run: Run, outcome: Outcome, site: Site) -> Outcome:
        # If the rule fails, the outcome still reports that the table was set on the subnet.
        try:
            outcome = self._set_on_subnet(outcome, site)
            return self._add_rule(run, outcome, site.survey)
        except PermanentError as error:
            return _failed(outcome, Finding.of(error))

    def _register(self, entry: RegisteredTable) -> None:
        if self.store.registrations.get(entry.route_table_id) is not None:
            return
        self.store.registrations.put(entry)

        # A new table has no foreign routes, so it may be written again if its making has failed.
        sound = {foreign_hash(_EMPTY, owner=self.policy.owner)}
        self.store.registrations.note_sound(entry.route_table_id, sound)

    def _planned_steps(self, run: Run, pending: Pending, site: Site) -> list[Finding]:
        steps = []
        if site.existing is None:
            steps.append(_created(pending.route_table_id))
        if not site.on_subnet:
            steps.append(_attached(site.survey))
        rule = self._missing_rule(run, site.survey)
        if rule is not None:
            steps.append(rule if isinstance(rule, Finding) else _rule_added(site.survey, rule))
        return steps

    def _missing_rule(self, run: Run, survey: Survey) -> _Rule | Finding | None:
        """Return the rule that `nsg: ensure` has to add, or the reason why it cannot be added.

        Return None if nothing has to be added.
        """
        if not run.request.ensure_nsg or not survey.has_security_group:
            return None
        verdict = self.audit.verdict(survey)
        if survey.security_group is None or verdict is None:
            message = "the subnet's network security group could not be judged"
            return Finding(codes.NSG_NOT_JUDGED, message)
        if verdict.allowed:
            return None
        return missing_rule(survey.security_group, verdict, owner=self.policy.owner)

    def _set_on_subnet(self, outcome: Outcome, site: Site) -> Outcome:
        if site.survey.subnet is None or site.on_subnet:
            return outcome
        self.azure.subnets.set_route_table(site.survey.subnet, outcome.route_table_id)
        return _changed(outcome.with_findings(_attached(site.survey)))

    def _add_rule(self, run: Run, outcome: Outcome, survey: Survey) -> Outcome:
        rule = self._missing_rule(run, survey)
        if isinstance(rule, Finding):
            return _failed(outcome, rule)
        if rule is None or survey.security_group is None:
            return outcome
        self.azure.security_groups.add_rule(survey.security_group, *rule)
        return _changed(outcome.with_findings(_rule_added(survey, rule)))


def _environment_id(run: Run) -> EnvironmentId:
    return cast(EnvironmentId, run.request.ase_id)  # a run that provisions names one


def _why_taken(route_table_id: RouteTableId, foreign: Sequence[str]) -> str:
    return (
        f"{route_table_id} exists already, on another subnet or on none, and has routes that are "
        f"not ours: {', '.join(foreign)}. Set it on the subnet yourself, or remove it"
    )


def _new_table(survey: Survey, run: Run) -> RouteTable:
    """Return the table as it would be without routes."""
    location = survey.environment.location if survey.environment else ""
    tags = {"tags": dict(run.request.azure_tags)} if run.request.azure_tags else {}
    return RouteTable.from_arm({**_EMPTY.raw, "location": location, **tags})


def _not_made(pending: Pending, new: RouteTable, proposal: Proposal, site: Site) -> Reconciled:
    """Withhold the whole table: it would not be right, and so be set on no subnet."""
    judgement = proposal.judgement
    withheld = judgement.all_withheld(new, judgement.violations[-1].code)
    outcome = outcome_of(Progress(pending, new), replace(proposal, judgement=withheld))
    return Reconciled(pending, outcome, new, site.entry)


def _created(route_table_id: RouteTableId) -> Finding:
    return Finding(codes.ROUTE_TABLE_CREATED, f"{route_table_id} did not exist and is made")


def _attached(survey: Survey) -> Finding:
    subnet_id = survey.subnet.subnet_id if survey.subnet else None
    return Finding(codes.ROUTE_TABLE_ATTACHED, f"the table is set on subnet {subnet_id}")


def _rule_added(survey: Survey, rule: _Rule) -> Finding:
    name, properties = rule
    group_id = survey.security_group.group_id if survey.security_group else None
    message = f"rule {name} at priority {properties['priority']} in {group_id}"
    return Finding(codes.NSG_RULE_ADDED, message)


def _not_attached(outcome: Outcome, site: Site) -> Outcome:
    if site.on_subnet or outcome.status.is_bad:
        return outcome
    message = "the table is not right yet, so it was not set on the subnet"
    return _failed(outcome, Finding(codes.NOT_PROVISIONED, message))


def _changed(outcome: Outcome) -> Outcome:
    if outcome.status is OutcomeStatus.UNCHANGED:
        return replace(outcome, status=OutcomeStatus.CHANGED)
    return outcome


def _failed(outcome: Outcome, error: Finding) -> Outcome:
    return replace(outcome, status=OutcomeStatus.FAILED, error=error)
