"""Find the tables that an alert concerns, and start at most one run for it.

However often an alert is delivered, it has one run. `shared.sync.run.events` does the same for the
events of Event Grid, which come in storms.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ...domain.armid import RouteTableId, subscription_in
from ...domain.runs.alert import Alert, Ignored, Place, merge_alerts, select_places
from ...domain.runs.run import (
    MAX_RUN_TIME,
    Action,
    Mode,
    Run,
    RunRequest,
    Trigger,
    run_id_of,
    written_by,
)
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
    """The run that an alert or an event started or joined, and whether its start message has to be
    sent.
    """

    run: Run
    send: bool


@dataclass(frozen=True, slots=True)
class Intake:
    """Alerts and events have this in common. `own_names` are the names of the app in Azure."""

    store: Store
    policy: Policy
    clock: Clock
    own_names: Callable[[], frozenset[str]]

    def relevant(self, signals: Sequence[Alert | Ignored]) -> Alert | Ignored:
        """Return one alert for everything that others did, or the reason why there is none."""
        alerts = [one for one in signals if isinstance(one, Alert)]
        if not alerts:
            return next(one for one in signals if isinstance(one, Ignored))

        # Each write of ours raises an event as well: it must not start another run.
        ours = self.own_names() if any(alert.callers for alert in alerts) else frozenset()
        others = [
            alert for alert in alerts if ours.isdisjoint(caller.lower() for caller in alert.callers)
        ]
        return merge_alerts(others) if others else Ignored("it is about what this app did itself")

    def _claimed_run(self, instance: str) -> Run | None:
        run_id = self.store.claims.claimed(instance)
        return self.store.runs.get(run_id) if run_id else None

    def _select_tables(self, targets: Collection[str]) -> tuple[RouteTableId, ...] | Ignored:
        """Return the tables that the targets concern, or why there is none to look at.

        An empty tuple stands for all tables, as in a run's request.
        """
        if not targets:
            return ()

        found = select_places(targets, self._places(targets))
        tables = tuple(place.route_table_id for place in found)
        return tables or Ignored("it concerns no registered route table")

    def _places(self, targets: Collection[str]) -> Iterator[Place]:
        """Yield at least the places that the targets concern."""
        known = self.store.registrations
        # A change of one route table concerns no other one, so that its row is enough.
        if len(targets) == 1:
            table = RouteTableId.around(next(iter(targets)))
            if table is not None:
                yield from filter(None, [known.place(table)])
                return

        subscriptions = sorted({str(subscription_in(target)).lower() for target in targets})
        for scope in subscriptions if len(subscriptions) <= MOST_SUBSCRIPTIONS else [None]:
            yield from known.places(scope)

    def _request(
        self, trigger: Trigger, signal: Alert, tables: tuple[RouteTableId, ...]
    ) -> RunRequest:
        return RunRequest(
            trigger,
            self.policy.mode(Mode.APPLY),
            route_tables=tables,
            reason=f"{trigger.value} {signal.name}",
            writers=written_by(signal.callers, tables),
        )

    def _joinable_runs(self, tables: Collection[RouteTableId]) -> Iterator[Run]:
        """Yield the runs that will read all of these tables and have read none of them yet.

        A run of the command line ends with its process, and nobody goes on with it.
        """
        for run in self.store.runs.waiting(since=self.clock() - MAX_RUN_TIME):
            # A run that lies in the future began while the clock ran ahead, and may be long lost.
            is_sure = run.started_at <= self.clock() and run.request.trigger is not Trigger.CLI
            if is_sure and self._will_read(run, tables):
                yield run

    def _will_read(self, run: Run, tables: Collection[RouteTableId]) -> bool:
        """Return whether this run waits, and is going to read these tables as a new one would."""
        request = run.request
        is_plain = request.action is Action.SYNC and request.plan_run_id is None
        is_for_all = not request.route_tables
        covers = is_for_all or bool(tables and {*tables} <= {*request.route_tables})
        is_alike = is_plain and request.mode is self.policy.mode(Mode.APPLY)
        return run.waits and is_alike and covers

    def _may_be_lost(self, run: Run) -> bool:
        """Return whether the run waits, and its start message should have come by now."""
        is_fresh = timedelta() <= self.clock() - run.started_at <= LOST_AFTER
        return run.waits and not is_fresh


@dataclass(frozen=True, slots=True)
class AlertIntake(Intake):
    create_run: CreateRun

    def take(self, alert: Alert, body: bytes) -> AlertRun | Ignored:
        """Return the run of this alert, or why it needs none."""
        # An alert that is delivered again has its run already.
        instance = instance_of(alert, body)
        claimed = self._claimed_run(instance)
        if claimed is not None:
            return self._join(claimed)

        tables = self._select_tables(alert.targets)
        if isinstance(tables, Ignored):
            return tables

        # A run that is still to read these tables will also see what this alert is about.
        joinable = next(self._joinable_runs(tables), None)
        if joinable is None:
            return self._begin(alert, instance, tables)
        self.store.claims.claim(instance, joinable.run_id)
        return self._join(joinable)

    def _begin(self, alert: Alert, instance: str, tables: tuple[RouteTableId, ...]) -> AlertRun:
        request = self._request(Trigger.ALERT, alert, tables)
        run_id = run_id_of(self.clock(), instance[:8])
        claimed = self.store.claims.claim(instance, run_id)

        # If two deliveries come at once, only the one with the claim sends the message. If that
        # one stopped before it wrote the run, the next delivery sends it.
        send = claimed == run_id or self.store.runs.get(claimed) is None
        return AlertRun(self.create_run(request, claimed), send)

    def _join(self, run: Run) -> AlertRun:
        return AlertRun(run, send=self._may_be_lost(run))


def instance_of(alert: Alert, body: bytes) -> str:
    """Return what tells this alert from every other one, as 64 hexadecimal digits.

    Two alerts are the same if they have the same instance or, if they have none, the same body.
    """
    return hashlib.sha256((alert.instance or "").encode() or body).hexdigest()
