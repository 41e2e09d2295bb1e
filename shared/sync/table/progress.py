"""How far a run has come with a table, and the outcome that reports it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ...domain import codes
from ...domain.addresses import in_order
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.routing.changes import Changes, Update
from ...domain.routing.judgement import Judgement
from ...domain.routing.plan import Plan
from ...domain.routing.routes import RouteTable
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.pending import Pending, Written
from .planners.proposal import Planner, Proposal


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The outcome, the pending row as last saved, and the facts from which the outcome was made."""

    pending: Pending
    outcome: Outcome
    table: RouteTable
    entry: RegisteredTable


@dataclass(frozen=True, slots=True)
class Progress:
    """The pending row as last saved, the table as last read, and what the run has written.

    `correlation_id` is Azure's, for the last write.
    """

    pending: Pending
    table: RouteTable
    written: Written = field(default_factory=Written)
    correlation_id: str | None = None

    def with_table(self, table: RouteTable, seen: Iterable[Finding] = ()) -> "Progress":
        """Go on with a newer reading of the table, which may show a write whose answer was lost.

        `seen` was found by comparing it with an earlier reading.
        """
        written = self.pending.written_by(table).then(Written(findings=tuple(seen)))
        return replace(self, table=table, written=written)


def as_it_stands(pending: Pending, table: RouteTable) -> Pending:
    """Count what the last write did to the table, unless that may still change."""
    if table.busy:
        return pending
    return replace(pending, applied=pending.written_by(table), intended=Written())


@dataclass(frozen=True, slots=True)
class Preview:
    """A proposal that is not carried out, and the outcome that reports it."""

    proposal: Proposal
    outcome: Outcome


def _updates(shown: Changes, proposed: Changes) -> tuple[Update, ...]:
    """Return the updates that are shown, and those that are withheld for now."""
    withheld = proposed.without(shown.by_prefix)
    return (*shown.updates, *withheld.updates)


def preview(pending: Pending, table: RouteTable, planner: Planner) -> Preview:
    """Plan a table to which this run has written nothing, and write nothing."""
    proposal = planner.propose(table, Changes())
    return Preview(proposal, outcome_of(Progress(pending, table), proposal))


def outcome_of(progress: Progress, proposal: Proposal) -> Outcome:
    """Report a table as it stands, with the changes that the run has made to it."""
    written, judgement = progress.written, proposal.judgement
    plan = judgement.plan

    # After a write the plan has nothing left to do, so show what was done.
    shown = plan.changes or written.changes
    findings = (*written.findings, *_name_findings(plan), *judgement.findings)

    return Outcome(
        route_table_id=progress.pending.route_table_id,
        status=_status(progress.table, judgement, written.changes),
        version_ids=proposal.version_ids,
        plan_checksum=written.changes.then(judgement.proposed).checksum,
        added=in_order(shown.added),
        removed=in_order(shown.removed),
        updated=in_order(shown.updated),
        updates=_updates(shown, judgement.proposed),
        covered=plan.covered,
        retained=plan.retained,
        withheld=judgement.withheld,
        conflicts=plan.conflicts,
        violations=judgement.violations,
        findings=tuple(dict.fromkeys(findings)),
        correlation_id=progress.correlation_id or progress.table.correlation_id,
        changes=written.changes,
        approval=judgement.approval,
    )


def _status(table: RouteTable, judgement: Judgement, written: Changes) -> OutcomeStatus:
    """Return the worst status that applies."""
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
