"""One route table: read, plan, write, verify; in plan mode only say what that would take."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from ...domain import codes
from ...domain.addresses import in_order
from ...domain.errors import PermanentError, PreconditionFailed, TransientError
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.routing.changes import Changes
from ...domain.routing.judgement import Judgement, block, withheld_of
from ...domain.routing.plan import Plan, foreign_essence, foreign_hash, owned_prefixes
from ...domain.routing.routes import RouteTable
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.pending import Pending
from ...domain.runs.run import Mode
from ..bundles import Azure, Store
from ..policy import Policy
from ..ports import Outcomes
from .planners.proposal import MakePlanner, Planner, Proposal
from .planning import Planning

MAX_WRITES = 3
"""One delivery writes this often at most if others keep writing the same table."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The outcome, what was pending as last saved, and what both were worked out from."""

    pending: Pending
    outcome: Outcome
    table: RouteTable
    entry: RegisteredTable


@dataclass(frozen=True, slots=True)
class Written:
    """The changes that this run has made to the table so far."""

    changes: Changes = field(default_factory=Changes)
    findings: tuple[Finding, ...] = ()
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reconciler:
    store: Store
    azure: Azure
    policy: Policy
    planning: Planning

    def reconcile(self, pending: Pending, make_planner: MakePlanner, mode: Mode) -> Reconciled:
        """Bring one table to what its planner proposes, or in plan mode say what that takes.

        Registration and versions are read after the table. If they change together with the table
        in between, the ETag refuses the write, and the table is planned again. They are read again
        for every table that is not exactly as the last write left it.
        Raise PermanentError or TransientError; a table that is not as planned is never an outcome.
        """
        table = self.azure.route_tables.read(pending.route_table_id)
        written = Written(_taken_effect(pending, table))

        for writes in range(MAX_WRITES + 1):
            entry = self._entry(pending)
            planner = make_planner(entry)
            proposal = planner.propose(table, written.changes)
            if mode is Mode.PLAN:
                return self._reconciled(pending, table, entry, proposal, written)

            # While the service is at work on the table, its routes and its ETag may still change.
            if table.busy:
                raise TransientError(codes.TABLE_BUSY, f"the table is {table.provisioning_state}")
            noted = self._note(entry, table, proposal)
            if _is_final(table, proposal):
                return self._reconciled(pending, table, entry, proposal, written)

            body = self.azure.route_tables.body(table, proposal.judgement.plan.routes)
            strays = self._strays(table, body, proposal.judgement.plan)
            if strays:
                proposal = replace(proposal, judgement=_refused(proposal.judgement, table, strays))
                return self._reconciled(pending, table, entry, proposal, written)
            if writes == MAX_WRITES:
                break

            # The intent is recorded first, so that a write whose answer is lost counts too.
            pending = self.store.outcomes.save(
                replace(
                    pending,
                    applied=written.changes,
                    intended=proposal.judgement.plan.changes,
                    etag=table.etag,
                )
            )
            table, written = self._write(pending, table, body, proposal.judgement, written)

            # If nobody else wrote and nothing was noted, the planner still knows all there is.
            if table.sound and not noted and self._is_as_sent(table, body):
                proposal = planner.propose(table, written.changes)
                if _is_final(table, proposal):
                    return self._reconciled(pending, table, entry, proposal, written)
        raise TransientError(
            codes.NOT_AS_PLANNED,
            f"not as planned after {MAX_WRITES} writes: others keep writing it",
        )

    def _reconciled(
        self,
        pending: Pending,
        table: RouteTable,
        entry: RegisteredTable,
        proposal: Proposal,
        written: Written,
    ) -> Reconciled:
        outcome = outcome_of(pending, table, proposal, written)
        return Reconciled(pending, outcome, table, entry)

    def _write(
        self,
        pending: Pending,
        table: RouteTable,
        body: RouteTable,
        judgement: Judgement,
        written: Written,
    ) -> tuple[RouteTable, Written]:
        findings, correlation_id = written.findings, written.correlation_id
        try:
            after = self.azure.route_tables.write(pending.route_table_id, body, table.etag)
        except PreconditionFailed:
            after = self.azure.route_tables.read(pending.route_table_id)
        else:
            correlation_id = after.correlation_id
            handed_over = judgement.plan.handed_over
            findings = (*findings, *judgement.findings, *self._findings(table, after, handed_over))
        return after, Written(_taken_effect(pending, after), findings, correlation_id)

    def _entry(self, pending: Pending) -> RegisteredTable:
        found = self.store.registrations.get(pending.route_table_id)
        if found is None or not found.registration.enabled:
            raise PermanentError(
                codes.NOT_REGISTERED, "unregistered or disabled since the run began"
            )
        return without_vain_holds(found, self.store.outcomes)

    def _note(self, entry: RegisteredTable, table: RouteTable, proposal: Proposal) -> bool:
        """Record what has to be known before anything is written; return whether there was any.

        A write that fails halfway leaves the table unsound, and its foreign routes as they were or
        as they were to be.
        """
        noted = (
            self._note_sound(entry, table, proposal),
            self._note_contest(entry, table, proposal),
            self._note_holds(entry, proposal),
        )
        return any(noted)

    def _note_sound(self, entry: RegisteredTable, table: RouteTable, proposal: Proposal) -> bool:
        if not table.sound:
            return False
        planned = replace(table, routes=proposal.judgement.plan.routes)
        sound = frozenset(foreign_hash(t, owner=self.policy.owner) for t in (table, planned))
        if sound == entry.status.sound_foreign:
            return False
        self.store.registrations.note_sound(entry.route_table_id, sound)
        return True

    def _note_contest(self, entry: RegisteredTable, table: RouteTable, proposal: Proposal) -> bool:
        if proposal.contest is None:
            return False
        owned = owned_prefixes(table, owner=self.policy.owner)
        self.store.registrations.contest(entry.route_table_id, proposal.contest, owned)
        return True

    def _note_holds(self, entry: RegisteredTable, proposal: Proposal) -> bool:
        if proposal.judgement.blocked or proposal.holds in ((), entry.status.holds):
            return False
        self.store.registrations.hold(entry.route_table_id, proposal.holds)
        return True

    def _is_as_sent(self, table: RouteTable, body: RouteTable) -> bool:
        """Return whether nobody has changed the table since we wrote it."""
        stand, sent = (
            (
                {(r.name, r.prefix, r.next_hop_type) for r in t.routes},
                foreign_essence(t, owner=self.policy.owner),
            )
            for t in (table, body)
        )
        return stand == sent

    def _strays(self, table: RouteTable, body: RouteTable, plan: Plan) -> list[object]:
        """Return the foreign routes that the write would change."""
        read, sent = (
            foreign_essence(t, owner=self.policy.owner, apart_from=plan.handed_over)
            for t in (table, body)
        )
        return [r for r in read if r not in sent] + [r for r in sent if r not in read]

    def _findings(
        self, before: RouteTable, after: RouteTable, handed_over: Collection[str]
    ) -> list[Finding]:
        findings = []
        then, now = (
            foreign_essence(table, owner=self.policy.owner, apart_from=handed_over)
            for table in (before, after)
        )
        if then != now:
            findings.append(
                Finding(
                    codes.FOREIGN_CHANGED_MEANWHILE,
                    "routes that are not ours changed between our write and the reading after it",
                )
            )

        if before.failed:
            state = before.provisioning_state
            findings.append(
                Finding(
                    codes.WAS_FAILED, f"the table was in state {state}: it was written again whole"
                )
            )
        return findings


