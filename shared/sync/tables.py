"""One table of one run, as often as its message is delivered."""

import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from shared.domain.armid import RouteTableId
from shared.domain.errors import ConcurrentUpdate, PermanentError, TransientError
from shared.domain.registration import Registration
from shared.domain.report import Fault, Mode, Outcome, OutcomeStatus, Run, failed_outcome
from shared.domain.safety import TAG_UNAVAILABLE

from .ports import Clock, Outcomes, Pending, Registrations, Runs, Versions
from .reconcile import Reconciler, Wanted
from .runs import RunEnd

_FOUND_RIGHT = frozenset({OutcomeStatus.CHANGED, OutcomeStatus.UNCHANGED})


class TableSync:
    def __init__(
        self,
        registrations: Registrations,
        versions: Versions,
        runs: Runs,
        outcomes: Outcomes,
        reconciler: Reconciler,
        run_end: RunEnd,
        clock: Clock,
        *,
        allowed_service_tags: Collection[str],
        paused: bool,
    ) -> None:
        self._registrations = registrations
        self._versions = versions
        self._runs = runs
        self._outcomes = outcomes
        self._reconciler = reconciler
        self._run_end = run_end
        self._clock = clock
        self._allowed = frozenset(allowed_service_tags)
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
            self._outcomes.settle(pending, failed_outcome(pending.route_table_id, error))
        self._run_end.close_if_complete(run_id)

    def _outcome(self, run: Run, pending: Pending) -> tuple[Pending, Outcome]:
        started = time.monotonic()
        try:
            pending, outcome = self._reconcile(run, pending)
        except PermanentError as error:
            pending = self._as_saved(pending)
            outcome = replace(
                failed_outcome(pending.route_table_id, Fault(error.code, error.message)),
                correlation_id=error.correlation_id,
            )
        except TransientError as error:
            noted = replace(self._as_saved(pending), last_error=Fault(error.code, error.message))
            with suppress(ConcurrentUpdate):  # another worker's word counts
                self._outcomes.save(noted)
            raise
        return pending, replace(outcome, duration_ms=round((time.monotonic() - started) * 1000))

    def _as_saved(self, pending: Pending) -> Pending:
        """With what was intended before the error."""
        return self._outcomes.get_pending(pending.run_id, pending.route_table_id) or pending

    def _reconcile(self, run: Run, pending: Pending) -> tuple[Pending, Outcome]:
        registration = self._registrations.get(pending.route_table_id)
        if registration is None or not registration.enabled:
            raise PermanentError("NOT_REGISTERED", "unregistered or disabled since the run began")
        mode = Mode.PLAN if self._paused else run.request.mode
        doubts = self._doubts(run, registration.service_tags)
        pending, outcome = self._reconciler.reconcile(
            pending, lambda: self._wanted(run, registration), mode
        )
        # Where a tag can't be believed, what is right now is not known.
        if mode is Mode.APPLY and outcome.status in _FOUND_RIGHT and not doubts:
            self._registrations.record_applied(
                pending.route_table_id, outcome.version_ids, self._clock()
            )
        return pending, outcome

    def _doubts(self, run: Run, service_tags: Collection[str]) -> str | None:
        """Why a tag can't be believed now."""
        doubts = [run.unusable[tag] for tag in service_tags if tag in run.unusable]
        return "; ".join(doubts) or None

    def _wanted(self, run: Run, registration: Registration) -> Wanted:
        versions = []
        for tag in registration.service_tags:
            if tag not in self._allowed:
                raise PermanentError(
                    "SERVICE_TAG_NOT_ALLOWED", f"{tag} is not in ALLOWED_SERVICE_TAGS"
                )
            version = self._versions.newest(tag)
            if version is None:
                why = run.unusable.get(tag, f"no version of {tag} is recorded")
                raise PermanentError(TAG_UNAVAILABLE, why)
            versions.append(version)
        return Wanted(versions, self._doubts(run, registration.service_tags))
