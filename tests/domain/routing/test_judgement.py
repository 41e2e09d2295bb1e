"""What a person has approved is written, and nothing else."""

from collections.abc import Iterable

from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.judgement import Approval
from shared.domain.routing.routes import RouteTable
from tests.builders.plans import codes, judged, some, table
from tests.builders.routes import owned

P, Q, R = "20.0.0.0/24", "20.5.0.0/24", "20.6.0.0/24"


def approval(existing: RouteTable, desired: Iterable[str], **limits) -> Approval:
    judgement, _ = judged(existing, desired, **limits)
    return judgement.approval


def test_what_was_approved_is_written_and_anything_else_is_not():
    existing = table(owned(P), owned(R, "None"))
    approved = approval(existing, [Q, R])
    assert judged(existing, [Q, R], approval=approved)[1] == {Q, R}
    judgement, after = judged(existing, [R, *some(1)], approval=approved)
    assert after == {P, R}
    [violation] = judgement.violations
    assert (violation.code.name, violation.observed, violation.limit) == ("PlanChanged", 2, 0)
    assert not violation.forceable
    assert "now also added: 20.1.0.0/24; no longer added: 20.5.0.0/24" in violation.message


def test_what_the_run_itself_has_done_belongs_to_what_was_approved():
    before, desired = table(owned(P)), [Q, R]
    approved = approval(before, desired)
    done = Changes({Q: Change(None, owned(Q))})
    judgement, after = judged(table(owned(P), owned(Q)), desired, approval=approved, written=done)
    assert not judgement.violations
    assert after == {Q, R}


def test_where_nothing_is_left_to_do_nothing_has_changed_since():
    approved = approval(table(), [P])
    assert not judged(table(owned(P)), [P], approval=approved)[0].violations


def test_what_a_guard_withheld_was_seen_in_the_plan():
    existing = table(*(owned(p) for p in some(5)))
    approved = approval(existing, [P])
    assert approved.violations == {"MaxRemovedPercent"}
    judgement, after = judged(existing, [P], approval=approved)
    assert codes(judgement) == ["MaxRemovedPercent"]
    assert after == {P, *some(5)}
    assert judged(existing, [P], approval=approved, forced=approved.violations)[1] == {P}
