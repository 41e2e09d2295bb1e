"""One table of one run, as often as its message is delivered."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace

from ...domain import codes
from ...domain.armid import RouteTableId
from ...domain.errors import ConcurrentUpdate, PermanentError, RouteSyncError, TransientError
from ...domain.findings import Finding
from ...domain.registry.status import Reading, Standing
from ...domain.routing.plan import owned_prefixes
from ...domain.runs.outcome import Outcome
from ...domain.runs.pending import Pending
from ...domain.runs.run import Action, Mode, Run
from ..policy import Policy
from ..ports import Clock, Outcomes, Registrations, Runs
from ..run.lifecycle import RunEnd
from ..run.settlement import Settlement
from ..surroundings.audit import Audit
from .in_hand import InHand
from .planning import Planning
from .provision import Provisioner
from .reconcile import Reconciled, Reconciler


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the table, if this delivery settled it; and whether its run has ended by now
    and somebody is to be told.
    """

    outcome: Outcome | None = None
    notice_due: bool = False


class TableSync:
    def __init__(
        self,
        registrations: Registrations,
        runs: Runs,
        outcomes: Outcomes,
        planning: Planning,
        reconciler: Reconciler,
        provisioner: Provisioner,
        audit: Audit,
        settlement: Settlement,
        run_end: RunEnd,
        clock: Clock,
        policy: Policy,
    ) -> None:
        self._registrations = registrations
        self._runs = runs
        self._outcomes = outcomes
        self._planning = planning
        self._reconciler = reconciler
        self._provisioner = provisioner
        self._audit = audit
        self._settlement = settlement
        self._run_end = run_end
        self._clock = clock
        self._owner = policy.owner
        self._paused = policy.paused
        self._fanned_out: Run | None = None
        self._in_hand = InHand()

    def sync(self, run_id: str, route_table_id: RouteTableId) -> Delivered:
        """Do what is still to be done: nothing for a late or repeated message.

        Raise TransientError, after noting it on the pending row, so that the queue tries again.
        """
        self._in_hand.take(run_id)
        try:
            run, outcome = self._sync(run_id, route_table_id)
        finally:
            last = self._in_hand.put_down(run_id)
        if run is None or run.ended:
            return Delivered(notice_due=run is not None and run.notice_due)
        return Delivered(outcome, last and self._run_end.close_if_complete(run_id))

    def _sync(self, run_id: str, route_table_id: RouteTableId) -> tuple[Run | None, Outcome | None]:
        """The run, and what became of the table, if it was still open."""
        pending = self._outcomes.get_pending(run_id, route_table_id)
        run = self._run_end.expire_if_overdue(self._run(run_id, pending))
        if run is None or run.ended or pending is None:
            return run, None
        pending, outcome, standing = self._outcome(run, pending)
        self._settlement.settle(run, pending, outcome, standing)
        return run, outcome

    def _run(self, run_id: str, pending: Pending | None) -> Run | None:
        """One that has fanned out stays as it is for as long as a table of it is pending."""
        known = self._fanned_out
        if pending is not None and known is not None and known.run_id == run_id:
            return known
        run = self._runs.get(run_id)
        if run is not None and run.fanned_out_at is not None:
            self._fanned_out = run
        return run

    def give_up(self, run_id: str, route_table_id: RouteTableId) -> Delivered:
        """The queue has tried often enough: what is still open has failed."""
        run = self._runs.get(run_id)
        pending = self._outcomes.get_pending(run_id, route_table_id)
        outcome = None
        if run is not None and pending is not None:
            error = pending.last_error or Finding(
                codes.RETRIES_EXHAUSTED, "every delivery of the table's message failed; see the log"
            )
            outcome = pending.failed(error)
            self._settlement.settle(run, pending, outcome, poisoned=True)
        return Delivered(outcome, self._run_end.close_if_complete(run_id))

    def _outcome(self, run: Run, pending: Pending) -> tuple[Pending, Outcome, Standing]:
        started = time.monotonic()
        standing = Standing()
        try:
            done = self._reconcile(run, pending)
            pending, outcome = done.pending, done.outcome
            standing = self._standing(run, done)
            audited = self._audit.findings(done.entry, done.table)
        except PermanentError as error:
            pending = self._with_error(pending, error)
            outcome = pending.failed(Finding.of(error))
            entry = self._registrations.get(pending.route_table_id)
            audited = self._audit.findings(entry, None) if entry else ()
        except TransientError as error:
            noted = self._with_error(pending, error)
            with suppress(ConcurrentUpdate):  # another worker's word counts
                self._outcomes.save(noted)
            raise
        outcome = replace(
            outcome,
            findings=(*outcome.findings, *audited),
            duration_ms=round((time.monotonic() - started) * 1000),
        )
        return pending, outcome, standing

    def _with_error(self, pending: Pending, error: RouteSyncError) -> Pending:
        """As last saved: with what was intended before the error."""
        saved = self._outcomes.get_pending(pending.run_id, pending.route_table_id) or pending
        return replace(
            saved,
            last_error=Finding.of(error),
            correlation_id=error.correlation_id,
        )

    def _reconcile(self, run: Run, pending: Pending) -> Reconciled:
        mode = self._mode(run)
        make_planner = self._planning.planner_for(run, mode, pending.route_table_id)
        if run.request.action is Action.PROVISION:
            return self._provisioner.provision(run, pending, make_planner, mode)
        return self._reconciler.reconcile(pending, make_planner, mode)

    def _mode(self, run: Run) -> Mode:
        return Mode.PLAN if self._paused else run.request.mode

    def _standing(self, run: Run, done: Reconciled) -> Standing:
        """What the table's row does not say yet."""
        entry, outcome = done.entry, done.outcome
        owned, subnet_ids = owned_prefixes(done.table, owner=self._owner), done.table.subnet_ids
        follows = run.request.action in {Action.SYNC, Action.PROVISION}
        verified = follows and outcome.found_right
        # While a contested table rests, what was undone is still to be done again.
        rests = any(violation.code == codes.CONTESTED for violation in outcome.violations)
        leaves = self._mode(run) is Mode.APPLY and not rests
        return Standing(
            owned=owned if leaves and owned != entry.status.owned_left else None,
            subnet_ids=subnet_ids if subnet_ids != entry.status.subnet_ids else None,
            verified_with=outcome.version_ids if verified else (),
            verified_at=self._clock() if verified else None,
            reading=_reading(done),
        )


def _reading(done: Reconciled) -> Reading | None:
    """If it is news. How many routes the table may have only the daily check asks."""
    known, table = done.entry.status.reading, done.table
    found = Reading(table.location, len(table.routes), known.route_limit if known else None)
    return None if found == known else found