def _is_final(table: RouteTable, proposal: Proposal) -> bool:
    """Return whether nothing is left to write, or nothing may be written."""
    judgement = proposal.judgement
    return judgement.blocked or (table.sound and not judgement.plan.changes)


def without_vain_holds(entry: RegisteredTable, outcomes: Outcomes) -> RegisteredTable:
    """Leave out the holds of failed rollbacks, which may not even have begun to write."""
    table, failed = entry.route_table_id, OutcomeStatus.FAILED
    rollbacks = {hold.rollback_run_id for hold in entry.status.holds}
    vain = {run for run in rollbacks if outcomes.status(run, table) is failed}
    holds = tuple(hold for hold in entry.status.holds if hold.rollback_run_id not in vain)
    return replace(entry, status=replace(entry.status, holds=holds))


def _taken_effect(pending: Pending, table: RouteTable) -> Changes:
    """Return what this run has done to the table; a write whose answer was lost counts too."""
    if table.etag != pending.etag and pending.intended.reached_by(table):
        return pending.applied.then(pending.intended)
    return pending.applied


def _refused(judgement: Judgement, table: RouteTable, strays: Collection[object]) -> Judgement:
    message = "the write would change routes that are not ours, and was not sent"
    violation = block(codes.FOREIGN_WOULD_CHANGE, message, len(strays))
    withheld = withheld_of(judgement.plan.changes, codes.FOREIGN_WOULD_CHANGE)
    return replace(
        judgement,
        plan=judgement.plan.without_changes(table),
        withheld=(*judgement.withheld, *withheld),
        violations=(*judgement.violations, violation),
        blocked=True,
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """A proposal that is not carried out, and the outcome that reports it."""

    proposal: Proposal
    outcome: Outcome


def preview(pending: Pending, table: RouteTable, planner: Planner) -> Preview:
    """Plan a table to which this run has written nothing, and write nothing."""
    proposal = planner.propose(table, Changes())
    return Preview(proposal, outcome_of(pending, table, proposal, Written()))


def outcome_of(
    pending: Pending, table: RouteTable, proposal: Proposal, written: Written
) -> Outcome:
    """Report a table as it stands, with the changes that the run has made to it."""
    judgement = proposal.judgement
    plan = judgement.plan

    # After a write the plan has nothing left to do, so show what was done.
    shown = plan.changes or written.changes
    findings = (*written.findings, *_name_findings(plan), *judgement.findings)

    return Outcome(
        route_table_id=pending.route_table_id,
        status=_status(table, judgement, written.changes),
        version_ids=proposal.version_ids,
        plan_checksum=written.changes.then(judgement.proposed).checksum,
        added=in_order(shown.added),
        removed=in_order(shown.removed),
        updated=in_order(shown.updated),
        covered=plan.covered,
        retained=plan.retained,
        withheld=judgement.withheld,
        conflicts=plan.conflicts,
        violations=judgement.violations,
        findings=tuple(dict.fromkeys(findings)),
        correlation_id=written.correlation_id or table.correlation_id,
        changes=written.changes,
    )


def _status(table: RouteTable, judgement: Judgement, written: Changes) -> OutcomeStatus:
    """The worst that was met."""
    if judgement.violations:
        return OutcomeStatus.BLOCKED
    if any(conflict.accepted is None for conflict in judgement.plan.conflicts):
        return OutcomeStatus.CONFLICT
    if written:
        return OutcomeStatus.CHANGED
    waiting = any(change.why == codes.APPLY_POLICY for change in judgement.withheld)
    if judgement.plan.changes or table.failed or waiting:
        return OutcomeStatus.PLANNED
    return OutcomeStatus.UNCHANGED


def _name_findings(plan: Plan) -> tuple[Finding, ...]:
    return tuple(
        Finding(codes.NAME_TAKEN, f"{c.prefix}: the name {c.route_name} is somebody else's route")
        for c in plan.conflicts
        if c.name_taken
    )
