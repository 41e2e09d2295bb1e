"""The daily check: read everything once, say what is wrong, start a run where one would help."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ...domain import codes
from ...domain.addresses import Source
from ...domain.armid import RouteTableId
from ...domain.errors import RouteSyncError
from ...domain.findings import Finding
from ...domain.people.health import Alarm, Measured, Measurements, alarms, needs_run, summary
from ...domain.registry.registration import Registration
from ...domain.registry.state import Reading, Standing
from ...domain.runs.pending import Pending
from ...domain.runs.run import Mode, Run, RunRequest, Trigger
from ...domain.times import utc_text
from ..ports import Checks, Clock, Outcomes, Registrations, RouteLimits, RouteTables, Versions
from ..run.pull import Comparison, SourcePull
from ..table.planning import Planning
from ..table.reconcile import preview, without_vain_holds

LONGEST = timedelta(minutes=6)
"""A function may take ten minutes: tables not looked at by then are left to a run."""

type CreateRun = Callable[[RunRequest], Run]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has to say. `run_id` is of the run that it started."""

    check_id: str
    figures: Mapping[str, Any]
    alarms: tuple[Alarm, ...]
    run_id: str | None = None
    notice_due: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "checkId": self.check_id,
            **self.figures,
            "runId": self.run_id,
            "alarms": [alarm.to_json() for alarm in self.alarms],
        }


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

    def check(self) -> Checked:
        """One reading of the tags a location, and one a table. Nothing that is wrong with one
        table, or with one tag, keeps another from being looked at.
        """
        now = self._clock()
        check_id = f"check-{now:%Y%m%d%H%M%S%f}"
        registered = [r for r in self._registrations.list() if r.enabled]
        named = {tag for registration in registered for tag in registration.service_tags}
        tags = named or {self._default_service_tag}
        compared = self._pull.compare(tags)
        measured = self._measure_all(check_id, registered, compared, now)
        document = self._document(compared, now)
        found = Measurements(
            at=now,
            tables=measured,
            unusable=compared.unusable,
            document_since=datetime.fromisoformat(document["since"]),
            missing_settings=self._missing_settings,
            tag_scope=self._tag_scope,
            max_age_days=self._max_age_days,
        )
        asked = [
            m.registration.route_table_id
            for m in measured
            if needs_run(m, compared.differs, paused=self._paused)
        ]
        run = self._start(asked, len(registered), compared)
        newest = (self._versions.newest(tag) for tag in sorted(tags))
        checked = Checked(
            check_id,
            {
                **summary(found),
                "serviceTags": sorted(tags),
                "differs": sorted(compared.differs),
                "versions": [version.version_id for version in newest if version is not None],
                "document": document,
            },
            alarms(found),
            None if run is None else run.run_id,
            notice_due=self._notifies,
        )
        self._checks.put(checked.check_id, checked.to_json(), notice_due=checked.notice_due)
        return checked

    def _start(self, asked: Sequence[RouteTableId], count: int, compared: Comparison) -> Run | None:
        if not asked and not compared.differs:
            return None
        reasons = [
            *([f"{', '.join(sorted(compared.differs))} changed"] if compared.differs else []),
            *([f"{len(asked)} of {count} route tables need it"] if asked else []),
        ]
        every = len(asked) == count
        return self._create_run(
            RunRequest(
                Trigger.CHECK,
                Mode.APPLY,
                route_tables=() if every else tuple(asked),
                reason=f"daily check: {'; '.join(reasons)}",
            )
        )

    def _measure_all(
        self,
        check_id: str,
        registered: Sequence[Registration],
        compared: Comparison,
        now: datetime,
    ) -> list[Measured]:
        unusable = {source: fault.message for source, fault in compared.unusable.items()}
        request = RunRequest(Trigger.CHECK, Mode.APPLY)
        run = Run(check_id, request, now, unusable=unusable)
        ends = time.monotonic() + LONGEST.total_seconds()
        measured = []
        for registration in registered:
            if time.monotonic() > ends:
                late = Finding(codes.NOT_LOOKED_AT, "the check had no time left for it")
                found = Measured(registration=registration, right_at=now, fault=late)
            else:
                found = self._measure(run, registration)
            measured.append(self._dated(found, compared.differs, now))
        return measured

    def _measure(self, run: Run, registration: Registration) -> Measured:
        """As the table stands, against the last recorded versions."""
        table_id, now = registration.route_table_id, run.started_at
        registration = without_vain_holds(registration, self._outcomes)
        try:
            table = self._route_tables.read(table_id)
            planner = self._planning.planner_for(run, Mode.APPLY, table_id)(registration)
            found = preview(Pending(run.run_id, table_id), table, planner)
        except RouteSyncError as error:
            return Measured(registration=registration, right_at=now, fault=Finding.of(error))
        limit = self._route_limits.routes(table_id.subscription_id, table.location)
        reading = Reading(table.location, len(table.routes), limit)
        return Measured(
            registration=replace(registration, subnet_ids=table.subnet_ids, reading=reading),
            right_at=now,
            outcome=found.outcome,
            routes=reading.routes,
            route_limit=limit,
        )

    def _dated(self, found: Measured, differing: Collection[Source], now: datetime) -> Measured:
        """With when the table was last found right, which is noted on its row."""
        registration, outcome = found.registration, found.outcome
        since = registration.verified_at or registration.watched_since
        current = not any(source in differing for source in registration.sources)
        right = found.right and current
        standing = Standing(
            subnet_ids=registration.subnet_ids,
            reading=registration.reading,
            verified_with=outcome.version_ids if outcome is not None and right else (),
            verified_at=now if right else None,
            watched_since=now if not right and since is None else None,
        )
        if standing != Standing():
            self._registrations.record(registration.route_table_id, standing)
        return found if right else replace(found, right_at=since or now)

    def _document(self, compared: Comparison, now: datetime) -> dict[str, Any]:
        """The change numbers of what is published, and since when they are these."""
        last = self._checks.latest()
        before: dict[str, Any] = (
            last["document"] if last else {"changeNumbers": {}, "since": utc_text(now)}
        )
        numbers = {**before["changeNumbers"], **compared.change_numbers}
        changed = numbers != before["changeNumbers"]
        return {"changeNumbers": numbers, "since": utc_text(now) if changed else before["since"]}
