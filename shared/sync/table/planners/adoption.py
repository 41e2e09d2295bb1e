"""Give our names to routes that cover a wanted prefix, and change nothing else in the table."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ....domain import codes
from ....domain.findings import Finding, listed
from ....domain.registry.holds import Hold
from ....domain.registry.registered_table import RegisteredTable
from ....domain.routing.changes import Changes
from ....domain.routing.handover import Adoption, make_adoption
from ....domain.routing.judgement import Approval
from ....domain.routing.routes import RouteTable
from ....domain.routing.safety import judge
from ..sources import Wanted
from .guards import Guards
from .proposal import Proposal, held_findings


@dataclass(frozen=True, slots=True)
class AdoptionPlanner:
    """Plans by what is `wanted`; `known` are all prefixes that the sources ever had.

    `approval` is what a person has seen, if they have, and `holds` are those that count now.
    """

    guards: Guards
    entry: RegisteredTable
    wanted: Wanted
    known: Collection[str]
    from_owner: str | None
    approval: Approval | None
    holds: Sequence[Hold]

    def propose(self, table: RouteTable, written: Changes) -> Proposal:
        adoption = self._adoption(table)
        draft = self.guards.draft(table, lambda *_: adoption.plan)
        limits = replace(self.guards.limits(draft, self.entry), approval=self.approval)
        judgement = judge(draft, limits, written)
        return Proposal(judgement.with_more(self._findings(adoption)), self.wanted.version_ids)

    def _adoption(self, table: RouteTable) -> Adoption:
        # A rollback may have given a route back to somebody: it stays so until a release.
        held = {hold.prefix for hold in self.holds}
        return make_adoption(
            table,
            self.wanted.desired - held,
            frozenset(self.known) - held,
            owner=self.guards.policy.owner,
            from_owner=self.from_owner,
        )

    def _findings(self, adoption: Adoption) -> tuple[Finding, ...]:
        stamped = "their names have another owner, which fromOwner does not name"
        taken = "our name for them belongs to another route"
        return (
            Finding(codes.ADOPTION, "routes that cover a wanted prefix get our names"),
            *held_findings(self.holds),
            *listed(codes.STAMPED_BY_ANOTHER, stamped, adoption.stamped_by_others),
            *listed(codes.NAME_TAKEN, taken, adoption.name_taken),
        )
