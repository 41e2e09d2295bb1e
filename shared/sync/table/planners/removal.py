"""Remove every owned route, when somebody asks for it."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from ....domain.registry.registered_table import RegisteredTable
from ....domain.routing.changes import Changes
from ....domain.routing.plan import Plan, make_plan
from ....domain.routing.routes import RouteTable
from ....domain.routing.safety import judge
from .guards import Guards
from .proposal import Proposal


@dataclass(frozen=True, slots=True)
class RemovalPlanner:
    """Plans to remove what the table has of ours, and nothing else."""

    guards: Guards
    entry: RegisteredTable

    def propose(self, table: RouteTable, written: Changes) -> Proposal:
        owner = self.guards.policy.owner

        def replan(spared: Collection[str], _yielding: Collection[str]) -> Plan:
            return make_plan(table, (), owner=owner, retained_until={}, spared=spared)

        # A person has asked to remove all routes, so their share is no reason to stop.
        draft = self.guards.draft(table, replan)
        limits = replace(self.guards.limits(draft, self.entry), max_removed_percent=100)
        return Proposal(judge(draft, limits, written))
