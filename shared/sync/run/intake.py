"""An alert -> at most one run, however often it comes."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

from ...domain.armid import RouteTableId
from ...domain.runs.alert import Alert, concerned
from ...domain.runs.run import MAX_RUN_TIME, Action, Mode, Run, RunRequest, Trigger, run_id_of
from ..ports import Claims, Clock, Registrations, Runs

MOST_SUBSCRIPTIONS = 10
"""Looked through by themselves; of more, all are."""
LOST_AFTER = timedelta(seconds=10)
"""A run that has not fanned out by then may have lost its start message: it is sent again."""

type CreateRun = Callable[[RunRequest, str], Run]
"""Write the run that is wanted, under this id, if it is not there yet."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The run that an alert has started or joined, and whether its start message is to be sent."""

    run: Run
    send: bool


class AlertIntake:
    def __init__(
        self,
        registrations: Registrations,
        runs: Runs,
        claims: Claims,
        create_run: CreateRun,
        clock: Clock,
        *,
        paused: bool,
    ) -> None:
        self._registrations = registrations
        self._runs = runs
        self._claims = claims
        self._create_run = create_run
        self._clock = clock
        self._mode = Mode.PLAN if paused else Mode.APPLY

    def take(self, alert: Alert, body: bytes) -> Taken | None:
        """None where it concerns no registered table.

        An alert is told from others by its instance, or else by its body: what comes again has its
        run already. One that is about tables that a run is still to read joins that run.
        """
        instance = hashlib.sha256((alert.instance or "").encode() or body).hexdigest()
        claimed = self._claims.claimed(instance)
        run = self._runs.get(claimed) if claimed else None
        if run is not None:
            return self._joined(run)
        tables = self._tables(alert.targets)
        if tables is None:
            return None
        joinable = next(self._joinable(tables), None)
        if joinable is not None:
            self._claims.claim(instance, joinable.run_id)
            return self._joined(joinable)
        return self._begun(alert, instance, tables)

    def _begun(self, alert: Alert, instance: str, tables: tuple[RouteTableId, ...]) -> Taken:
        request = RunRequest(
            Trigger.ALERT,
            self._mode,
            route_tables=tables,
            reason=f"alert {alert.name}",
            prompted_by=tuple(sorted(alert.callers)),
        )
        run_id = run_id_of(self._clock(), instance[:8])
        first = self._claims.claim(instance, run_id)
        # Of two deliveries at once one sends; where one ended halfway, the next one does.
        send = first == run_id or self._runs.get(first) is None
        return Taken(self._create_run(request, first), send)

    def _tables(self, targets: Collection[str]) -> tuple[RouteTableId, ...] | None:
        """Those that are meant: none named for all, and None where nothing is."""
        if not targets:
            return ()
        subscriptions = sorted({target.split("/")[2].lower() for target in targets})
        asked = subscriptions if len(subscriptions) <= MOST_SUBSCRIPTIONS else [None]
        places = chain.from_iterable(map(self._registrations.places, asked))
        return tuple(place.route_table_id for place in concerned(targets, places)) or None

    def _joinable(self, tables: Collection[RouteTableId]) -> Iterator[Run]:
        """Runs that will read all of these tables, and have read none yet."""
        for run in self._runs.waiting(since=self._clock() - MAX_RUN_TIME):
            asked = run.request
            plain = asked.action is Action.SYNC and asked.plan_run_id is None
            covers = not asked.route_tables or (tables and {*tables} <= {*asked.route_tables})
            if plain and covers and asked.mode is self._mode:
                yield run

    def _joined(self, run: Run) -> Taken:
        lost = run.fanned_out_at is None and self._clock() - run.started_at > LOST_AFTER
        return Taken(run, send=lost and not run.ended)
