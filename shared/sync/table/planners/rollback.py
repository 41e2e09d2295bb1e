"""Put back what a run changed, and hold it until a release."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ....domain import codes
from ....domain.findings import Finding
from ....domain.registry.holds import Hold, held_at, open_holds
from ....domain.registry.registered_table import RegisteredTable
from ....domain.routing.changes import Changes
from ....domain.routing.handover import make_rollback
from ....domain.routing.judgement import Judgement, Replan
from ....domain.routing.plan import Plan
from ....domain.routing.routes import RouteTable
from ....domain.routing.safety import judge
from ....domain.runs.run import Run
from .guards import Guards
from .proposal import Proposal, held_findings


@dataclass(frozen=True, slots=True)
class RollbackPlanner:
    """`done` are the changes of the run that is rolled back, and `tags` what each tag contains.

    `now` decides which holds of earlier rollbacks count.
    """

    guards: Guards
    run: Run
    done: Changes
    entry: RegisteredTable
    tags: Mapping[str, Collection[str]]
    now: datetime

    def propose(self, table: RouteTable, written: Changes) -> Proposal:
        """Plan the rollback. Raise PermanentError `MOVED_ON` if somebody has changed the table."""
        draft = self.guards.draft(table, self._replan(table))
        limits = replace(
            self.guards.limits(draft, self.entry),
            tags=self.tags,
            forced=frozenset(self.run.request.force),
        )

        judgement = judge(draft, limits, written)
        holds = self._new_holds(judgement)
        held = held_at((*self.entry.status.holds, *holds), self.now)
        rollback = Finding(
            codes.ROLLBACK, f"the changes of run {self._rolled_back_run_id} are undone"
        )
        return Proposal(judgement.with_more((rollback, *held_findings(held))), holds=holds)

    @property
    def _rolled_back_run_id(self) -> str:
        return self.run.request.rolled_back_run_id or ""

    def _replan(self, table: RouteTable) -> Replan:
        owner = self.guards.policy.owner
        holds = held_at(self.entry.status.holds, self.now)
        back_already = {h.prefix for h in holds if h.rolled_back_run_id == self._rolled_back_run_id}

        def replan(spared: Collection[str], _yielding: Collection[str]) -> Plan:
            return make_rollback(
                table, self.done, owner=owner, back_already=back_already, spared=spared
            )

        return replan

    def _new_holds(self, judgement: Judgement) -> tuple[Hold, ...]:
        put_back = self.done.without({change.prefix for change in judgement.withheld})
        return open_holds(
            put_back,
            owner=self.guards.policy.owner,
            rolled_back_run_id=self._rolled_back_run_id,
            rollback_run_id=self.run.run_id,
            since=self.run.started_at,
        )
