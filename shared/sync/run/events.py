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
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ...domain.armid import RouteTableId
from ...domain.errors import ConcurrentUpdate
from ...domain.runs.alert import Alert
from ...domain.runs.run import Mode, Run, RunRequest, Trigger, run_id_of, written_by
from ..ports import Clock, Events
from .intake import AlertRun, Intake, instance_of

WINDOW = timedelta(seconds=5)
"""How long later events wait at most. A route has to be back within ten seconds."""
NOTED_FOR = timedelta(hours=1)
_OF_EVENTS = "00000000"
"""Ends the id of each run of a window, so that all instances give the run the same id."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Arrivals:
    """Notes that events come, at most once an hour, so that people can see whether they do."""

    events: Events
    clock: Clock
    _noted_at: datetime | None = field(default=None, init=False)

    def note(self) -> None:
        now = self.clock()
        # If the clock has gone back, the time that was noted lies in the future.
        is_known = self._noted_at is not None and timedelta() <= now - self._noted_at < NOTED_FOR
        if not is_known:
            self.events.came(now)
            self._noted_at = now


@dataclass(frozen=True, slots=True)
class EventIntake(Intake):
    def take(self, event: Alert, body: bytes, *, comes_again: bool) -> AlertRun | None:
        """Return the run of this event, or None if the event concerns no registered table.

        The start message has to be sent when the run begins, which may lie in the future. A message
        that comes again may be the one that should have sent it.
        """
        # Most events of a subscription are about other resources, so this comes first.
        tables = self._select_tables(event.targets)
        if tables is None:
            return None

        instance = instance_of(event, body)
        claimed = self._claimed_run(instance)
        if claimed is not None:
            return AlertRun(claimed, send=comes_again and self._is_lost(claimed))

        taken = self._joined(tables, comes_again=comes_again) or self._collected(event, tables)
        self.store.claims.claim(instance, taken.run.run_id)
        return taken

    def _joined(self, tables: Collection[RouteTableId], *, comes_again: bool) -> AlertRun | None:
        """Return a run that will read these tables anyway.

        A run that may be lost is only for a message that comes again, and no other run is better
        for it: others may rely on the message for the start of that run.
        """
        joinable = [AlertRun(run, self._is_lost(run)) for run in self._joinable_runs(tables)]
        lost = [found for found in joinable if found.send]
        fresh = [found for found in joinable if not found.send]
        return next(iter((*lost, *fresh) if comes_again else fresh), None)

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
                continue

            if self._will_read(run, new.request.route_tables):
                return AlertRun(run, send=False)
            if not run.is_open or run.request.mode is not new.request.mode:
                return None

            with suppress(ConcurrentUpdate):
                grown = self.store.runs.replace(run.with_tables(new.request))
                return AlertRun(grown, send=False)

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
            writers=written_by(event.callers, tables),
        )
        # The present window has begun already.
        starts_at = max(begins, self.clock())
        return Run(run_id_of(begins, _OF_EVENTS), request, starts_at, is_open=True)
