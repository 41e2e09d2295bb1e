"""Provisioning: an environment that has no route table gets one, on its subnet.

The table is made with its routes, registered, reconciled and only then set on the subnet. Each step
looks first at what is there, so that a message that is delivered again goes on from there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import cast

from ...domain import codes
from ...domain.armid import EnvironmentId, RouteTableId
from ...domain.errors import FailedWrite, PermanentError, UnconfirmedWrite
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.judgement import Judgement
from ...domain.routing.plan import foreign_hash
from ...domain.routing.routes import RouteTable, is_owned
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.pending import Pending, Written
from ...domain.runs.run import Run
from ...domain.surroundings.security_rules import SecurityGroup, missing_rule
from ..policy import Policy
from ..ports import Azure, Store
from ..registrar import Registrar
from ..requester import Requester
from ..surroundings.audit import Audit
from ..surroundings.survey import Survey
from .absence import is_absence, is_expected
from .planners.proposal import MakePlanner, Proposal
from .policy_answer import refusal_findings
from .progress import Progress, Reconciled, outcome_of, preview

_EMPTY = RouteTable.from_arm({"properties": {"provisioningState": "Succeeded", "routes": []}})

type _Rule = tuple[str, dict[str, object]]
"""The name and the properties of a security rule."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A change that follows the table's own, and the finding that reports it.

    If it cannot be made, `take` is None and the finding says why.
    """

    says: Finding
    take: Callable[[], None] | None


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a table that is provisioned: what is there before the first change.

    `existing` is the route table if there is one already. `entry` is what is `registered`, or what
    is going to be. `is_new` is true if this run makes the table, or has made it.
    """

    survey: Survey
    existing: RouteTable | None
    entry: RegisteredTable
    registered: bool
    is_new: bool

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
    registrar: Registrar

    def look(self, run: Run, pending: Pending) -> Site:
        """Read what is there already. Raise PermanentError if the table cannot be provisioned."""
        route_table_id = pending.route_table_id
        survey = self.audit.surveyor.survey(_environment_id(run))
        refusal = refusal_of(survey)
        if refusal is not None:
            raise PermanentError(refusal.code, refusal.message)

        entry = self.store.registrations.get(route_table_id)
        existing = self._existing(pending, survey, entry)
        if existing is not None:
            self._check_own(existing, pending, survey)
        known = entry or self._new_entry(route_table_id, survey)
        is_new = existing is None or pending.made(existing)
        return Site(survey, existing, known, registered=entry is not None, is_new=is_new)

    def _existing(
        self, pending: Pending, survey: Survey, entry: RegisteredTable | None
    ) -> RouteTable | None:
        """Return the table if it exists already.

        Raise PermanentError if it is not found although it was there: a table that was made again
        would lose its foreign routes.
        """
        try:
            return self.azure.route_tables.read(pending.route_table_id)
        except PermanentError as error:
            expected = survey.route_table_id is not None or is_expected(pending, entry)
            if expected or error.code != codes.ROUTE_TABLE_NOT_FOUND:
                raise
            return None

    def _check_own(self, table: RouteTable, pending: Pending, survey: Survey) -> None:
        """Raise PermanentError if the table would bring foreign routes to the subnet."""
        # A table that the subnet has already brings nothing new to it, and the foreign routes of a
        # table that this run made are those that an Azure Policy has added.
        foreign = [r.name for r in table.routes if not is_owned(r, self.policy.owner)]
        if foreign and survey.route_table_id is None and not pending.made(table):
            message = _why_taken(pending.route_table_id, foreign)
            raise PermanentError(codes.ROUTE_TABLE_TAKEN, message)

    def _new_entry(self, route_table_id: RouteTableId, survey: Survey) -> RegisteredTable:
        tags = (self.policy.default_service_tag,)
        registration = Registration(tags, survey.environment_id)
        remembered = self.store.registrations.remembered(route_table_id)
        return RegisteredTable(route_table_id, registration).recalling(remembered)

    def plan(self, run: Run, pending: Pending, make_planner: MakePlanner, site: Site) -> Reconciled:
        """Say what provisioning would do."""
        table = site.existing or _new_table(site.survey, run)
        shown = preview(pending, table, make_planner(site.entry))
        outcome, plan = shown.outcome, shown.proposal.judgement.plan

        steps = [step.says for step in self._open_steps(run, pending.route_table_id, site)]
        if site.existing is None:
            steps = [_created(pending.route_table_id), *steps]
        if steps and outcome.status is OutcomeStatus.UNCHANGED:
            outcome = replace(outcome, status=OutcomeStatus.PLANNED)
        refusals = refusal_findings(self.azure, pending.route_table_id, table, plan)
        return Reconciled(pending, outcome.with_findings(*steps, *refusals), table, site.entry)

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
        elif pending.made(site.existing):
            pending = self._noted(pending, _created(pending.route_table_id))

        # If a person has unregistered the table meanwhile, it does not come back.
        if not site.registered:
            self._register(run, site.entry)
        return pending

    def _create(self, pending: Pending, new: RouteTable, judgement: Judgement) -> Pending:
        # The intent is recorded first, so that a table counts even if the answer to its making
        # is lost.
        plan = judgement.plan
        intended = Written(plan.changes, judgement.findings)
        saved = self.store.outcomes.save(replace(pending, intended=intended, etag=new.etag))

        return self._put(saved, self.azure.route_tables.body(new, plan.routes))

    def _put(self, pending: Pending, body: RouteTable) -> Pending:
        """Make the table, and note that it is this run's as soon as Azure has accepted it."""
        step = _created(pending.route_table_id)
        try:
            self.azure.route_tables.create(pending.route_table_id, body)
        except FailedWrite:
            raise  # there may be no table, and then it is made again
        except UnconfirmedWrite:
            self._noted(pending, step)
            raise
        return self._noted(pending, step)

    def _noted(self, pending: Pending, *steps: Finding) -> Pending:
        """Note the steps on the row, so that the next delivery knows that they are this run's."""
        noted = reduce(Pending.with_step, steps, pending)
        return pending if noted == pending else self.store.outcomes.save(noted)

    def attach(self, run: Run, done: Reconciled, site: Site) -> Reconciled:
        """Set the reconciled table on the subnet, and add the security rule if it was asked for.

        A table that is not right is set on no subnet.
        """
        steps = self._open_steps(run, done.entry.route_table_id, site)
        if not done.outcome.right:
            return replace(done, outcome=_not_attached(_reported(done, steps), site))

        done = self._finish_site(done, steps)
        table = self.azure.route_tables.read(done.entry.route_table_id)
        return replace(done, table=table)

    def _finish_site(self, done: Reconciled, steps: Sequence[_Step]) -> Reconciled:
        """Take the steps that are open, up to the first one that fails, and report them."""
        begun = [step.says for step in steps if step.take is not None]
        done = replace(done, pending=self._noted(done.pending, *begun))

        for place, step in enumerate(steps):
            refusal = _taken(step, done.pending)
            if refusal is not None:
                # The outcome still reports the steps before it.
                outcome = _reported(done, steps[place:])
                return replace(done, outcome=_failed(outcome, refusal))

        return replace(done, outcome=_reported(done, ()))

    def _register(self, run: Run, entry: RegisteredTable) -> None:
        # A new table has no foreign routes, so it may be written again if its making has failed.
        sound = frozenset({foreign_hash(_EMPTY, owner=self.policy.owner)})
        by = Requester(run.request.trigger, run.request.requested_by)
        self.registrar.add(entry.with_sound(sound), by)

    def _open_steps(self, run: Run, route_table_id: RouteTableId, site: Site) -> list[_Step]:
        """Return what has to be done when the table is right."""
        return [*self._attaching(route_table_id, site), *self._adding_rule(run, site.survey)]

    def _attaching(self, route_table_id: RouteTableId, site: Site) -> Iterator[_Step]:
        subnet = site.survey.subnet
        if subnet is not None and not site.on_subnet:
            attach = partial(self.azure.subnets.set_route_table, subnet, route_table_id)
            yield _Step(_attached(site.survey), attach)

    def _adding_rule(self, run: Run, survey: Survey) -> Iterator[_Step]:
        rule, group = self._missing_rule(run, survey), survey.security_group
        if isinstance(rule, Finding):
            yield _Step(rule, None)
        elif rule is not None and group is not None:
            add = partial(self.azure.security_groups.add_rule, group, *rule)
            yield _Step(_rule_added(group, rule), add)

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


def _rule_added(group: SecurityGroup, rule: _Rule) -> Finding:
    name, properties = rule
    message = f"rule {name} at priority {properties['priority']} in {group.group_id}"
    return Finding(codes.NSG_RULE_ADDED, message)


def _taken(step: _Step, pending: Pending) -> Finding | None:
    """Take the step, or return why it cannot be taken."""
    if step.take is None:
        return step.says
    try:
        step.take()
    except PermanentError as error:
        if is_absence(error) and pending.created:
            raise  # the subnet may find the new table later
        return Finding.of(error)
    return None


def _reported(done: Reconciled, open_steps: Sequence[_Step]) -> Outcome:
    """Report the steps that this run has taken: those that were noted and are not open any more."""
    still_open = {step.says.code for step in open_steps}
    taken = [step for step in done.pending.steps if step.code not in still_open]
    outcome = done.outcome.with_findings(*taken)
    return _changed(outcome) if taken else outcome


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
