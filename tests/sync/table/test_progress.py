"""What a run has done to a table, and the outcome that reports it."""

from dataclasses import dataclass, replace

import pytest

from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.routes import RouteTable, internet_route
from shared.domain.runs.pending import Pending
from shared.sync.table.planners.proposal import Proposal
from shared.sync.table.progress import Progress, preview
from tests.builders.azure import rid
from tests.builders.plans import judged, table
from tests.builders.routes import OWNER, owned, to_firewall

A, B = "20.0.0.0/24", "20.0.1.0/24"


def adding(prefix: str) -> Changes:
    return Changes({prefix: Change.of(None, internet_route(OWNER, prefix))})


def pending(applied: Changes | None = None, intended: Changes | None = None) -> Pending:
    return Pending(
        "run", rid("one"), applied or Changes(), intended or Changes(), etag='W/"before"'
    )


@dataclass(frozen=True)
class Desires:
    """A planner that wants these prefixes."""

    prefixes: tuple[str, ...]

    def propose(self, existing: RouteTable, written: Changes) -> Proposal:
        return Proposal(judged(existing, self.prefixes, written=written)[0], ("v1",))


@pytest.mark.parametrize(
    ("routes", "etag", "taken"),
    [
        ([owned(A), owned(B)], 'W/"after"', {A, B}),
        ([owned(A)], 'W/"after"', {A}),
        ([owned(A), owned(B)], 'W/"before"', {A}),
    ],
    ids=["taken effect", "not taken effect", "the table was not written since"],
)
def test_a_write_whose_answer_was_lost_counts_if_the_table_shows_it(routes, etag, taken):
    read = replace(table(*routes), etag=etag)
    progress = Progress(pending(applied=adding(A), intended=adding(B)), read).with_table(read)
    assert progress.written.changes.added == taken


@pytest.mark.parametrize(
    ("routes", "status", "added"),
    [
        ([to_firewall()], "planned", (A,)),
        ([owned(A)], "unchanged", ()),
        ([to_firewall(A, "theirs")], "conflict", ()),
    ],
)
def test_a_preview_says_what_a_write_would_do(routes, status, added):
    found = preview(pending(), table(*routes), Desires((A,))).outcome
    assert (found.status, found.added, found.version_ids) == (status, added, ("v1",))
    assert found.changes == Changes()
