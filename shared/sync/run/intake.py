"""Start at most one run for an alert, however often the alert is delivered."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from ...domain.armid import RouteTableId, subscription_in
from ...domain.runs.alert import Alert, select_places
from ...domain.runs.run import MAX_RUN_TIME, Action, Mode, Run, RunRequest, Trigger, run_id_of
from ..policy import Policy
from ..ports import Clock, Store

MOST_SUBSCRIPTIONS = 10
"""If an alert names more subscriptions than this, the tables of all subscriptions are read."""
LOST_AFTER = timedelta(seconds=10)
"""If a run has not fanned out by then, its start message may be lost and is sent again."""

type CreateRun = Callable[[RunRequest, str], Run]
"""Write the requested run under this id, unless a run has this id already."""


@dataclass(frozen=True, slots=True)
class AlertRun:
    """The run that an alert started or joined, and whether its start message has to be sent."""

    run: Run
    send: bool


@dataclass(frozen=True, slots=True)
class AlertIntake:
    store: Store
    policy: Policy
    clock: Clock
    create_run: CreateRun

    def take(self, alert: Alert, body: bytes) -> AlertRun | None:
        """Return the run of this alert, or None if it concerns no registered table.

        Two alerts are the same if they have the same instance or, if they have none, the same
        body.
        """
        # An alert that is delivered again has its run already.
        instance = hashlib.sha256((alert.instance or "").encode() or body).hexdigest()
        claimed = self._claimed_run(instance)
        if claimed is not None:
            return self._join(claimed)

        tables = self._select_tables(alert.targets)
        if tables is None:
            return None

        # A run that is still to read these tables will also see what this alert is about.
        joinable = next(self._joinable_runs(tables), None)
        if joinable is None:
            return self._begin(alert, instance, tables)
        self.store.claims.claim(instance, joinable.run_id)
        return self._join(joinable)

    def _claimed_run(self, instance: str) -> Run | None:
        run_id = self.store.claims.claimed(instance)
        return self.store.runs.get(run_id) if run_id else None

    def _begin(self, alert: Alert, instance: str, tables: tuple[RouteTableId, ...]) -> AlertRun:
        request = RunRequest(
            Trigger.ALERT,
            self.policy.mode(Mode.APPLY),
            route_tables=tables,
            reason=f"alert {alert.name}",
            prompted_by=tuple(sorted(alert.callers)),
        )
        run_id = run_id_of(self.clock(), instance[:8])
        claimed = self.store.claims.claim(instance, run_id)

        # If two deliveries come at once, only the one with the claim sends the message. If that
        # one stopped before it wrote the run, the next delivery sends it.
        send = claimed == run_id or self.store.runs.get(claimed) is None
        return AlertRun(self.create_run(request, claimed), send)

    def _select_tables(self, targets: Collection[str]) -> tuple[RouteTableId, ...] | None:
        """Return the tables that the targets concern, or None if they concern no table.

        An empty tuple stands for all tables, as in a run's request.
        """
        if not targets:
            return ()

        subscriptions = sorted({str(subscription_in(target)).lower() for target in targets})
        scopes = subscriptions if len(subscriptions) <= MOST_SUBSCRIPTIONS else [None]
        places = (place for scope in scopes for place in self.store.registrations.places(scope))
        return tuple(place.route_table_id for place in select_places(targets, places)) or None

    def _joinable_runs(self, tables: Collection[RouteTableId]) -> Iterator[Run]:
        """Yield the runs that will read all of these tables and have read none of them yet."""
        for run in self.store.runs.waiting(since=self.clock() - MAX_RUN_TIME):
            request = run.request
            is_plain = request.action is Action.SYNC and request.plan_run_id is None
            is_for_all = not request.route_tables
            covers = is_for_all or (tables and {*tables} <= {*request.route_tables})

            # A run that lies in the future began while the clock ran ahead, and may be long lost.
            begun = run.started_at <= self.clock()
            if is_plain and begun and covers and request.mode is self.policy.mode(Mode.APPLY):
                yield run

    def _join(self, run: Run) -> AlertRun:
        is_fresh = timedelta() <= self.clock() - run.started_at <= LOST_AFTER
        return AlertRun(run, send=run.fanned_out_at is None and not is_fresh and not run.ended)
