"""Collect the events of Event Grid in windows of time: each window has at most one run.

A deployment can cause a thousand events in a minute. The first event of a window starts the run of
the window at once. While this run is open, which ends when the run starts, other events add their
tables to it. An event that comes later opens the run of the next window, which starts when its
window begins.

No event is lost: it is only left to a run that was open, or had not fanned out, after the event had
come. Such a run reads its tables later than that, so it sees what the event is about. This holds
for any number of instances, and however their clocks differ, because only the ETag of the run's row
decides. The clocks decide only how soon a run starts.

The run's row names the delivery of the event that opened it. This delivery sends the start message.
If the event's message comes again before the run has started, it sends the start message again,
because others may rely on it.
"""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ...domain.armid import RouteTableId
from ...domain.errors import ConcurrentUpdate, RowUnreadable
from ...domain.runs.alert import Alert, Ignored
from ...domain.runs.run import MAX_RUN_TIME, Run, RunRequest, Trigger, run_id_of
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
    def take(self, event: Alert, body: bytes, *, comes_again: bool) -> AlertRun | Ignored:
        """Return the run of this event, or why it needs none.

        The start message has to be sent when the run begins, which may lie in the future.
        """
        # Others may rely on this message, whatever it says about its own tables by now.
        instance = instance_of(event, body)
        left = self._left_waiting(instance) if comes_again else None
        taken = self._taken(event, instance) if left is None else AlertRun(left, send=True)

        if isinstance(taken, AlertRun):
            self.store.claims.claim(instance, taken.run.run_id)
        return taken

    def _taken(self, event: Alert, instance: str) -> AlertRun | Ignored:
        # Most events of a subscription are about other resources and end here.
        tables = self._select_tables(event.targets)
        if isinstance(tables, Ignored):
            return tables
        if len(tables) == 1 and self._must_wait(tables[0]):
            return Ignored("its route table is contested, and was repaired within the last hour")

        claimed = self._claimed_run(instance)
        if claimed is not None and not self._has_read_nothing(claimed):
            return AlertRun(claimed, send=False)

        request = self._request(Trigger.EVENT, event, tables)
        return self._joined(request) or self._collected(request, instance)

    def _must_wait(self, table: RouteTableId) -> bool:
        """Return whether no run may write this table yet, because somebody else fights for it.

        Otherwise each write of a pipeline would start a run that is blocked, and that fails.
        """
        try:
            known = self.store.registrations.get(table)
        except RowUnreadable:
            return False
        return known is not None and known.status.contest.waits(self.clock())

    def _left_waiting(self, instance: str) -> Run | None:
        """Return the run that an earlier delivery of this message opened or joined, if it waits."""
        claimed = self.store.claims.claimed(instance)
        waiting = self.store.runs.waiting(since=self.clock() - MAX_RUN_TIME)
        left = (
            run for run in waiting if run.opened_by.startswith(instance) or run.run_id == claimed
        )
        return next(left, None)

    def _has_read_nothing(self, run: Run) -> bool:
        """Return whether the run has ended, or is to end at once, before it has read a table.

        For example, the app was switched off between the event and the start of the run.
        """
        return run.fanned_out_at is None and (run.ended or run.overdue(self.clock()))

    def _joined(self, request: RunRequest) -> AlertRun | None:
        """Return a run that will read these tables anyway, and whose start message is not lost."""
        joinable = self._joinable_runs(request.route_tables)
        runs = (self._added(run, request) for run in joinable if not self._may_be_lost(run))
        return next((AlertRun(run, send=False) for run in runs if run is not None), None)

    def _added(self, run: Run, request: RunRequest) -> Run | None:
        """Return the run, now with these tables and their writers as far as it takes them.

        Return None if it will not read these tables.
        """
        # Each turn reads the run again, because another worker has written it meanwhile.
        found: Run | None = run
        while found is not None and found.is_open and found.request.mode is request.mode:
            added = found.with_tables(request)
            if added is found:
                return found
            try:
                return self.store.runs.replace(added)
            except ConcurrentUpdate:
                found = self.store.runs.get(run.run_id)

        reads = found is not None and self._will_read(found, request.route_tables)
        return found if reads else None

    def _collected(self, request: RunRequest, instance: str) -> AlertRun:
        """Return the run of the first window that can still take the tables of this request."""
        now = self.clock()
        begins = now - (now - _EPOCH) % WINDOW
        # The same event may be in the hands of another worker, too.
        delivery = f"{instance}-{secrets.token_hex(4)}"
        while True:
            # The present window has begun already.
            starts_at = max(begins, now)
            run_id = run_id_of(begins, _OF_EVENTS)
            new = Run(run_id, request, starts_at, is_open=True, opened_by=delivery)

            taken = self._in_window(new)
            if taken is not None:
                return taken
            begins += WINDOW

    def _in_window(self, new: Run) -> AlertRun | None:
        """Return the run of the window, now with these tables; None if it takes no more tables."""
        found = self.store.runs.get(new.run_id)
        if found is None:
            if self.store.runs.create(new):
                return AlertRun(new, send=True)
            found = self.store.runs.get(new.run_id)

        # Storage may have failed after it had created the row. Then the client created it once
        # more, in vain.
        run = None if found is None else self._added(found, new.request)
        return None if run is None else AlertRun(run, send=run.opened_by == new.opened_by)
