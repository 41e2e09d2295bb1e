"""Tell people about runs and checks: each at least once, even if an attempt is interrupted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from ...domain.armid import RouteTableId
from ...domain.errors import RowUnreadable
from ...domain.people.check_report import CheckReport
from ...domain.people.notices import Ledger, Notice, check_notice, run_notice
from ...domain.registry.registered_table import RegisteredTable
from ...domain.runs.run import Run
from ..ports import Clock, Store, Webhook

GIVEN_UP_AFTER = timedelta(days=3)
"""Nobody needs a notice that is older than that."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """A notice is marked as told only after it was sent, so an interrupted one is sent again."""

    store: Store
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
        outcomes = self.store.outcomes.list(run.run_id)
        ledger = self.store.ledgers.read()
        notice, told = run_notice(run, outcomes, ledger, self._last_run_ids(run))
        self._send(notice, told, ledger)
        self.store.runs.told(run)

    def _tell_check(self, check: CheckReport) -> None:
        registered = {
            r.route_table_id.key for r in self.store.registrations.list() if r.registration.enabled
        }
        ledger = self.store.ledgers.read()
        notice, told = check_notice(check, ledger, registered)
        self._send(notice, told, ledger)
        self.store.checks.told(check.check_id)

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

    def _send(self, notice: Notice | None, told: Ledger, before: Ledger) -> None:
        if notice is not None:
            self.webhook.send(notice)
        if told != before:
            self.store.ledgers.write(told)
