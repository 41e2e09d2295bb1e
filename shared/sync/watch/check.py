"""The daily check: read everything once, report what is wrong, and start a run if one helps."""

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from ...domain import codes
from ...domain.addresses import Source
from ...domain.armid import RouteTableId
from ...domain.findings import Finding
from ...domain.people.check_report import CheckReport, check_id_of
from ...domain.people.health import Document, Measured, Measurements, needs_run
from ...domain.people.membership import Membership
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.status import Reading, Status, TableNews
from ...domain.routing.routes import RouteTable
from ...domain.runs.outcome import Outcome
from ...domain.runs.pending import Pending
from ...domain.runs.run import Mode, Run, RunRequest, Trigger, run_id_of
from ..policy import Policy
from ..ports import Azure, Clock, Store
from ..run.pull import Comparison, SourcePull
from ..run.read_once import VersionsReadOnce
from ..run.services import renewed
from ..table.planning import Planning
from ..table.progress import preview

LONGEST = timedelta(minutes=2)
"""An invocation may take 200 s. The tables that are left by then are left to a run."""

type CreateRun = Callable[[RunRequest, str], Run]
"""Write the requested run under this id, unless a run has this id already."""

type FollowTags = Callable[[], Membership]
"""Bring the registrations to the Azure tags of the route tables."""


@dataclass(frozen=True, slots=True)
class DailyCheck:
    store: Store
    policy: Policy
    clock: Clock
    pull: SourcePull
    planning: Planning
    create_run: CreateRun
    follow_tags: FollowTags

    @property
    def azure(self) -> Azure:
        return self.planning.azure

    def check(self, asked: Run | None = None) -> CheckReport:
        """Read the tags once at each location, and each table once; store and return the report.

        An error of one table or one tag does not keep the others from being looked at. A check for
        which somebody `asked` can be repeated: its report has one id, and it starts one run.
        """
        now, ends = self.clock(), time.monotonic() + LONGEST.total_seconds()
        membership = self._membership(asked)
        registered = [one for one in self.store.registrations.list() if one.registration.enabled]
        wanted = renewed(registered, self.pull)
        once = replace(self.store, versions=VersionsReadOnce(self.store.versions))
        compared = self._compare((*registered, *wanted), once)

        measured = self._measure_all(registered, compared, once, now, ends)
        in_need = self._in_need(measured, compared, wanted)
        run_id = self._start_run(in_need, len(measured), compared, asked)
        found = self._measurements(measured, compared, now)
        report = self._report(found, self._tags(registered), compared, once, run_id)
        return self._kept(_with_membership(report, membership), asked)

    def _membership(self, asked: Run | None) -> Membership:
        """The command line sees what a person sees, and a look must not write."""
        by_person = asked is not None and asked.request.trigger is Trigger.CLI
        if by_person or not self.policy.discovers_by_tag:
            return Membership()
        return self.follow_tags()

    def _kept(self, report: CheckReport, asked: Run | None) -> CheckReport:
        if asked is None:
            self.store.checks.put(report, notice_due=self.policy.notifies)
            return report

        report = replace(report, check_id=check_id_of(asked.started_at))
        by_app = asked.request.trigger is not Trigger.CLI
        self.store.checks.add(report, notice_due=self.policy.notifies, by_app=by_app)
        return report

    def _compare(self, entries: Sequence[RegisteredTable], once: Store) -> Comparison:
        pull = replace(self.pull, store=once)
        compared = pull.compare(self._tags(entries), also=self.policy.listed_tags)
        if compared.standings:  # if no location was asked, how each stood before is still true
            self.store.locations.write(compared.standings)
        return compared

    def _tags(self, registered: Sequence[RegisteredTable]) -> Sequence[Source]:
        named = {tag for one in registered for tag in one.registration.service_tags}
        return sorted(named or {self.policy.default_service_tag})

    def _measurements(
        self, measured: Sequence[Measured], compared: Comparison, now: datetime
    ) -> Measurements:
        return Measurements(
            at=now,
            tables=measured,
            unusable=compared.unusable,
            noted=compared.noted,
            document=Document.of(compared.standings, now),
            missing_settings=self.policy.missing_schedules,
            wrong_schedules=self.policy.wrong_schedules,
            tag_scope=f"/subscriptions/{self.policy.service_tag_subscription_id}",
            max_age_days=self.policy.max_age_days,
        )

    def _report(
        self,
        found: Measurements,
        tags: Sequence[Source],
        compared: Comparison,
        once: Store,
        run_id: str | None,
    ) -> CheckReport:
        newest = [once.versions.newest(tag) for tag in tags]
        return replace(
            CheckReport.of(found),
            service_tags=tuple(tags),
            differs=tuple(sorted(compared.differs)),
            versions=tuple(version.version_id for version in newest if version is not None),
            run_id=run_id,
        )

    def _start_run(
        self,
        in_need: Collection[RouteTableId],
        count: int,
        compared: Comparison,
        asked: Run | None,
    ) -> str | None:
        """Start a run if a tag differs or if a table of `count` needs one, and return its id."""
        is_needed = bool(in_need or compared.differs)
        run_id = self._run_id(asked, is_needed=is_needed)
        if run_id is not None and is_needed:
            reason = _reason(compared.differs, len(in_need), count)
            # A request without tables is about all, also those that are registered meanwhile.
            tables = () if len(in_need) == count else tuple(in_need)
            self.create_run(_request(tables, reason, asked), run_id)
        return run_id

    def _in_need(
        self,
        measured: Sequence[Measured],
        compared: Comparison,
        wanted: Iterable[RegisteredTable],
    ) -> list[RouteTableId]:
        """Return the tables that a run would help, also to other tags of their services."""
        renewed_to = {one.route_table_id: one.registration for one in wanted}
        return [
            each.entry.route_table_id
            for each in measured
            if each.entry.registration != renewed_to[each.entry.route_table_id]
            or needs_run(each, compared.differs, paused=self.policy.paused)
        ]

    def _run_id(self, asked: Run | None, *, is_needed: bool) -> str | None:
        """Return the id of the run to start, or of the one that was started already.

        The command line starts none: nobody would go on with it, and a look must not write.
        """
        new = run_id_of(self.clock(), secrets.token_hex(4))
        if asked is None:
            return new if is_needed else None
        if asked.request.trigger is Trigger.CLI:
            return None

        # The claim says which run it is, whatever an earlier attempt has found to be wrong.
        known = self.store.claims.claimed(asked.run_id)
        if known is None and is_needed:
            return self.store.claims.claim(asked.run_id, new)
        return known

    def _measure_all(
        self,
        registered: Sequence[RegisteredTable],
        compared: Comparison,
        once: Store,
        now: datetime,
        ends: float,
    ) -> list[Measured]:
        # The planner wants a run, of which it reads the mode and the unusable sources.
        unusable = {source: error.message for source, error in compared.unusable.items()}
        asked = RunRequest(Trigger.CHECK, Mode.APPLY)
        run = Run(check_id_of(now), asked, now, unusable=unusable, noted=compared.noted)
        planning = replace(self.planning, store=once)

        measured: list[Measured] = []
        for entry in registered:
            late = time.monotonic() > ends
            found = _not_looked_at(entry, now) if late else self._measure(run, entry, planning)
            measured.append(self._with_date(found, compared.differs, now))
        return measured

    def _measure(self, run: Run, entry: RegisteredTable, planning: Planning) -> Measured:
        """Compare the table as it stands with the last recorded versions."""
        found = Measured(entry=entry, right_at=run.started_at, error=entry.unreadable)
        if entry.unreadable is not None:
            return found

        entry = self._with_environment(entry)
        found = replace(found, entry=entry)
        try:
            table = self.azure.route_tables.read(entry.route_table_id)
            outcome = _previewed(planning, run, entry, table)
            return self._with_reading(replace(found, outcome=outcome), table)
        except Exception as error:  # whatever it is, it is this table's failure alone
            return replace(found, error=Finding.of(error))

    def _with_environment(self, entry: RegisteredTable) -> RegisteredTable:
        """Add whether the table's environment is suspended, if that can be read now."""
        ase_id = entry.registration.ase_id
        try:
            suspended = ase_id is not None and self.azure.environments.read(ase_id).suspended
        except Exception:  # whatever it is, each run reports why the environment cannot be read
            return entry
        return replace(entry, status=replace(entry.status, suspended=suspended))

    def _with_reading(self, found: Measured, table: RouteTable) -> Measured:
        """Add the place and the size of the table, and its subnets."""
        entry = found.entry
        subscription_id = entry.route_table_id.subscription_id
        limit = self.azure.route_limits.routes(subscription_id, table.location)

        reading = Reading(table.location, len(table.routes), limit)
        status = replace(entry.status, subnet_ids=table.subnet_ids, reading=reading)
        entry = replace(entry, status=status)
        return replace(found, entry=entry, routes=reading.routes, route_limit=limit)

    def _with_date(self, found: Measured, differing: frozenset[Source], now: datetime) -> Measured:
        """Add the time at which the table was last found right, and record it on its row."""
        entry = found.entry
        since = entry.status.known_since(now)

        # A table that agrees with an outdated version may still lack a new address.
        right = found.right and differing.isdisjoint(entry.registration.following)
        news = _verified(found, now) if right else _not_verified(entry.status, now)
        if news != TableNews() and entry.unreadable is None:
            change = partial(RegisteredTable.with_news, news=news)
            self.store.registrations.change(entry.route_table_id, change)
        return found if right else replace(found, right_at=since or now)


