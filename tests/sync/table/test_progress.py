"""What a run has done to a table, and the outcome that reports it."""

from dataclasses import dataclass

import pytest

from shared.domain.routing.changes import Changes
from shared.domain.routing.routes import RouteTable
from shared.domain.runs.pending import Pending
from shared.sync.table.planners.proposal import Proposal
from shared.sync.table.progress import preview
from tests.builders.azure import rid
from tests.builders.plans import judged, table
from tests.builders.routes import owned, to_firewall

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


@dataclass(frozen=True)
class Desires:
    """A planner that wants these prefixes."""

    prefixes: tuple[str, ...]

    def propose(self, existing: RouteTable, written: Changes) -> Proposal:
        return Proposal(judged(existing, self.prefixes, written=written)[0], ("v1",))


@pytest.mark.parametrize(
    ("routes", "status", "added"),
    [
        ([to_firewall()], "planned", (A,)),
        ([owned(A)], "unchanged", ()),
        ([to_firewall(A, "theirs")], "conflict", ()),
    ],
)
def test_a_preview_says_what_a_write_would_do(routes, status, added):
    found = preview(Pending("run", rid("one")), table(*routes), Desires((A,))).outcome
    assert (found.status, found.added, found.version_ids) == (status, added, ("v1",))
    assert found.changes == Changes()
