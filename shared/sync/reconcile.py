"""One route table: read, plan, write, verify. The only place that knows of plan mode."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.domain.addresses import Version, in_order
from shared.domain.errors import PreconditionFailed, TransientError
from shared.domain.plan import Changes, Plan, foreign_essence, make_plan, owned_prefixes
from shared.domain.report import Fault, Mode, Outcome, OutcomeStatus
from shared.domain.retention import retained_until
from shared.domain.routes import RouteTable
from shared.domain.safety import TAG_UNAVAILABLE, Judgement, judge

from .ports import Clock, Outcomes, Pending, RouteTables, Versions

MAX_WRITES = 3
"""In one delivery, where others keep writing the same table."""


@dataclass(frozen=True, slots=True)
class _Written:
    """What has taken effect so far in this run."""

    changes: Changes
    findings: tuple[Fault, ...] = ()
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The versions to work from; `doubts` says why a tag can't be believed now, if one can't."""

    versions: Sequence[Version]
    doubts: str | None = None


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
        max_removed_percent: int,
    ) -> None:
        self._route_tables = route_tables
        self._versions = versions
        self._outcomes = outcomes
        self._clock = clock
        self._owner = owner
        self._grace_days = grace_days
        self._max_removed_percent = max_removed_percent

    def reconcile(
        self, pending: Pending, newest: Callable[[], Wanted], mode: Mode
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
            wanted = newest()
            plan, judgement = self._judged(table, wanted, written)
            if mode is Mode.PLAN or (table.sound and not plan.changes):
                return pending, _outcome(pending, wanted, plan, judgement, written)
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

    def _judged(
        self, table: RouteTable, wanted: Wanted, written: _Written
    ) -> tuple[Plan, Judgement]:
        """The plan without what is withheld of it."""
        versions = wanted.versions
        desired = frozenset(prefix for version in versions for prefix in version.ipv4)
        owned = owned_prefixes(table, owner=self._owner)
        leaving = owned - desired
        histories = [self._versions.history(v.service_tag) for v in versions] if leaving else []
        until = retained_until(
            leaving, histories, grace_days=self._grace_days, today=self._clock().date()
        )
        planned = functools.partial(
            make_plan, table, desired, owner=self._owner, retained_until=until
        )
        judgement = judge(
            planned(),
            owned,
            written=written.changes,
            max_removed_percent=self._max_removed_percent,
            tag_believed=wanted.doubts is None,
        )
        return planned(withheld=judgement.prefixes), judgement

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


def _outcome(
    pending: Pending, wanted: Wanted, plan: Plan, judgement: Judgement, written: _Written
) -> Outcome:
    shown = plan.changes or written.changes
    return Outcome(
        route_table_id=pending.route_table_id,
        status=_status(plan, judgement, written.changes),
        version_ids=tuple(version.version_id for version in wanted.versions),
        plan_checksum=shown.checksum,
        added=in_order(shown.added),
        removed=in_order(shown.removed),
        updated=in_order(shown.updated),
        covered=plan.covered,
        retained=plan.retained,
        withheld=judgement.withheld,
        conflicts=plan.conflicts,
        violations=judgement.violations,
        findings=(*written.findings, *_name_findings(plan), *_doubt_findings(wanted)),
        correlation_id=written.correlation_id,
    )


def _status(plan: Plan, judgement: Judgement, written: Changes) -> OutcomeStatus:
    if judgement.violations:
        return OutcomeStatus.BLOCKED
    if plan.conflicts:
        return OutcomeStatus.CONFLICT
    if plan.changes:
        return OutcomeStatus.PLANNED
    return OutcomeStatus.CHANGED if written else OutcomeStatus.UNCHANGED


def _doubt_findings(wanted: Wanted) -> tuple[Fault, ...]:
    if wanted.doubts is None:
        return ()
    message = f"{wanted.doubts}; repaired from the last recorded version, additions only"
    return (Fault(TAG_UNAVAILABLE, message),)


def _name_findings(plan: Plan) -> tuple[Fault, ...]:
    return tuple(
        Fault("NameTaken", f"{c.prefix}: the name {c.route_name} is somebody else's route")
        for c in plan.conflicts
        if c.name_taken
    )
