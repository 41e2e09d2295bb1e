"""The daily check: read everything once, report what is wrong, and start a run if one helps."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ...domain import codes
from ...domain.addresses import Source
from ...domain.errors import RouteSyncError
from ...domain.findings import Finding
from ...domain.people.check_report import MOST_LISTED, CheckReport, Figures, checked_tables
from ...domain.people.health import Document, Measured, Measurements, alarms, needs_run
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.status import Reading, Standing
from ...domain.runs.pending import Pending
from ...domain.runs.run import Mode, Run, RunRequest, Trigger
from ..bundles import Azure, Store
from ..policy import Policy
from ..ports import Clock
from ..run.pull import Comparison, SourcePull
from ..table.planning import Planning
from ..table.reconcile import preview, without_failed_rollbacks

LONGEST = timedelta(minutes=6)
"""A function may take ten minutes. The tables that are left by then are left to a run."""

type CreateRun = Callable[[RunRequest], Run]


@dataclass(frozen=True, slots=True)
class DailyCheck:
    store: Store
    azure: Azure
    policy: Policy
    clock: Clock
    pull: SourcePull
    planning: Planning
    create_run: CreateRun

    def check(self) -> CheckReport:
        """Read the tags once at each location, and each table once; store and return the report.

        A fault of one table or one tag does not keep the others from being looked at.
        """
        now = self.clock()
        registered = [one for one in self.store.registrations.list() if one.registration.enabled]
        named = {tag for one in registered for tag in one.registration.service_tags}
        tags = sorted(named or {self.policy.default_service_tag})

        compared = self.pull.compare(tags)
        found = self._measurements(registered, compared, now)
        run = self._start_run(found.tables, compared)

        report = self._report(found, tags, compared, run)
        self.store.checks.put(report, notice_due=self.policy.notifies)
        return report

    def _measurements(
        self, registered: Sequence[RegisteredTable], compared: Comparison, now: datetime
    ) -> Measurements:
        return Measurements(
            at=now,
            tables=self._measure_all(registered, compared, now),
            unusable=compared.unusable,
            document=self._document(compared, now),
            missing_settings=self.policy.missing_schedules,
            tag_scope=f"/subscriptions/{self.policy.service_tag_subscription_id}",
            max_age_days=self.policy.max_age_days,
        )

    def _report(
        self, found: Measurements, tags: Sequence[Source], compared: Comparison, run: Run | None
    ) -> CheckReport:
        tables = checked_tables(found)
        newest = [self.store.versions.newest(tag) for tag in tags]

        return CheckReport(
            check_id=_check_id(found.at),
            at=found.at,
            figures=Figures.of(tables),
            tables=tuple(tables[:MOST_LISTED]),
            service_tags=tuple(tags),
            differs=tuple(sorted(compared.differs)),
            unusable=compared.unusable,
            versions=tuple(version.version_id for version in newest if version is not None),
            document=found.document,
            alarms=alarms(found),
            run_id=None if run is None else run.run_id,
        )

    def _start_run(self, measured: Sequence[Measured], compared: Comparison) -> Run | None:
        """Start a run if a tag differs or if a table needs one."""
        differs = ", ".join(sorted(compared.differs))
        asked = [
            each.entry.route_table_id
            for each in measured
            if needs_run(each, compared.differs, paused=self.policy.paused)
        ]
        if not asked and not differs:
            return None

        reasons = [f"{differs} changed"] if differs else []
        if asked:
            reasons.append(f"{len(asked)} of {len(measured)} route tables need it")
        # A request without tables is about all of them, also those that are registered meanwhile.
        every = len(asked) == len(measured)
        request = RunRequest(
            Trigger.CHECK,
            Mode.APPLY,
            route_tables=() if every else tuple(asked),
            reason=f"daily check: {'; '.join(reasons)}",
        )
        return self.create_run(request)

    def _measure_all(
        self, registered: Sequence[RegisteredTable], compared: Comparison, now: datetime
    ) -> list[Measured]:
        # The planner wants a run, of which it reads the mode and the unusable sources.
        unusable = {source: fault.message for source, fault in compared.unusable.items()}
        run = Run(_check_id(now), RunRequest(Trigger.CHECK, Mode.APPLY), now, unusable=unusable)
        ends = time.monotonic() + LONGEST.total_seconds()

        measured: list[Measured] = []
        for entry in registered:
            late = time.monotonic() > ends
            found = _not_looked_at(entry, now) if late else self._measure(run, entry)
            measured.append(self._with_date(found, compared.differs, now))
        return measured

    def _measure(self, run: Run, entry: RegisteredTable) -> Measured:
        """Compare the table as it stands with the last recorded versions."""
        entry, table_id = without_failed_rollbacks(entry, self.store.outcomes), entry.route_table_id
        try:
            table = self.azure.route_tables.read(table_id)
            planner = self.planning.planner_for(run, Mode.APPLY, table_id)(entry)
            found = preview(Pending(run.run_id, table_id), table, planner)
        except RouteSyncError as error:
            return Measured(entry=entry, right_at=run.started_at, fault=Finding.of(error))

        limit = self.azure.route_limits.routes(table_id.subscription_id, table.location)
        reading = Reading(table.location, len(table.routes), limit)
        status = replace(entry.status, subnet_ids=table.subnet_ids, reading=reading)
        return Measured(
            entry=replace(entry, status=status),
            right_at=run.started_at,
            outcome=found.outcome,
            routes=reading.routes,
            route_limit=limit,
        )

    def _with_date(self, found: Measured, differing: frozenset[Source], now: datetime) -> Measured:
        """Add the time at which the table was last found right, and record it on its row."""
        entry, outcome = found.entry, found.outcome
        current = differing.isdisjoint(entry.registration.sources)
        right = found.right and current
        since = entry.status.verified_at or entry.status.watched_since

        standing = Standing(
            subnet_ids=entry.status.subnet_ids,
            reading=entry.status.reading,
            verified_with=outcome.version_ids if outcome is not None and right else (),
            verified_at=now if right else None,
            watched_since=now if not right and since is None else None,
        )
        if standing != Standing():
            self.store.registrations.record(entry.route_table_id, standing)
        return found if right else replace(found, right_at=since or now)

    def _document(self, compared: Comparison, now: datetime) -> Document:
        """Return the published change numbers, and since when the checks have read these."""
        last = self.store.checks.latest()
        before = last.document if last else Document({}, now)

        # A location that does not answer now keeps the number that it had.
        numbers = {**before.change_numbers, **compared.change_numbers}
        return before if numbers == before.change_numbers else Document(numbers, now)


def _check_id(now: datetime) -> str:
    return f"check-{now:%Y%m%d%H%M%S%f}"


def _not_looked_at(entry: RegisteredTable, now: datetime) -> Measured:
    late = Finding(codes.NOT_LOOKED_AT, "the check had no time left for it")
    return Measured(entry=entry, right_at=now, fault=late)
