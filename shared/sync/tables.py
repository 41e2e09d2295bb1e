"""One table of one run, as often as its message is delivered."""

import time
from contextlib import suppress
from dataclasses import replace

from shared.domain.armid import RouteTableId
from shared.domain.changes import Changes
from shared.domain.errors import ConcurrentUpdate, PermanentError, RouteSyncError, TransientError
from shared.domain.report import Action, Fault, Mode, Outcome, Run

from .audit import Audit
from .planning import Planner, Planning
from .ports import Clock, Outcomes, Pending, Registrations, Runs
from .provision import Provisioner
from .reconcile import Reconciled, Reconciler
from .runs import RunEnd


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
        run_end: RunEnd,
        clock: Clock,
        *,
        paused: bool,
    ) -> None:
        self._registrations = registrations
        self._runs = runs
        self._outcomes = outcomes
        self._planning = planning
        self._reconciler = reconciler
        self._provisioner = provisioner
        self._audit = audit
        self._run_end = run_end
        self._clock = clock
        self._paused = paused

    def sync(self, run_id: str, route_table_id: RouteTableId) -> Outcome | None:
        """Do what is still to be done; None for a late or repeated message.

        Raise TransientError, after noting it on the pending row, so that the queue tries again.
        """
        run = self._run_end.expire_if_overdue(self._runs.get(run_id))
        if run is None or run.ended:
            return None
        outcome = None
        pending = self._outcomes.get_pending(run_id, route_table_id)
        if pending is not None:
            pending, outcome = self._outcome(run, pending)
            self._outcomes.settle(pending, outcome)
        self._run_end.close_if_complete(run_id)
        return outcome

    def give_up(self, run_id: str, route_table_id: RouteTableId) -> None:
        """The queue has tried often enough: what is still open has failed."""
        pending = self._outcomes.get_pending(run_id, route_table_id)
        if pending is not None:
            error = pending.last_error or Fault(
                "RETRIES_EXHAUSTED", "every delivery of the table's message failed; see the log"
            )
            self._outcomes.settle(pending, pending.failed(error))
        self._run_end.close_if_complete(run_id)

    def _outcome(self, run: Run, pending: Pending) -> tuple[Pending, Outcome]:
        started = time.monotonic()
        try:
            done = self._reconcile(run, pending)
            pending, outcome = done.pending, done.outcome
            audited = self._audit.findings(done.registration, done.table)
        except PermanentError as error:
            pending = self._with_error(pending, error)
            outcome = pending.failed(Fault.of(error))
            registration = self._registrations.get(pending.route_table_id)
            audited = self._audit.findings(registration, None) if registration else ()
        except TransientError as error:
            noted = self._with_error(pending, error)
            with suppress(ConcurrentUpdate):  # another worker's word counts
                self._outcomes.save(noted)
            raise
        return pending, replace(
            outcome,
            findings=(*outcome.findings, *audited),
            duration_ms=round((time.monotonic() - started) * 1000),
        )

    def _with_error(self, pending: Pending, error: RouteSyncError) -> Pending:
        """As last saved: with what was intended before the error."""
        saved = self._outcomes.get_pending(pending.run_id, pending.route_table_id) or pending
        return replace(
            saved,
            last_error=Fault.of(error),
            correlation_id=error.correlation_id,
        )

    def _reconcile(self, run: Run, pending: Pending) -> Reconciled:
        mode = Mode.PLAN if self._paused else run.request.mode
        action = run.request.action
        planner = self._planner(run, pending.route_table_id, mode)
        if action is Action.PROVISION:
            done = self._provisioner.provision(run, pending, planner, mode)
        else:
            done = self._reconciler.reconcile(pending, planner, mode)
        follows = action in {Action.SYNC, Action.PROVISION}
        if mode is Mode.APPLY and follows and done.outcome.found_right:
            self._registrations.record_applied(
                pending.route_table_id, done.outcome.version_ids, self._clock()
            )
        return done

    def _planner(self, run: Run, table: RouteTableId, mode: Mode) -> Planner:
        request = run.request
        if request.action is Action.ADOPT:
            return self._planning.of_adoption(run)
        if request.action is Action.ROLLBACK:
            done = self._outcomes.changes(request.undone_run_id or "", table) or Changes()
            return self._planning.of_rollback(run, done)
        approval = None
        if request.plan_run_id is not None:
            approval = self._outcomes.approval(request.plan_run_id, table)
            if approval is None:
                raise PermanentError("NOT_PLANNED", f"run {request.plan_run_id} has no plan of it")
        return self._planning.of_sync(run, mode, approval)
