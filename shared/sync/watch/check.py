"""The daily check: read everything once, report what is wrong, and start a run if one helps."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ...domain import codes
from ...domain.addresses import Source
from ...domain.errors import RouteSyncError
from ...domain.findings import Finding
from ...domain.people.check_report import (
    MOST_LISTED,
    CheckReport,
    Document,
    Figures,
    checked_tables,
)
from ...domain.people.health import Measured, Measurements, alarms, needs_run
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.status import Reading, Standing
from ...domain.runs.pending import Pending
from ...domain.runs.run import Mode, Run, RunRequest, Trigger
from ..ports import Checks, Clock, Outcomes, Registrations, RouteLimits, RouteTables, Versions
from ..run.pull import Comparison, SourcePull
from ..table.planning import Planning
from ..table.reconcile import preview, without_vain_holds

LONGEST = timedelta(minutes=6)
"""A function may take ten minutes. The tables that are left by then are left to a run."""

type CreateRun = Callable[[RunRequest], Run]


class DailyCheck:
    def __init__(
        self,
        registrations: Registrations,
        versions: Versions,
        pull: SourcePull,
        route_tables: RouteTables,
        route_limits: RouteLimits,
        planning: Planning,
        outcomes: Outcomes,
        checks: Checks,
        create_run: CreateRun,
        clock: Clock,
        *,
        default_service_tag: str,
        tag_scope: str,
        missing_settings: Sequence[str],
        max_age_days: int,
        notifies: bool,
        paused: bool,
    ) -> None:
        self._registrations = registrations
        self._versions = versions
        self._pull = pull
        self._route_tables = route_tables
        self._route_limits = route_limits
        self._planning = planning
        self._outcomes = outcomes
        self._checks = checks
        self._create_run = create_run
        self._clock = clock
        self._default_service_tag = default_service_tag
        self._tag_scope = tag_scope
        self._missing_settings = missing_settings
        self._max_age_days = max_age_days
        self._notifies = notifies
        self._paused = paused

    def check(self) -> CheckReport:
        """Read the tags once at each location, and each table once; store and return the report.

        A fault of one table or one tag does not keep the others from being looked at.
        """
        now = self._clock()
        check_id = f"check-{now:%Y%m%d%H%M%S%f}"
        registered = [one for one in self._registrations.list() if one.registration.enabled]
        named = {tag for one in registered for tag in one.registration.service_tags}
        tags = sorted(named or {self._default_service_tag})

        compared = self._pull.compare(tags)
        measured = self._measure_all(check_id, registered, compared, now)
        document = self._document(compared, now)
        found = Measurements(
            at=now,
            tables=measured,
            unusable=compared.unusable,
            document_since=document.since,
            missing_settings=self._missing_settings,
            tag_scope=self._tag_scope,
            max_age_days=self._max_age_days,
        )

        run = self._start_run(measured, compared)
        tables = checked_tables(found)
        newest = (self._versions.newest(tag) for tag in tags)
        report = CheckReport(
            check_id=check_id,
            at=now,
            figures=Figures.of(tables),
            tables=tuple(tables[:MOST_LISTED]),
            service_tags=tuple(tags),
            differs=tuple(sorted(compared.differs)),
            unusable=compared.unusable,
            versions=tuple(version.version_id for version in newest if version is not None),
            document=document,
            alarms=alarms(found),
            run_id=None if run is None else run.run_id,
        )
        self._checks.put(report, notice_due=self._notifies)
        return report

    def _start_run(self, measured: Sequence[Measured], compared: Comparison) -> Run | None:
        """Start a run if a tag differs or if a table needs one."""
        differs = ", ".join(sorted(compared.differs))
        asked = [
            each.entry.route_table_id
            for each in measured
            if needs_run(each, compared.differs, paused=self._paused)
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
        return self._create_run(request)

    def _measure_all(
        self,
        check_id: str,
        registered: Sequence[RegisteredTable],
        compared: Comparison,
        now: datetime,
    ) -> list[Measured]:
        unusable = {source: fault.message for source, fault in compared.unusable.items()}
        request = RunRequest(Trigger.CHECK, Mode.APPLY)
        run = Run(check_id, request, now, unusable=unusable)
        ends = time.monotonic() + LONGEST.total_seconds()
        measured = []
        for entry in registered:
            if time.monotonic() > ends:
                late = Finding(codes.NOT_LOOKED_AT, "the check had no time left for it")
                found = Measured(entry=entry, right_at=now, fault=late)
            else:
                found = self._measure(run, entry)
            measured.append(self._dated(found, compared.differs, now))
        return measured

    def _measure(self, run: Run, entry: RegisteredTable) -> Measured:
        """As the table stands, against the last recorded versions."""
        table_id, now = entry.route_table_id, run.started_at
        entry = without_vain_holds(entry, self._outcomes)
        try:
            table = self._route_tables.read(table_id)
            planner = self._planning.planner_for(run, Mode.APPLY, table_id)(entry)
            found = preview(Pending(run.run_id, table_id), table, planner)
        except RouteSyncError as error:
            return Measured(entry=entry, right_at=now, fault=Finding.of(error))
        limit = self._route_limits.routes(table_id.subscription_id, table.location)
        reading = Reading(table.location, len(table.routes), limit)
        status = replace(entry.status, subnet_ids=table.subnet_ids, reading=reading)
        return Measured(
            entry=replace(entry, status=status),
            right_at=now,
            outcome=found.outcome,
            routes=reading.routes,
            route_limit=limit,
        )

    def _dated(self, found: Measured, differing: Collection[Source], now: datetime) -> Measured:
        """With when the table was last found right, which is noted on its row."""
        entry, outcome = found.entry, found.outcome
        since = entry.status.verified_at or entry.status.watched_since
        current = not any(source in differing for source in entry.registration.sources)
        right = found.right and current
        standing = Standing(
            subnet_ids=entry.status.subnet_ids,
            reading=entry.status.reading,
            verified_with=outcome.version_ids if outcome is not None and right else (),
            verified_at=now if right else None,
            watched_since=now if not right and since is None else None,
        )
        if standing != Standing():
            self._registrations.record(entry.route_table_id, standing)
        return found if right else replace(found, right_at=since or now)

    def _document(self, compared: Comparison, now: datetime) -> Document:
        """Return the published change numbers, and since when the checks have read these."""
        last = self._checks.latest()
        before = last.document if last else Document({}, now)

        # A location that does not answer now keeps the number that it had.
        numbers = {**before.change_numbers, **compared.change_numbers}
        return before if numbers == before.change_numbers else Document(numbers, now)
