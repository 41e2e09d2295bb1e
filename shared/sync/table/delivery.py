"""The delivery of one table's message: its table is brought to an outcome, which is settled."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ...domain import codes
from ...domain.armid import RouteTableId
from ...domain.errors import (
    ConcurrentUpdate,
    PassesSoon,
    PermanentError,
    RouteSyncError,
    RowUnreadable,
)
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.status import Reading, TableNews
from ...domain.routing.plan import owned_prefixes
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.pending import Pending
from ...domain.runs.run import Action, Mode, Run
from ..policy import Policy
from ..ports import Clock, Store
from ..run.lifecycle import RunEnd
from ..surroundings.audit import Audit, Audited
from .absence import error_of_absence, is_absence
from .in_hand import InHand
from .progress import Reconciled
from .provision import Provisioner
from .reconcile import Reconciler

_MENDS = {
    codes.ROUTE_TABLE_ATTACHED: codes.NOT_ATTACHED,
    codes.NSG_RULE_ADDED: codes.NSG_DENIES,
}


@dataclass(frozen=True, slots=True)
class Delivered:
    """The outcome, if this delivery settled it. `notice_due`: the run has ended and people are
    still to be told about it.
    """

    outcome: Outcome | None = None
    notice_due: bool = False


@dataclass(frozen=True, slots=True)
class _Result:
    """An outcome that is not settled yet, what it settles, and the news about the table.

    `entry` is the table's own row as it was last read, if it was.
    """

    pending: Pending
    outcome: Outcome
    news: TableNews = field(default_factory=TableNews)
    entry: RegisteredTable | None = None


@dataclass(slots=True)
class TableSync:
    """Serves the messages of tables, several at a time."""

    store: Store
    policy: Policy
    clock: Clock
    reconciler: Reconciler
    provisioner: Provisioner
    audit: Audit
    run_end: RunEnd
    _known_run: Run | None = field(default=None, init=False)
    _in_hand: InHand = field(default_factory=InHand, init=False)

    def sync(self, run_id: str, route_table_id: RouteTableId) -> Delivered:
        """Bring the table to its outcome and settle it. A late or repeated message does nothing.

        Raise TransientError, so that the queue tries again; the pending row then shows the error.
        """
        since = self._in_hand.take(run_id)
        try:
            run, outcome = self._sync(run_id, route_table_id)
        finally:
            last = self._in_hand.put_down(run_id, since)

        if run is None or run.ended:
            return Delivered(notice_due=run is not None and run.notice_due)
        return Delivered(outcome, last and self.run_end.close_if_complete(run_id))

    def is_open(self, run_id: str, route_table_id: RouteTableId) -> bool:
        """Return whether the run still waits for this table."""
        _, pending = self._looked_up(run_id, route_table_id)
        return pending is not None

    def fail_poisoned(self, run_id: str, route_table_id: RouteTableId) -> Delivered:
        """Settle the table as failed, because the queue has tried often enough."""
        run = self.store.runs.get(run_id)
        pending = self.store.outcomes.get_pending(run_id, route_table_id)
        outcome = None
        if run is not None and pending is not None:
            message = "every delivery of the table's message failed; see the log"
            error = pending.last_error or Finding(codes.RETRIES_EXHAUSTED, message)
            outcome = self.reconciler.as_it_stands(pending).failed(error)
            self.run_end.settlement.settle(run, pending, outcome, poisoned=True)
        self._close_holds(run, route_table_id)
        return Delivered(outcome, self.run_end.close_if_complete(run_id))

    def _sync(self, run_id: str, route_table_id: RouteTableId) -> tuple[Run | None, Outcome | None]:
        """Return the run, and the table's outcome if it was still open."""
        run, pending = self._looked_up(run_id, route_table_id)
        if run is None or pending is None:
            self._close_holds(run, route_table_id)
            return run, None

        started = time.monotonic()
        result = self._result(run, pending)
        milliseconds = round((time.monotonic() - started) * 1000)

        outcome = replace(result.outcome, duration_ms=milliseconds)
        self.run_end.settlement.settle(run, result.pending, outcome, result.news, result.entry)
        return run, outcome

    def _close_holds(self, run: Run | None, route_table_id: RouteTableId) -> None:
        # An earlier delivery may have settled the table and then stopped.
        if run is not None:
            self.run_end.settlement.close_holds(run, route_table_id)

    def _looked_up(
        self, run_id: str, route_table_id: RouteTableId
    ) -> tuple[Run | None, Pending | None]:
        """Return the run, and the table if the run still waits for it. An overdue run is ended."""
        pending = self.store.outcomes.get_pending(run_id, route_table_id)
        run = self.run_end.expire_if_overdue(self._run(run_id, pending))
        return run, None if run is None or run.ended else pending

    def _run(self, run_id: str, pending: Pending | None) -> Run | None:
        # A run that has fanned out does not change while one of its tables is pending, so the
        # tables of one run need not read it again.
        known = self._known_run
        if pending is not None and known is not None and known.run_id == run_id:
            return known
        run = self.store.runs.get(run_id)
        if run is not None and run.fanned_out_at is not None:
            self._known_run = run
        return run

    def _result(self, run: Run, pending: Pending) -> _Result:
        """Bring the table to its outcome. Note any error that may pass on its row, and raise it."""
        try:
            return self._result_of(run, self._reconcile(run, pending))
        except PermanentError as error:
            return self._result_of_error(pending, error)
        except Exception as error:
            return self._result_of_lasting(pending, error)

    def _result_of_lasting(self, pending: Pending, error: Exception) -> _Result:
        """Fail the table if this error should have passed by now. Otherwise raise the error."""
        noted = self._with_error(pending, error)
        lasting = self._lasting(error, noted)
        if lasting is not None:
            return self._result_of_error(noted, lasting)

        # If another worker has saved the row meanwhile, the row stays as that worker left it.
        with suppress(ConcurrentUpdate):
            self.store.outcomes.save(noted)
        raise error

    def _result_of(self, run: Run, done: Reconciled) -> _Result:
        audited = self.audit.audit(done.entry, done.table)
        outcome = done.outcome.with_findings(*_still_to_mend(audited.findings, done.outcome))
        news = replace(self._news(run, done), suspended=_new_suspended(audited, done.entry))
        return _Result(done.pending, outcome, news, done.entry)

    def _result_of_error(self, pending: Pending, error: PermanentError) -> _Result:
        pending = self._with_error(pending, error)
        entry = self._entry(pending)
        outcome = self.reconciler.as_it_stands(pending).failed(Finding.of(error))
        if entry is None:
            return _Result(pending, outcome)

        audited = self.audit.audit(entry, None)
        news = TableNews(suspended=_new_suspended(audited, entry))
        return _Result(pending, outcome.with_findings(*audited.findings), news, entry)

    def _entry(self, pending: Pending) -> RegisteredTable | None:
        try:
            return self.store.registrations.get(pending.route_table_id)
        except RowUnreadable:
            return None

    def _with_error(self, pending: Pending, error: Exception) -> Pending:
        """Note the error on the row as it was last saved, with what was intended until then."""
        saved = self._saved(pending)
        found, earlier = Finding.of(error), saved.last_error
        known = earlier is not None and earlier.code == found.code
        return replace(
            saved,
            last_error=found,
            error_since=saved.error_since if known else self.clock(),
            correlation_id=error.correlation_id if isinstance(error, RouteSyncError) else None,
        )

    def _saved(self, pending: Pending) -> Pending:
        return self.store.outcomes.get_pending(pending.run_id, pending.route_table_id) or pending

    def _lasting(self, error: Exception, noted: Pending) -> PermanentError | None:
        """Return the error as a lasting one, if it should have passed by now."""
        if not isinstance(error, PassesSoon):
            return None
        return error.lasting(noted.error_since, self.clock())

    def _reconcile(self, run: Run, pending: Pending) -> Reconciled:
        """Carry the run out on the table. If Azure does not find the table, it may come back."""
        try:
            return self._carried_out(run, pending)
        except PermanentError as error:
            if not is_absence(error):
                raise
            entry = self.store.registrations.get(pending.route_table_id)
            raise error_of_absence(error, self._saved(pending), entry) from error.__cause__

    def _carried_out(self, run: Run, pending: Pending) -> Reconciled:
        unreadable = pending.unreadable
        if unreadable is not None:
            raise PermanentError(unreadable.code, unreadable.message)

        mode = self.policy.mode(run.request.mode)
        if run.request.action is Action.PROVISION:
            return self._provision(run, pending, mode)
        make_planner = self.reconciler.planning.planner_for(run, mode, pending.route_table_id)
        return self.reconciler.reconcile(pending, make_planner, mode)

    def _provision(self, run: Run, pending: Pending, mode: Mode) -> Reconciled:
        """A table that exists already is synced as by every other run."""
        site = self.provisioner.look(run, pending)
        planning = self.reconciler.planning
        make_planner = planning.planner_for(run, mode, pending.route_table_id, is_new=site.is_new)
        if mode is Mode.PLAN:
            return self.provisioner.plan(run, pending, make_planner, site)

        made = self.provisioner.make(run, pending, make_planner, site)
        if isinstance(made, Reconciled):
            return made
        done = self.reconciler.reconcile(made, make_planner, mode)
        return self.provisioner.attach(run, done, site)

    def _news(self, run: Run, done: Reconciled) -> TableNews:
        """Return what the table's status does not say yet."""
        subnet_ids = done.table.subnet_ids

        # An adoption or a rollback says nothing about whether the table follows its sources.
        follows = run.request.action in {Action.SYNC, Action.PROVISION}
        verified = follows and done.outcome.right

        return TableNews(
            owned=self._new_owned(run, done),
            subnet_ids=subnet_ids if subnet_ids != done.entry.status.subnet_ids else None,
            applied_version_ids=done.outcome.version_ids if verified else (),
            verified_at=self.clock() if verified else None,
            reading=_new_reading(done),
        )

    def _new_owned(self, run: Run, done: Reconciled) -> frozenset[str] | None:
        """Return the prefixes of our routes as we leave them; None if they are not news."""
        owned = owned_prefixes(done.table, owner=self.policy.owner)

        # While a contested table waits, the change that was undone is still to be made again.
        waits = any(violation.code == codes.CONTESTED for violation in done.outcome.violations)
        writes = self.policy.mode(run.request.mode) is Mode.APPLY and not waits
        return owned if writes and owned != done.entry.status.owned_left else None


def _still_to_mend(audited: Iterable[Finding], outcome: Outcome) -> Iterator[Finding]:
    """Leave out the faults that the planned steps of a provision mend."""
    steps = {finding.code for finding in outcome.findings}
    planned = outcome.status is OutcomeStatus.PLANNED
    mended = {fault for step, fault in _MENDS.items() if planned and step in steps}
    return (finding for finding in audited if finding.code not in mended)


def _new_suspended(audited: Audited, entry: RegisteredTable) -> bool | None:
    """Return whether the environment is suspended if that is news."""
    return None if audited.suspended == entry.status.suspended else audited.suspended


def _new_reading(done: Reconciled) -> Reading | None:
    """Return the reading if it is news. Only the daily check asks for the table's limit."""
    known, table = done.entry.status.reading, done.table
    limit = known.route_limit if known else None
    found = Reading(table.location, len(table.routes), limit)
    return None if found == known else found
