"""Collect the events of Event Grid in windows of time: each window has at most one run.

A deployment can cause a thousand events in a minute. The first event of a window starts the run of
the window at once. While this run is open, which ends when the run starts, other events add their
tables to it. An event that comes later opens the run of the next window, which starts when its
window begins.

No event is lost: it is only left to a run that was open, or had not fanned out, after the event had
come. Such a run reads its tables later than that, so it sees what the event is about. This holds
for any number of instances, and however their clocks differ, because only the ETag of the run's row
decides. The clocks decide only how soon a run starts.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ...domain.armid import RouteTableId
from ...domain.errors import ConcurrentUpdate
from ...domain.runs.alert import Alert
from ...domain.runs.run import Mode, Run, RunRequest, Trigger, run_id_of
from .intake import AlertRun, Intake, instance_of

WINDOW = timedelta(seconds=5)
"""How long later events wait at most. A route has to be back within ten seconds."""
_OF_EVENTS = "00000000"
"""Ends the id of each run of a window, so that all instances give the run the same id."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EventIntake(Intake):
    def take(self, event: Alert, body: bytes, *, comes_again: bool) -> AlertRun | None:
        """Return the run of this event, or None if the event concerns no registered table.

        The start message has to be sent when the run begins, which may lie in the future. A message
        that comes again may be the one that should have sent it.
        """
        instance = instance_of(event, body)
        claimed = self._claimed_run(instance)
        if claimed is not None:
            return AlertRun(claimed, send=comes_again and self._is_lost(claimed))

        tables = self._select_tables(event.targets)
        if tables is None:
            return None
        taken = self._joined(tables, comes_again=comes_again) or self._collected(event, tables)
        self.store.claims.claim(instance, taken.run.run_id)
        return taken

    def _joined(self, tables: Collection[RouteTableId], *, comes_again: bool) -> AlertRun | None:
        """Return the run that will read these tables anyway, if there is one that is not lost."""
        for run in self._joinable_runs(tables):
            is_lost = self._is_lost(run)
            if comes_again or not is_lost:
                return AlertRun(run, send=is_lost)
        return None

    def _collected(self, event: Alert, tables: Collection[RouteTableId]) -> AlertRun:
        """Return the run of the first window that can still take these tables."""
        now = self.clock()
        begins = now - (now - _EPOCH) % WINDOW
        while True:
            taken = self._in_window(self._new_run(event, tables, begins))
            if taken is not None:
                return taken
            begins += WINDOW

    def _in_window(self, new: Run) -> AlertRun | None:
        """Return the run of the window, now with these tables; None if it takes no more tables."""
        # Each turn reads the run again, because another worker may have written it meanwhile.
        while True:
            run = self.store.runs.get(new.run_id)
            if run is None:
                if self.store.runs.create(new):
                    return AlertRun(new, send=True)
            elif self._will_read(run, new.request.route_tables):
                return AlertRun(run, send=False)
            elif run.is_open and run.request.mode is new.request.mode:
                with suppress(ConcurrentUpdate):
                    return AlertRun(
                        self.store.runs.replace(run.with_tables(new.request)), send=False
                    )
            else:
                return None

    def _is_lost(self, run: Run) -> bool:
        """Return whether nobody may be going to send the start message of this run.

        The message of a run whose window is still to begin is in the hands of a worker.
        """
        is_due = not timedelta() < run.started_at - self.clock() <= WINDOW
        return is_due and self._may_be_lost(run)

    def _new_run(self, event: Alert, tables: Collection[RouteTableId], begins: datetime) -> Run:
        request = RunRequest(
            Trigger.EVENT,
            self.policy.mode(Mode.APPLY),
            route_tables=tuple(tables),
            reason=f"event {event.name}",
            prompted_by=tuple(sorted(event.callers)),
        )
        # The present window has begun already.
        starts_at = max(begins, self.clock())
        return Run(run_id_of(begins, _OF_EVENTS), request, starts_at, is_open=True)
