"""One route table: read, plan, write, verify. The only place that knows of plan mode."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.domain.addresses import Version, in_order
from shared.domain.errors import PreconditionFailed, TransientError
from shared.domain.plan import Changes, Plan, foreign_essence, make_plan, owned_prefixes
from shared.domain.report import Fault, Mode, Outcome, OutcomeStatus
from shared.domain.retention import retained_until
from shared.domain.routes import RouteTable

from .ports import Clock, Outcomes, Pending, RouteTables, Versions

MAX_WRITES = 3
"""In one delivery, where others keep writing the same table."""


@dataclass(frozen=True, slots=True)
class _Written:
    """What has taken effect so far in this run."""

    changes: Changes
    findings: tuple[Fault, ...] = ()
    correlation_id: str | None = None


class Reconciler:
    def __init__(
        self,
        route_tables: RouteTables,
        versions: Versions,
        outcomes: Outcomes,
        clock: Clock,
        *,
        owner: str,
        grace_days: int,
    ) -> None:
        self._route_tables = route_tables
        self._versions = versions
        self._outcomes = outcomes
        self._clock = clock
        self._owner = owner
        self._grace_days = grace_days

    def reconcile(
        self, pending: Pending, newest_versions: Callable[[], Sequence[Version]], mode: Mode
    ) -> tuple[Pending, Outcome]:
        """Bring one table to what the newest versions want, or in plan mode say what that takes.

        Return the outcome, and what was pending as last saved.

        The versions are read after the table each time: a table that somebody else has brought
        to a newer version in between refuses the write, and is planned with that version.
        Raise PermanentError or TransientError; a table that is not as planned is never an outcome.
        """
        table = self._route_tables.read(pending.route_table_id)
        written = _Written(self._taken_effect(pending, table))
        for writes in range(MAX_WRITES + 1):
            wanted = newest_versions()
            plan = self._plan(table, wanted)
            if mode is Mode.PLAN or (table.sound and not plan.changes):
                return pending, _outcome(pending, wanted, plan, written)
            if not table.sound and not table.failed:
                raise TransientError("TABLE_BUSY", f"the table is {table.provisioning_state}")
            if writes == MAX_WRITES:
                break
            pending = self._outcomes.save(
                replace(pending, applied=written.changes, intended=plan.changes, etag=table.etag)
            )
            table, written = self._write(pending, table, plan, written)
        raise TransientError(
            "NOT_AS_PLANNED", f"not as planned after {MAX_WRITES} writes: others keep writing it"
        )

    def _write(
        self, pending: Pending, table: RouteTable, plan: Plan, written: _Written
    ) -> tuple[RouteTable, _Written]:
        findings, correlation_id = written.findings, written.correlation_id
        try:
            correlation_id = self._route_tables.write(pending.route_table_id, table, plan.routes)
        except PreconditionFailed:
            after = self._route_tables.read(pending.route_table_id)
        else:
            after = self._route_tables.read(pending.route_table_id)
            findings = (*findings, *self._findings(table, after))
        return after, _Written(self._taken_effect(pending, after), findings, correlation_id)

    def _plan(self, table: RouteTable, wanted: Sequence[Version]) -> Plan:
        desired = frozenset(prefix for version in wanted for prefix in version.ipv4)
        leaving = owned_prefixes(table, owner=self._owner) - desired
        histories = [self._versions.history(v.service_tag) for v in wanted] if leaving else []
        return make_plan(
            table,
            desired,
            owner=self._owner,
            retained_until=retained_until(
                leaving, histories, grace_days=self._grace_days, today=self._clock().date()
            ),
        )

    def _taken_effect(self, pending: Pending, table: RouteTable) -> Changes:
        """What this run has done to the table: a write whose answer was lost counts too."""
        moved_on = table.etag != pending.etag
        if moved_on and pending.intended.reached_by(table, owner=self._owner):
            return pending.applied.then(pending.intended)
        return pending.applied

    def _findings(self, before: RouteTable, after: RouteTable) -> list[Fault]:
        findings = []
        if foreign_essence(before, owner=self._owner) != foreign_essence(after, owner=self._owner):
            findings.append(
                Fault(
                    "ForeignChangedMeanwhile",
                    "routes that are not ours changed between our write and the reading after it",
                )
            )
        if before.failed:
            findings.append(
                Fault("WasFailed", "the table was in state Failed: it was written again whole")
            )
        return findings


def _outcome(pending: Pending, wanted: Sequence[Version], plan: Plan, written: _Written) -> Outcome:
    shown = plan.changes or written.changes
    return Outcome(
        route_table_id=pending.route_table_id,
        status=_status(plan, written.changes),
        version_ids=tuple(version.version_id for version in wanted),
        plan_checksum=shown.checksum,
        added=in_order(shown.added),
        removed=in_order(shown.removed),
        updated=in_order(shown.updated),
        covered=plan.covered,
        retained=plan.retained,
        conflicts=plan.conflicts,
        findings=(*written.findings, *_name_findings(plan)),
        correlation_id=written.correlation_id,
    )


def _status(plan: Plan, written: Changes) -> OutcomeStatus:
    if plan.conflicts:
        return OutcomeStatus.CONFLICT
    if plan.changes:
        return OutcomeStatus.PLANNED
    return OutcomeStatus.CHANGED if written else OutcomeStatus.UNCHANGED


def _name_findings(plan: Plan) -> tuple[Fault, ...]:
    return tuple(
        Fault("NameTaken", f"{c.prefix}: the name {c.route_name} is somebody else's route")
        for c in plan.conflicts
        if c.name_taken
    )
