"""The parts that all planners share: a proposal, the planner itself, and the report of holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ....domain import codes
from ....domain.findings import Finding, listed
from ....domain.registry.contest import Contest
from ....domain.registry.holds import Hold
from ....domain.registry.registered_table import RegisteredTable
from ....domain.routing.changes import Changes
from ....domain.routing.judgement import Judgement
from ....domain.routing.routes import RouteTable


@dataclass(frozen=True, slots=True)
class Proposal:
    """A judged plan of a table, and the versions from which it was worked out.

    An apply has to record `holds` before it writes: they are open, and become valid when it has
    written. `contest` is set only if this run has found
    that somebody undid our changes.
    """

    judgement: Judgement
    version_ids: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    contest: Contest | None = None


class Planner(Protocol):
    """Plans one table by its registration and by the versions that it was made with."""

    def propose(self, table: RouteTable, written: Changes) -> Proposal:
        """Plan the table as read. `written` are the changes that this run has made to it already.

        Raise PermanentError if nothing can be planned.
        """


type MakePlanner = Callable[[RegisteredTable], Planner]
"""Reads the newest versions for this table and makes a planner with them. Raise
PermanentError if nothing can be planned.
"""


def held_findings(holds: Sequence[Hold]) -> tuple[Finding, ...]:
    """Report the held prefixes of each run that was rolled back, with what happens to them."""
    grouped: dict[tuple[str, bool], list[str]] = {}
    for hold in holds:
        grouped.setdefault((hold.rolled_back_run_id, hold.routed), []).append(hold.prefix)

    findings: list[Finding] = []
    for (run_id, routed), prefixes in grouped.items():
        fate = "kept" if routed else "left alone"
        message = f"{fate} until a release, because run {run_id} was rolled back"
        findings += listed(codes.HELD, message, prefixes)
    return tuple(findings)
