"""Tell people about runs and checks: each at least once, even if an attempt is interrupted."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from ...domain.armid import RouteTableId
from ...domain.errors import RowUnreadable
from ...domain.people.check_report import CheckReport
from ...domain.people.faults import check_notice, run_notice
from ...domain.people.membership import membership_notice
from ...domain.people.notices import (
    MOST_REMEMBERED,
    OVERVIEW,
    Ledger,
    Notice,
    Waiting,
    end_of,
    is_asked_plan,
    page_of,
)
from ...domain.people.tag_changes import TagVersion, history_of, tag_notice
from ...domain.people.waiting import check_waits, run_waits, waiting_in
from ...domain.registry.registered_table import RegisteredTable
from ...domain.runs.outcome import OutcomeStatus
from ...domain.runs.run import Run
from ..policy import Policy
from ..ports import Clock, Store, Webhook

GIVEN_UP_AFTER = timedelta(days=3)
"""Nobody needs a notice that is older than that."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """A notice is marked as told only after it was sent, so an interrupted one is sent again."""

    store: Store
    policy: Policy
    clock: Clock
    webhook: Webhook

    def tell(self, notice_id: str) -> None:
        """Tell people about this run or check, if that is due.

        Raise TransientError if it is not possible now.
        """
        run = self.store.runs.get(notice_id)
        if run is not None:
            self._tell_run(run)
            return
        check, due = self.store.checks.get(notice_id) or (None, False)
        if check is not None and due:
            self._tell_check(check)

    def due(self) -> Iterator[str]:
        """List the ids of the runs and checks that people are still to be told about."""
        since = self.clock() - GIVEN_UP_AFTER
        yield from (run.run_id for run in self.store.runs.due(since=since))
        yield from self.store.checks.due(since=since)

    def _tell_run(self, run: Run) -> None:
        if not run.notice_due:
            return
        # A plan that a person asked for is read by that person.
        if not is_asked_plan(run):
            self._tell_ended(run)
        self.store.runs.told(run)

    def _tell_ended(self, run: Run) -> None:
        outcomes = self.store.outcomes.list(run.run_id)
        last, paused = self._last_run_ids(run), self.policy.paused
        ledger = self.store.ledgers.read()

        # The ledger is written after each notice, so that none is sent again if the next one fails.
        ledger = self._send(*self._tags_of_run(run, ledger), ledger)
        ledger = self._send(*run_waits(run, outcomes, ledger, last, paused=paused), ledger)
        self._send(*run_notice(run, outcomes, ledger, last), ledger)

    def _tell_check(self, check: CheckReport) -> None:
        tables = [one for one in self.store.registrations.list() if one.registration.enabled]
        registered = {table.route_table_id.key for table in tables}
        ledger, paused = self.store.ledgers.read(), self.policy.paused

        ledger = self._send(*self._tags_of_check(check, ledger), ledger)
        ledger = self._send(*membership_notice(check, ledger), ledger)
        untold = dict(itertools.islice(self._untold(tables, ledger), MOST_REMEMBERED))
        waits = check_waits(check, ledger, untold, registered, paused=paused)
        ledger = self._send(*waits, ledger)
        self._send(*check_notice(check, ledger, registered, paused=paused), ledger)
        self.store.checks.told(check.check_id)

    def _tags_of_run(self, run: Run, ledger: Ledger) -> tuple[Notice | None, Ledger]:
        ids = [seen.version_id for seen in run.versions if seen.service_tag is not None]
        newest = list(self._newest(ids, ledger, recorded_by=run.run_id))
        return tag_notice(run.run_id, end_of(run), page_of(run.run_id), newest, ledger)

    def _tags_of_check(self, check: CheckReport, ledger: Ledger) -> tuple[Notice | None, Ledger]:
        """Tell what no run has told: a plan that a person asks for records a version as well."""
        newest = list(self._newest(check.versions, ledger))
        return tag_notice(check.check_id, check.at, OVERVIEW, newest, ledger)

    def _newest(
        self, version_ids: Iterable[str], ledger: Ledger, *, recorded_by: str = ""
    ) -> Iterator[TagVersion]:
        """Yield those of the versions that are newer than what people were told."""
        for version_id in version_ids:
            told = ledger.versions.get(history_of(version_id), "")
            version = self.store.versions.get(version_id) if version_id > told else None
            if version is None:
                continue

            # If people were never told of this tag, only the run that recorded the version knows
            # that it is new.
            if not told and version.run_id == recorded_by:
                told = version.previous_version_id or ""
            yield TagVersion(version, self.store.versions.get(told) if told else None)

    def _untold(
        self, tables: Iterable[RegisteredTable], ledger: Ledger
    ) -> Iterator[tuple[str, Waiting]]:
        """Yield what waits since a run of which nobody was told, by the table's key.

        Its notice was given up, or whoever started the run had no webhook.
        """
        for table in tables:
            key, last = table.route_table_id.key, table.status.last_outcome
            known = ledger.waiting.get(key)
            if last is None or last.status is not OutcomeStatus.PLANNED:
                continue
            if known is not None and known.item.run_id == last.run_id:
                continue

            outcome = self.store.outcomes.get(last.run_id, table.route_table_id)
            if outcome is not None and outcome.waiting:
                since = known.item.since if known else None
                yield key, waiting_in(last.run_id, outcome, since or last.at)

    def _last_run_ids(self, run: Run) -> dict[str, str]:
        ids = run.request.route_tables
        found = (self._registered(i) for i in ids) if ids else self.store.registrations.list()
        return {
            r.route_table_id.key: r.status.last_outcome.run_id
            for r in found
            if r is not None and r.status.last_outcome is not None
        }

    def _registered(self, route_table_id: RouteTableId) -> RegisteredTable | None:
        try:
            return self.store.registrations.get(route_table_id)
        except RowUnreadable:
            return None

    def _send(self, notice: Notice | None, told: Ledger, before: Ledger) -> Ledger:
        """Send the notice, if there is one, and return the ledger as it is stored then."""
        if notice is not None:
            self.webhook.send(notice)
        return before if told == before else self.store.ledgers.write(told)
