"""The only way an outcome becomes final: on the table's own row, in its run and in the log."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from ...domain.armid import RouteTableId
from ...domain.errors import RowUnreadable
from ...domain.registry.history import Entry
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.status import LastOutcome, TableNews
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.pending import Pending
from ...domain.runs.run import Action, Mode, Run
from ..policy import Policy
from ..ports import Clock, Store


@dataclass(frozen=True, slots=True)
class Settlement:
    """Make outcomes final.

    While the app is `paused`, plans count as a table's last outcome as well.
    """

    store: Store
    policy: Policy
    clock: Clock
    on_outcome: Callable[[Run, Outcome], None]

    def settle(
        self,
        run: Run,
        pending: Pending,
        outcome: Outcome,
        news: TableNews | None = None,
        entry: RegisteredTable | None = None,
        *,
        poisoned: bool = False,
        stays: bool = False,
    ) -> None:
        """Record the outcome in the place of `pending`.

        If the table `stays` as it was, its own row does too. `entry` is that row as it was last
        read, if it was. Raise ConcurrentUpdate if `pending` has been saved since it was read.
        """
        if not stays:
            known = news or TableNews()
            if run.request.mode is Mode.APPLY or self.policy.paused:
                known = self._with_outcome(known, run, outcome, poisoned=poisoned)
            self._note(known, outcome, entry)

        self.store.outcomes.settle(pending, outcome)
        self.on_outcome(run, outcome)
        self.close_holds(run, pending.route_table_id)

    def _note(self, known: TableNews, outcome: Outcome, last_read: RegisteredTable | None) -> None:
        """Note on the table's own row what is newly known."""

        def noted(entry: RegisteredTable) -> RegisteredTable:
            # What a run wrote before it failed is ours as well: nobody else has made or undone it.
            failed = outcome.status is OutcomeStatus.FAILED
            left = entry.with_written(outcome.added, outcome.removed) if failed else entry
            return left.with_news(known)

        if known != TableNews():
            self._change(outcome.route_table_id, noted, last_read)

    def _with_outcome(
        self, news: TableNews, run: Run, outcome: Outcome, *, poisoned: bool
    ) -> TableNews:
        """Add what a list of tables shows of the outcome, and the entry for the history."""
        at = self.clock()
        last = LastOutcome.of(run.run_id, outcome, at, poisoned=poisoned)
        return replace(news, outcome=last, entry=Entry.of(run, outcome, at))

    def close_holds(self, run: Run, route_table_id: RouteTableId) -> None:
        """If this rollback is settled, what it put back is held; if it has failed, nothing is.

        Safe to repeat: a worker may stop between the outcome and this.
        """
        if run.request.action is not Action.ROLLBACK:
            return
        outcome = self.store.outcomes.get(run.run_id, route_table_id)
        if outcome is None:
            return

        # It may have noted what it was going to hold, and was blocked when it planned again.
        blocked = outcome.status is OutcomeStatus.BLOCKED and not outcome.changes
        failed = blocked or outcome.status is OutcomeStatus.FAILED
        self._change(
            route_table_id,
            partial(RegisteredTable.with_closed_holds, rollback_run_id=run.run_id, failed=failed),
        )

    def _change(
        self,
        route_table_id: RouteTableId,
        change: Callable[[RegisteredTable], RegisteredTable],
        last_read: RegisteredTable | None = None,
    ) -> None:
        # If the row cannot be read, the outcome says so, and nothing can be added to the row.
        with suppress(RowUnreadable):
            self.store.registrations.change(route_table_id, change, last_read)