def _request(tables: tuple[RouteTableId, ...], reason: str, asked: Run | None) -> RunRequest:
    by = None if asked is None else asked.request.requested_by
    return RunRequest(
        Trigger.CHECK, Mode.APPLY, route_tables=tables, reason=reason, requested_by=by
    )


def _with_membership(report: CheckReport, membership: Membership) -> CheckReport:
    return replace(
        report,
        alarms=(*report.alarms, *membership.alarms),
        tag_changes=membership.changes,
        tags_not_read=membership.not_read,
    )


def _reason(differs: Collection[Source], in_need: int, count: int) -> str:
    reasons = [f"{', '.join(sorted(differs))} changed"] if differs else []
    if in_need:
        reasons.append(f"{in_need} of {count} route tables need it")
    return f"daily check: {'; '.join(reasons)}"


def _verified(found: Measured, now: datetime) -> TableNews:
    status, outcome = found.entry.status, found.outcome
    return TableNews(
        subnet_ids=status.subnet_ids,
        reading=status.reading,
        suspended=status.suspended,
        applied_version_ids=outcome.version_ids if outcome else (),
        verified_at=now,
    )


def _not_verified(status: Status, now: datetime) -> TableNews:
    return TableNews(
        subnet_ids=status.subnet_ids,
        reading=status.reading,
        suspended=status.suspended,
        watched_since=None if status.known_since(now) else now,
    )


def _previewed(planning: Planning, run: Run, entry: RegisteredTable, table: RouteTable) -> Outcome:
    table_id = entry.route_table_id
    planner = planning.planner_for(run, Mode.APPLY, table_id)(entry)
    return preview(Pending(run.run_id, table_id), table, planner).outcome


def _not_looked_at(entry: RegisteredTable, now: datetime) -> Measured:
    late = Finding(codes.NOT_LOOKED_AT, "the check had no time left for it")
    return Measured(entry=entry, right_at=now, error=late)
