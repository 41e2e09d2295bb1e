"""Tell people of runs and checks, each at least once, whatever becomes of the attempt before."""

from collections.abc import Iterator
from datetime import timedelta

from ...domain.people.notices import Ledger, Notice, of_check, of_run
from ...domain.runs.run import Run
from ..ports import Checks, Clock, Ledgers, Outcomes, Registrations, Runs, Webhook

GIVEN_UP_AFTER = timedelta(days=3)
"""What could not be told for so long is old news."""


class Notifier:
    """What is due is marked as told only after it was: a repeated delivery tells it again."""

    def __init__(
        self,
        runs: Runs,
        checks: Checks,
        outcomes: Outcomes,
        registrations: Registrations,
        ledgers: Ledgers,
        webhook: Webhook,
        clock: Clock,
    ) -> None:
        self._runs = runs
        self._checks = checks
        self._outcomes = outcomes
        self._registrations = registrations
        self._ledgers = ledgers
        self._webhook = webhook
        self._clock = clock

    def tell(self, notice_id: str) -> None:
        """Of a run or check that is due. Raise TransientError where it could not be told now."""
        run = self._runs.get(notice_id)
        if run is not None:
            self._tell_run(run)
            return
        check = self._checks.get(notice_id)
        if check is not None and check[1]:
            registered = {r.route_table_id.key for r in self._registrations.list() if r.enabled}
            ledger = self._ledgers.read()
            self._send(*of_check(check[0], ledger, registered), ledger)
            self._checks.told(notice_id)

    def due(self) -> Iterator[str]:
        """Ids of runs and checks that are still to be told of."""
        since = self._clock() - GIVEN_UP_AFTER
        yield from (run.run_id for run in self._runs.due(since=since))
        yield from self._checks.due(since=since)

    def _tell_run(self, run: Run) -> None:
        if not run.notice_due:
            return
        outcomes = self._outcomes.list(run.run_id)
        ledger = self._ledgers.read()
        self._send(*of_run(run, outcomes, ledger, self._last_run_ids(run)), ledger)
        self._runs.told(run)

    def _last_run_ids(self, run: Run) -> dict[str, str]:
        ids = run.request.route_tables
        found = (self._registrations.get(i) for i in ids) if ids else self._registrations.list()
        return {
            r.route_table_id.key: r.last_outcome.run_id
            for r in found
            if r is not None and r.last_outcome is not None
        }

    def _send(self, notice: Notice | None, told: Ledger, before: Ledger) -> None:
        if notice is not None:
            self._webhook.send(notice)
        if told != before:
            self._ledgers.write(told)
