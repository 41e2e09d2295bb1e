"""A run's beginning and end. Between them each table goes its own way: see tables."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import overload

from ...domain.addresses import Source, Version, difference, service_tag_of
from ...domain.armid import RouteTableId
from ...domain.errors import ASE_UNAVAILABLE, TAG_UNAVAILABLE, ConcurrentUpdate, TransientError
from ...domain.findings import Finding
from ...domain.registry.registration import Registration
from ...domain.runs.pending import Pending
from ...domain.runs.run import MAX_RUN_TIME, Run, VersionSeen, final_status
from ..ports import Clock, Outcomes, Registrations, Runs, Versions
from .pull import Pulled, SourcePull
from .settlement import Settlement


class RunEnd:
    """Whichever worker settles the last table closes the run.

    `notifies`: whether somebody is to be told of a run that has ended.
    """

    def __init__(
        self,
        runs: Runs,
        outcomes: Outcomes,
        settlement: Settlement,
        clock: Clock,
        on_end: Callable[[Run], None],
        *,
        notifies: bool,
    ) -> None:
        self._runs = runs
        self._outcomes = outcomes
        self._settlement = settlement
        self._clock = clock
        self._on_end = on_end
        self._notifies = notifies

    def close_if_complete(self, run_id: str) -> bool:
        """Whether the run has ended, by this or before, and nobody has been told yet."""
        if self._outcomes.counts(run_id) is None:
            return False  # as for every table but the last: the run need not be read
        run = self._runs.get(run_id)
        while run is not None and not run.ended and run.fanned_out_at is not None:
            counts = self._outcomes.counts(run_id)
            if counts is None:
                return False
            run = self._replace(run, run.error, counts)
        return run is not None and run.notice_due

    def fail(self, run: Run, error: Finding) -> Run:
        """End the run with this error, and every outcome that is still open with it."""
        while not run.ended:
            for pending in self._outcomes.pending(run.run_id):
                self._settle_failed(run, pending, error)
            counts = self._outcomes.counts(run.run_id)
            if counts is not None:
                run = self._replace(run, error, counts)
        return run

    def _settle_failed(self, run: Run, pending: Pending, error: Finding) -> None:
        with suppress(ConcurrentUpdate):  # a worker is at it: looked at again by the caller
            self._settlement.settle(run, pending, pending.failed(error))

    @overload
    def expire_if_overdue(self, run: Run) -> Run: ...
    @overload
    def expire_if_overdue(self, run: Run | None) -> Run | None: ...
    def expire_if_overdue(self, run: Run | None) -> Run | None:
        """A run whose worker died must not run for ever."""
        if run is None or not run.overdue(self._clock()):
            return run
        hours = MAX_RUN_TIME.total_seconds() / 3600
        return self.fail(run, Finding("RUN_TIMED_OUT", f"not ended within {hours:g} hours"))

    def expire_overdue(self) -> None:
        for run in self._runs.running(before=self._clock() - MAX_RUN_TIME):
            self.expire_if_overdue(run)

    def _replace(self, run: Run, error: Finding | None, counts: Mapping[str, int]) -> Run:
        ended = replace(
            run,
            status=final_status(error, counts),
            finished_at=self._clock(),
            error=error,
            counts=counts,
            notice_due=self._notifies,
        )
        try:
            ended = self._runs.replace(ended)
        except ConcurrentUpdate:
            return self._runs.get(run.run_id) or ended
        self._on_end(ended)
        return ended


class RunStart:
    """Read the sources, record versions, and say which tables are to be synced."""

    def __init__(
        self,
        registrations: Registrations,
        versions: Versions,
        pull: SourcePull,
        runs: Runs,
        outcomes: Outcomes,
        run_end: RunEnd,
        clock: Clock,
        *,
        default_service_tag: str,
        allowed_service_tags: Collection[str],
    ) -> None:
        self._registrations = registrations
        self._versions = versions
        self._pull = pull
        self._runs = runs
        self._outcomes = outcomes
        self._run_end = run_end
        self._clock = clock
        self._default_service_tag = default_service_tag
        self._allowed = frozenset(allowed_service_tags)

    def start(self, run_id: str) -> list[RouteTableId]:
        """The tables that need a message; safe to repeat at any point.

        The run is fanned out once. Before that no table has a message and none is settled, so
        that what is expected can be written again; after it only what is pending is sent again.
        Raise TransientError, after noting it on the run, so that the queue tries again.
        """
        return self._start(run_id, self._record)

    def start_without_tags(self, run_id: str) -> list[RouteTableId]:
        """The same where the queue has tried often enough: the tables are repaired from the last
        recorded versions, additions only, and the run fails.
        """
        return self._start(run_id, self._last_recorded)

    def _start(
        self, run_id: str, pull: Callable[[Run, Collection[Source]], Pulled]
    ) -> list[RouteTableId]:
        self._run_end.expire_overdue()
        run = self._runs.get(run_id)
        if run is None or run.ended:
            return []
        if run.fanned_out_at is None:
            try:
                self._fan_out(run, pull)
            except TransientError as error:
                self._runs.replace(replace(run, error=Finding.of(error)))
                raise
        self._run_end.close_if_complete(run_id)
        return [pending.route_table_id for pending in self._outcomes.pending(run_id)]

    def _record(self, run: Run, sources: Collection[Source]) -> Pulled:
        return self._pull.record(sources, run_id=run.run_id)

    def _last_recorded(self, run: Run, sources: Collection[Source]) -> Pulled:
        error = run.error or Finding("START_FAILED", "the run could not start; see the log")
        why = f"the service tags could not be read ({error.code}: {error.message})"
        return self._pull.last_recorded(sources, why=why)

    def _fan_out(self, run: Run, pull: Callable[[Run, Collection[Source]], Pulled]) -> None:
        targets = self._targets(run)
        pulled = pull(run, self._sources(targets))
        self._outcomes.expect(run.run_id, [target.route_table_id for target in targets])
        self._runs.replace(
            replace(
                run,
                fanned_out_at=self._clock(),
                versions=tuple(self._seen(version, run.run_id) for version in pulled.versions),
                unusable=pulled.unusable,
                error=_source_error(pulled.unusable, targets),
            )
        )

    def _targets(self, run: Run) -> list[Registration]:
        asked = run.request.route_tables
        if asked:
            found = ((i, self._registrations.get(i)) for i in asked)
            # One that has gone since is expected all the same, so that the report says so; one
            # that is provisioned is registered by that.
            default = (self._default_service_tag,)
            return [
                registration or Registration(i, default, run.request.ase_id)
                for i, registration in found
            ]
        return [r for r in self._registrations.list() if r.enabled]

    def _sources(self, targets: Iterable[Registration]) -> Collection[Source]:
        """What is only compared with is recorded, too."""
        named = {source for target in targets for source in target.known_sources}
        refused = {s for s in named if service_tag_of(s) is not None and s not in self._allowed}
        return named - refused or {self._default_service_tag}

    def _seen(self, version: Version, run_id: str) -> VersionSeen:
        brought = difference((), ())
        if version.run_id == run_id:
            history = self._versions.history(version.source)
            before = [v for v in history if v.version_id == version.previous_version_id]
            brought = difference(
                before[0].address_prefixes if before else (), version.address_prefixes
            )
        return VersionSeen(
            version.version_id,
            version.cloud,
            version.source,
            version.change_number,
            brought.added,
            brought.removed,
        )


def _source_error(
    unusable: Mapping[Source, str], targets: Collection[Registration]
) -> Finding | None:
    """Of the sources that some table's routes are made of; without a table, of them all."""
    needed = {source for target in targets for source in target.sources}
    failed = [s for s in sorted(unusable) if s in needed or not needed]
    if not failed:
        return None
    tags = any(service_tag_of(source) for source in failed)
    reasons = dict.fromkeys(unusable[source] for source in failed)
    return Finding(TAG_UNAVAILABLE if tags else ASE_UNAVAILABLE, "; ".join(reasons))
