"""Which planner a run's action needs, and what it needs to know before it plans."""

from dataclasses import dataclass

from ...domain import codes
from ...domain.armid import RouteTableId
from ...domain.errors import PermanentError
from ...domain.registry.registration import Registration
from ...domain.routing.changes import Changes
from ...domain.routing.judgement import Approval
from ...domain.runs.run import Action, Mode, Run
from ..policy import Policy
from ..ports import Clock, Outcomes, RouteLimits
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

    A delivery first asks `planner_for` for its action. It then reads the table, and only then gives
    the registration: at that moment the planner reads the newest versions. If somebody brings the
    table to a newer version between the two readings, the table's ETag refuses our write, and the
    table is planned again with that version.
    """

    sources: Sources
    outcomes: Outcomes
    route_limits: RouteLimits
    clock: Clock
    policy: Policy

    def planner_for(self, run: Run, mode: Mode, table: RouteTableId) -> MakePlanner:
        """Choose by the run's action.

        Raise PermanentError if the run applies a plan run that has no plan of this table.
        """
        match run.request.action:
            case Action.ADOPT:
                return lambda registration: self._adoption(run, registration)
            case Action.REMOVE:
                return lambda registration: RemovalPlanner(self._guards, registration)
            case Action.ROLLBACK:
                done = self._done(run, table)
                return lambda registration: self._rollback(run, done, registration)
            case Action.SYNC | Action.PROVISION:
                approval = self._approval(run, table)
                return lambda registration: self._sync(run, mode, approval, registration)

    @property
    def _guards(self) -> Guards:
        return Guards(self.route_limits, self.policy)

    def _done(self, run: Run, table: RouteTableId) -> Changes:
        """Return what the run that is to be undone did to the table."""
        return self.outcomes.changes(run.request.undone_run_id or "", table) or Changes()

    def _approval(self, run: Run, table: RouteTableId) -> Approval | None:
        plan_run_id = run.request.plan_run_id
        if plan_run_id is None:
            return None
        approval = self.outcomes.approval(plan_run_id, table)
        if approval is None:
            raise PermanentError(codes.NOT_PLANNED, f"run {plan_run_id} has no plan of this table")
        return approval

    def _adoption(self, run: Run, registration: Registration) -> Planner:
        wanted = self.sources.wanted(run, registration)
        histories = self.sources.histories(registration)
        versions = [version for history in histories for version in history.versions]
        return AdoptionPlanner(
            self._guards,
            registration,
            wanted,
            known={prefix for version in versions for prefix in version.ipv4},
            from_owner=run.request.from_owner,
        )

    def _rollback(self, run: Run, done: Changes, registration: Registration) -> Planner:
        tags = self.sources.tags(registration)
        return RollbackPlanner(self._guards, run, done, registration, tags)

    def _sync(
        self, run: Run, mode: Mode, approval: Approval | None, registration: Registration
    ) -> Planner:
        return SyncPlanner(
            guards=self._guards,
            sources=self.sources,
            clock=self.clock,
            run=run,
            mode=mode,
            approval=approval,
            registration=registration,
            wanted=self.sources.wanted(run, registration),
        )
