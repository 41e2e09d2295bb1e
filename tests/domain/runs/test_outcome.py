"""What an outcome says of its table, and when it is news."""

from dataclasses import replace

import pytest

from shared.domain import codes
from shared.domain.findings import Finding
from shared.domain.routing.judgement import Approval, Violation, Withheld
from shared.domain.routing.plan import Conflict
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from tests.builders.azure import rid

A, B = "20.0.0.0/24", "20.0.1.0/24"
CONFLICTED = Outcome(
    rid("one"), OutcomeStatus.CONFLICT, conflicts=(Conflict(A, "mine", "VirtualAppliance"),)
)


@pytest.mark.parametrize(
    ("status", "fields", "right"),
    [
        ("unchanged", {}, True),
        ("changed", {}, True),
        ("changed", {"withheld": (Withheld(A, "remove", codes.APPLY_POLICY),)}, True),
        ("changed", {"withheld": (Withheld(A, "add", codes.APPLY_POLICY),)}, False),
        ("changed", {"findings": (Finding(codes.TAG_UNAVAILABLE, "lost"),)}, False),
        ("changed", {"findings": (Finding(codes.LIST_UNAVAILABLE, "lost"),)}, False),
        ("planned", {}, False),
        ("failed", {}, False),
    ],
)
def test_a_table_is_right_if_every_wanted_address_is_known_to_have_its_route(status, fields, right):
    assert Outcome(rid("one"), OutcomeStatus(status), **fields).right is right


def shown(**kinds):
    return {kind: frozenset(kinds.get(kind, ())) for kind in ("added", "updated", "removed")}


@pytest.mark.parametrize(
    ("status", "fields", "can_be"),
    [
        ("unchanged", {}, False),
        ("failed", {}, False),
        ("planned", {}, True),
        ("changed", {"approval": Approval(shown(removed={A}))}, True),
        ("conflict", {"approval": Approval(shown(updated={A}))}, True),
        ("changed", {"approval": Approval(shown(removed={A}), {A: codes.CONTESTED})}, False),
        ("changed", {"approval": Approval(shown(removed={A, B}), {A: codes.CONTESTED})}, True),
        ("blocked", {"violations": (Violation(codes.TABLE_FAILED, "", 1, 0),)}, True),
        ("blocked", {"violations": (Violation(codes.NO_CAPACITY, "", 1, 0),)}, False),
    ],
)
def test_it_is_approved_if_something_in_it_waits_for_a_person(status, fields, can_be):
    assert Outcome(rid("one"), OutcomeStatus(status), **fields).can_be_approved is can_be


def test_the_same_trouble_on_another_day_is_no_news():
    later = replace(CONFLICTED, version_ids=("v2",), plan_checksum="2", added=(B,), duration_ms=9)
    assert later.signature == CONFLICTED.signature != ""


def test_another_conflict_is_news():
    more = replace(
        CONFLICTED, conflicts=(*CONFLICTED.conflicts, Conflict(B, "mine", "VirtualAppliance"))
    )
    assert more.signature != CONFLICTED.signature


def test_an_accepted_conflict_is_not_open():
    [conflict] = CONFLICTED.conflicts
    accepted = replace(CONFLICTED, conflicts=(replace(conflict, accepted="meant"),))
    assert (CONFLICTED.open_conflicts, accepted.open_conflicts) == ((conflict,), ())


def test_a_table_that_is_right_leaves_nothing_to_look_at():
    assert Outcome(rid("one"), OutcomeStatus.CHANGED, added=(A,)).signature == ""
