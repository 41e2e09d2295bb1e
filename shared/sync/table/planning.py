"""Which planner a run's action needs, and what it needs to know before it plans."""

from dataclasses import dataclass, replace

from ...domain import codes
from ...domain.armid import RouteTableId
from ...domain.errors import PermanentError
from ...domain.registry.holds import held_at
from ...domain.registry.registered_table import RegisteredTable
from ...domain.routing.changes import Changes
from ...domain.routing.judgement import Approval
from ...domain.routing.policy import ApplyPolicy, strictest
from ...domain.runs.run import Action, Mode, Run
from ..policy import Policy
from ..ports import Azure, Clock, Store
from .planners.adoption import AdoptionPlanner
from .planners.guards import Guards
from .planners.proposal import MakePlanner, Planner
from .planners.removal import RemovalPlanner
from .planners.rollback import RollbackPlanner
from .planners.sync import SyncPlanner
from .sources import Sources


@dataclass(frozen=True, slots=True)
class Planning:
    """Makes the planner of one table in two steps.

    A delivery first calls `planner_for` with its run. It then reads the table, and only then calls
    the result with the registration; this second step reads the newest versions. If somebody else
    brings the table to a newer version after we have read it, its ETag refuses our write, and we
    plan it again with that version.
    """

    store: Store
    azure: Azure
    policy: Policy
    clock: Clock

    def planner_for(
        self, run: Run, mode: Mode, table: RouteTableId, *, is_new: bool = False
    ) -> MakePlanner:
        """Return the second step for the run's action. `is_new` is true if the run makes the table.

        Raise PermanentError if the run applies a plan run that has no plan of this table, or rolls
        back a run whose outcome is no longer kept.
        """
        match run.request.action:
            case Action.ADOPT:
                approval = self._approval(run, table)
                return lambda entry: self._adoption_planner(run, approval, entry)
            case Action.REMOVE:
                return lambda entry: RemovalPlanner(self._guards, entry)
            case Action.ROLLBACK:
                done = self._done(run, table)
                return lambda entry: self._rollback_planner(run, done, entry)
            case Action.SYNC | Action.PROVISION:
                asked = is_new or mode is Mode.PLAN
                return self._make_sync_planner(run, table, asked=asked)
            case Action.DISCOVER | Action.CHECK:
                raise ValueError("a run that only looks around plans no table")

    @property
    def _guards(self) -> Guards:
        return Guards(self.azure.route_limits, self.policy)

    @property
    def _sources(self) -> Sources:
        return Sources(self.store.versions, self.policy)

    def _done(self, run: Run, table: RouteTableId) -> Changes:
        """Return what the run that is rolled back did to the table."""
        run_id = run.request.rolled_back_run_id or ""
        outcome = self.store.outcomes.get(run_id, table)
        if outcome is None:
            message = f"run {run_id} has no outcome of this table any more, so nothing is undone"
            raise PermanentError(codes.RUN_NOT_FOUND, message)
        return outcome.changes

    def _approval(self, run: Run, table: RouteTableId) -> Approval | None:
        plan_run_id = run.request.plan_run_id
        if plan_run_id is None:
            return None
        planned = self.store.outcomes.get(plan_run_id, table)
        if planned is None:
            raise PermanentError(codes.NOT_PLANNED, f"run {plan_run_id} has no plan of this table")
        return planned.approval

    def _adoption_planner(
        self, run: Run, approval: Approval | None, entry: RegisteredTable
    ) -> Planner:
        return AdoptionPlanner(
            self._guards,
            entry,
            self._sources.wanted(run, entry),
            known=self._sources.ever_wanted(entry),
            from_owner=run.request.from_owner,
            approval=approval,
            holds=held_at(entry.status.holds, self.clock()),
        )

    def _rollback_planner(self, run: Run, done: Changes, entry: RegisteredTable) -> Planner:
        tags = self._sources.tags(entry)
        return RollbackPlanner(self._guards, run, done, entry, tags, self.clock())

    def _make_sync_planner(self, run: Run, table: RouteTableId, *, asked: bool) -> MakePlanner:
        approval = self._approval(run, table)
        return lambda entry: self._sync_planner(run, approval, entry, asked=asked)

    def _sync_planner(
        self, run: Run, approval: Approval | None, entry: RegisteredTable, *, asked: bool
    ) -> Planner:
        """A plan writes nothing, and a person has `asked` for what is made, or has approved it."""
        asked = asked or approval is not None
        apply_policy = ApplyPolicy.AUTO if asked else self._apply_policy(entry)
        return SyncPlanner(
            guards=replace(self._guards, apply_policy=apply_policy),
            sources=self._sources,
            clock=self.clock,
            run=run,
            approval=approval,
            entry=entry,
            wanted=self._sources.wanted(run, entry),
        )

    def _apply_policy(self, entry: RegisteredTable) -> ApplyPolicy:
        of_table = entry.registration.apply_policy or ApplyPolicy.AUTO
        return strictest(self.policy.apply_policy, of_table)
