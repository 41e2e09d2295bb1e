"""What a rollback holds, while it is under way and after its end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.registry.holds import Hold, closed, held_at, open_holds, with_open
from shared.domain.routing.changes import Change, Changes
from shared.domain.runs.run import MAX_RUN_TIME
from tests.builders.routes import OWNER, owned, to_firewall
from tests.builders.runs import START

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
DONE = Changes(
    {
        A: Change(owned(A), None),
        B: Change(None, owned(B)),
        C: Change(to_firewall(C, "theirs"), owned(C)),
    }
)
OPEN = open_holds(DONE, owner=OWNER, rolled_back_run_id="run", rollback_run_id="undo", since=START)
OLDER = (Hold(A, False, "old", "older"), Hold("20.0.9.0/24", True, "old", "older"))


def test_a_rollback_keeps_the_routes_that_it_brings_back_and_leaves_the_others_alone():
    assert {hold.prefix: hold.routed for hold in OPEN} == {A: True, B: False, C: False}


@pytest.mark.parametrize(
    ("later", "counts"),
    [
        (timedelta(), True),
        (timedelta(seconds=-1), True),  # another worker's clock may be a little behind
        (MAX_RUN_TIME - timedelta(seconds=1), True),
        (MAX_RUN_TIME, False),
        (-MAX_RUN_TIME, False),
    ],
)
def test_an_open_hold_counts_no_longer_than_its_run_can_last(later, counts):
    noted = with_open(OLDER, OPEN, "undo")
    by_prefix = {hold.prefix: hold for hold in held_at(noted, START + later)}
    assert by_prefix.keys() == {A, "20.0.9.0/24", *((B, C) if counts else ())}
    assert by_prefix[A].rollback_run_id == ("undo" if counts else "older")


def test_a_rollback_that_has_written_holds_without_an_end():
    ended = closed(with_open(OLDER, OPEN, "undo"), "undo", failed=False)
    held = held_at(ended, START + 100 * MAX_RUN_TIME)
    assert {hold.prefix: hold.rollback_run_id for hold in held} == {
        A: "undo",
        B: "undo",
        C: "undo",
        "20.0.9.0/24": "older",
    }
    assert len(ended) == len(held)  # the older hold on the same prefix is gone
    assert closed(ended, "undo", failed=False) == ended


def test_a_rollback_that_has_failed_leaves_what_was_held_before():
    assert closed(with_open(OLDER, OPEN, "undo"), "undo", failed=True) == OLDER


@pytest.mark.parametrize("failed", [False, True])
def test_a_late_message_of_a_rollback_that_has_ended_changes_nothing(failed):
    """Another rollback is under way meanwhile, which is to hold the same prefixes otherwise."""
    ended = closed(with_open(OLDER, OPEN, "undo"), "undo", failed=False)
    undone = [replace(h, routed=not h.routed, rollback_run_id="redo") for h in OPEN]
    noted = with_open(ended, undone, "redo")
    assert closed(noted, "undo", failed=failed) == noted
    held = held_at(closed(noted, "redo", failed=False), START)
    assert {hold.prefix: hold.routed for hold in held if hold.prefix in DONE.by_prefix} == {
        A: False,
        B: True,
        C: True,
    }


def test_what_is_noted_again_replaces_what_was_noted():
    once = with_open(OLDER, OPEN, "undo")
    assert with_open(once, OPEN, "undo") == once
    assert with_open(once, OPEN[:1], "undo") == (*OLDER, OPEN[0])
