"""The start and the end of a run.

Between them each table has its own message: see `shared.sync.table.delivery`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import overload

from ...domain import codes
from ...domain.addresses import (
    UNAVAILABLE,
    Source,
    Version,
    difference,
    name_of,
    unavailable,
)
from ...domain.armid import RouteTableId
from ...domain.errors import ConcurrentUpdate, PassesSoon, RowUnreadable
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.runs.outcome import OutcomeStatus
from ...domain.runs.pending import Pending
from ...domain.runs.run import MAX_RUN_TIME, Action, Run, Trigger, VersionSeen
from ..policy import Policy
from ..ports import Clock, Store
from .pull import PullResult, SourcePull
from .services import kept, renewed
from .settlement import Settlement

LOST_AFTER = timedelta(minutes=20)
"""If a run is still open after so long, the daily check sends its start message again.

A message that died with its instance has come again by then, and has been worked off: its lease,
`visibilityTimeout` and the longest invocation have passed. If no message was lost, two workers may
get the same table, and one of them gives way.
"""

type _Pull = Callable[[Run, Collection[Source]], PullResult]


@dataclass(frozen=True, slots=True)
class RunEnd:
    """Ends runs: the worker that settles the last table closes the run.

    `notifies` says whether anybody is to be notified of a run that has ended.
    """

    store: Store
    policy: Policy
    clock: Clock
    settlement: Settlement
    on_end: Callable[[Run], None]

    def close_if_complete(self, run_id: str) -> bool:
        """Close the run if no table is pending.

        Return whether the run has ended, now or before, and its notice is still due.
        """
        # In every call but the last a table is still pending, so the run need not be read.
        if self.store.outcomes.is_any_open(run_id):
            return False

        # Each turn reads the run again if another worker has changed it in the meantime.
        run = self.store.runs.get(run_id)
        while run is not None and not run.ended and run.fanned_out_at is not None:
            counts = self.store.outcomes.counts(run_id)
            if counts is None:
                return False
            run = self._end(run, run.error, counts)
        return run is not None and run.notice_due

    def fail(self, run: Run, error: Finding) -> Run:
        """End the run with this error, and every pending table with an outcome that has it."""
        while not run.ended:
            for pending in self.store.outcomes.pending(run.run_id):
                self._settle_failed(run, pending, error)
            counts = self.store.outcomes.counts(run.run_id)
            if counts is not None:
                run = self._end(run, error, counts)
        return run

    def stop(self, run: Run, error: Finding, under_way: Collection[RouteTableId] = ()) -> Run:
        """End the run with this error before it has begun all its tables.

        A table that it has begun fails, and so does one that a worker has `under_way`: with its row
        settled, that worker cannot begin to write it any more. Any other table has no outcome and
        stays as it was. Its row in the run stays open, so that the report can name it.
        """
        while not run.ended:
            left = self._fail_begun(run, error, under_way)
            counts = self.store.outcomes.settled(run.run_id)
            said = _with_rest(run, error, left, left + sum(counts.values()))
            run = self._end(replace(run, not_begun=left), said, counts)
        return run

    def _fail_begun(self, run: Run, error: Finding, under_way: Collection[RouteTableId]) -> int:
        """Return how many tables are left, none of which the run has begun."""
        while True:
            pending = [*self.store.outcomes.pending(run.run_id)]
            begun = [
                one for one in pending if one.route_table_id in under_way or not _stays(run, one)
            ]
            if not begun:
                return len(pending)
            for one in begun:
                self._settle_failed(run, one, one.last_error or error)

    def complete(self, run: Run, error: Finding | None) -> Run:
        """End a run that is not about tables, with this error if there is one."""
        while not run.ended:
            run = self._end(run, error, {})
        return run

    def fail_unstarted(self, run_id: str) -> None:
        """Fail a run that could not even start without its sources, unless it has fanned out."""
        run = self.store.runs.get(run_id)
        if run is not None and run.fanned_out_at is None:
            message = "the run could not start; see the log"
            self.fail(run, run.error or Finding(codes.START_FAILED, message))

    def _settle_failed(self, run: Run, pending: Pending, error: Finding) -> None:
        # If a worker has just saved this table's row, the caller reads the row again.
        with suppress(ConcurrentUpdate):
            # Nobody goes on with a run of the command line whose process died, and that says
            # nothing about the tables that it had not begun.
            stays = run.request.trigger is Trigger.CLI and _stays(run, pending)
            self.settlement.settle(run, pending, pending.failed(error), stays=stays)

    @overload
    def expire_if_overdue(self, run: Run) -> Run: ...
    @overload
    def expire_if_overdue(self, run: Run | None) -> Run | None: ...
    def expire_if_overdue(self, run: Run | None) -> Run | None:
        """Fail the run if it should have ended by now, because its worker may have died."""
        if run is None or not run.overdue(self.clock()):
            return run
        hours = MAX_RUN_TIME.total_seconds() / 3600
        message = f"the run did not end within {hours:g} hours"
        return self.fail(run, Finding(codes.RUN_TIMED_OUT, message))

    def expire_overdue(self) -> list[Finding]:
        """Fail every run that should have ended by now.

        Return why others could not be ended. They are tried again.
        """
        kept: list[Finding] = []
        for run in self.store.runs.running(before=self.clock() - MAX_RUN_TIME):
            try:
                self.expire_if_overdue(run)
            except Exception as error:  # one run that cannot be ended stops no other
                found = Finding.of(error)
                kept.append(Finding(found.code, f"run {run.run_id}: {found.message}"))
        return kept

    def _end(self, run: Run, error: Finding | None, counts: Mapping[OutcomeStatus, int]) -> Run:
        """Return the run as ended, or as another worker has changed it in the meantime."""
        ended = replace(
            run.ended_with(error, counts),
            finished_at=self.clock(),
            # Whoever asked to look around reads the report.
            notice_due=self.policy.notifies and run.request.action.is_about_tables,
        )
        try:
            ended = self.store.runs.replace(ended)
        except ConcurrentUpdate:
            return self.store.runs.get(run.run_id) or ended

        self.on_end(ended)
        return ended


@dataclass(frozen=True, slots=True)
class RunStart:
    """Starts runs: reads the sources, records versions and decides which tables to sync."""

    store: Store
    policy: Policy
    clock: Clock
    pull: SourcePull
    run_end: RunEnd

    def start(self, run_id: str) -> list[RouteTableId]:
        """Return the tables that need a message; safe to repeat at any point.

        A run fans out once. Before that no table has a message and none is settled, so the
        pending rows can be written again. After that only the tables that are still pending get
        another message. Raise TransientError, which is first recorded on the run, so that the
        queue delivers the message again.
        """
        return self._start(run_id, self._record)

    def start_without_tags(self, run_id: str) -> list[RouteTableId]:
        """Start the run without reading tags and environments, after the queue's last attempt.

        The run fails, but still repairs the tables from the last recorded versions, and removes
        nothing. Tables that have only lists are not concerned if the lists can be read.
        """
        return self._start(run_id, self._last_recorded)

    def unattended(self) -> Iterator[str]:
        """List the open runs whose start messages have to be sent again.

        Nobody else would settle their tables if a message was lost. A run of the command line has
        no messages.
        """
        for run in self.store.runs.running(before=self.clock() - LOST_AFTER):
            if run.request.trigger is not Trigger.CLI:
                yield run.run_id

    def _start(self, run_id: str, pull: _Pull) -> list[RouteTableId]:
        self.run_end.expire_overdue()
        run = self.store.runs.get(run_id)
        if run is None or run.ended or not run.request.action.is_about_tables:
            return []

        run = self._closed(run)
        if run.fanned_out_at is None:
            self._try_to_fan_out(run, pull)

        open_tables = [pending.route_table_id for pending in self.store.outcomes.pending(run_id)]
        if not open_tables:  # a run without any table is complete already
            self.run_end.close_if_complete(run_id)
        return open_tables

    def _closed(self, run: Run) -> Run:
        """Return the run, to which events can add no table any more."""
        while run.is_open:
            try:
                return self.store.runs.replace(replace(run, is_open=False))
            except ConcurrentUpdate:
                # An event has just added a table, unless the run has been removed.
                run = self.store.runs.get(run.run_id) or replace(run, is_open=False)
        return run

    def _record(self, run: Run, sources: Collection[Source]) -> PullResult:
        # A run about all tables also records what others may read as a list.
        lists = () if run.request.route_tables else self.policy.listed_tags
        return self.pull.record(sources, run_id=run.run_id, also=lists)

    def _last_recorded(self, run: Run, sources: Collection[Source]) -> PullResult:
        error = run.error or Finding(codes.START_FAILED, "the run could not start; see the log")
        why = f"the addresses could not be read ({error.code}: {error.message})"
        return self.pull.last_recorded(sources, why=why, run_id=run.run_id)

    def _try_to_fan_out(self, run: Run, pull: _Pull) -> None:
        try:
            self._fan_out(run, pull)
        except Exception as error:
            # If every attempt fails, `start_without_tags` reports this error as the reason.
            now = self.clock()
            noted = self.store.runs.replace(run.stopped_by(Finding.of(error), now))
            if not isinstance(error, PassesSoon):
                raise
            if error.lasting(noted.error_since, now) is None:
                raise
            self._fan_out(noted, self._last_recorded)

    def _fan_out(self, run: Run, pull: _Pull) -> None:
        targets, pulled = self._pulled(run, pull)
        seen = replace(
            run,
            versions=tuple(self._version_seen(version, run.run_id) for version in pulled.versions),
            unusable=pulled.unusable,
            noted=pulled.noted,
            error=_source_error(pulled.unusable, targets),
        )

        # The pending rows come first: once the run has fanned out, they are never written again.
        self.store.outcomes.expect(run.run_id, [target.route_table_id for target in targets])
        self.store.runs.replace(replace(seen, fanned_out_at=self.clock()))

    def _pulled(self, run: Run, pull: _Pull) -> tuple[list[RegisteredTable], PullResult]:
        """Return the tables of the run, and the newest versions of their sources."""
        targets = wanted = self._targets(run)
        # Any other action does exactly what somebody has asked for, and no more.
        if run.request.action is Action.SYNC:
            wanted = renewed(targets, self.pull)

        pulled = pull(run, self._sources(wanted))
        return [kept(*each, self.pull) for each in zip(targets, wanted, strict=True)], pulled

    def _targets(self, run: Run) -> list[RegisteredTable]:
        requested = run.request.route_tables
        found = [self._target(run, route_table_id) for route_table_id in requested]
        if not requested:
            found = [one for one in self.store.registrations.list() if one.registration.enabled]
        return found

    def _target(self, run: Run, route_table_id: RouteTableId) -> RegisteredTable:
        """Return the registered table, or one with a default registration.

        A table whose registration has been removed since the request, or whose row cannot be read,
        still gets an outcome, so that the report says so. Provisioning registers its table only
        later.
        """
        with suppress(RowUnreadable):
            found = self.store.registrations.get(route_table_id)
            if found is not None:
                return found
        default = Registration((self.policy.default_service_tag,), run.request.ase_id)
        return RegisteredTable(route_table_id, default)

    def _sources(self, targets: Iterable[RegisteredTable]) -> Collection[Source]:
        """Return the sources to record, with the sources that are only compared with others."""
        named = {source for target in targets for source in target.registration.known_sources}
        tags = {source for source in named if name_of(source) is not None}
        refused = {tag for tag in tags if not self.policy.allows(tag)}
        return named - refused or {self.policy.default_service_tag}

    def _version_seen(self, version: Version, run_id: str) -> VersionSeen:
        """Return the version with the prefixes that it changed, if this run recorded it."""
        change = difference((), ())
        if version.run_id == run_id:
            change = difference(self._previous_prefixes(version), version.address_prefixes)

        return VersionSeen(
            version.version_id,
            version.cloud,
            version.source,
            version.change_number,
            change.added,
            change.removed,
            len(version.additions),
        )

    def _previous_prefixes(self, version: Version) -> Collection[str]:
        if version.previous_version_id is None:
            return ()
        for earlier in self.store.versions.history(version.source):
            if earlier.version_id == version.previous_version_id:
                return earlier.address_prefixes
        return ()


def _stays(run: Run, pending: Pending) -> bool:
    """Return whether the table is as it was before the run.

    Only a sync notes everything on the pending row. A rollback, for one, notes holds elsewhere.
    """
    return run.request.action is Action.SYNC and not pending.begun


def _with_rest(run: Run, error: Finding, left: int, count: int) -> Finding:
    """Add what became of the tables that the run had not begun."""
    if not run.request.action.is_about_tables:
        return error
    if left:
        rest = f"{left} of {count} route tables had not begun, and stay as they were"
    elif run.fanned_out_at is None:
        rest = "no route table had begun, and all stay as they were"
    else:
        return error
    return Finding(error.code, f"{error.message}; {rest}")


def _source_error(
    unusable: Mapping[Source, str], targets: Collection[RegisteredTable]
) -> Finding | None:
    """Return the run's error if a source that some table's routes depend on is unusable.

    If there is no table, every source counts.
    """
    needed = {source for target in targets for source in target.registration.sources}
    failed = [source for source in sorted(unusable) if source in needed or not needed]
    if not failed:
        return None

    found = {unavailable(source) for source in failed}
    reasons = dict.fromkeys(unusable[source] for source in failed)
    return Finding(next(code for code in UNAVAILABLE if code in found), "; ".join(reasons))
