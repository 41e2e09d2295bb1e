"""What is known of a table whose outcome in a run is still open."""

from dataclasses import replace

import pytest

from shared.domain import codes
from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.routes import internet_route
from shared.domain.runs.pending import Pending, Written
from tests.builders.azure import rid
from tests.builders.plans import table
from tests.builders.routes import OWNER, owned, to_firewall

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
SENT = Written(Changes({p: Change.of(None, internet_route(OWNER, p)) for p in (A, B)}))
MADE = Finding(codes.ROUTE_TABLE_CREATED, "made")
ATTACHED = Finding(codes.ROUTE_TABLE_ATTACHED, "attached")
EARLIER, LATER = Finding(lookup("X"), "earlier"), Finding(lookup("X"), "later")


def adding(*prefixes: str) -> Changes:
    return Changes({p: Change.of(None, internet_route(OWNER, p)) for p in prefixes})


PENDING = Pending(
    "run",
    rid("one"),
    applied=Written(adding(A), (EARLIER,)),
    intended=Written(adding(B, C), (LATER,)),
    etag='W/"before"',
)


@pytest.mark.parametrize(
    ("routes", "etag", "taken"),
    [
        ([owned(A), owned(B), owned(C)], 'W/"after"', {A, B, C}),
        ([owned(A), owned(C)], 'W/"after"', {A, C}),
        ([owned(A)], 'W/"after"', {A}),
        ([owned(A), owned(B), owned(C)], 'W/"before"', {A}),
    ],
    ids=["taken effect", "a part undone since", "no effect", "not written since"],
)
def test_a_write_whose_answer_was_lost_counts_if_the_table_shows_it(routes, etag, taken):
    read = replace(table(*routes), etag=etag)
    written = PENDING.written_by(read)
    assert written.changes.added == taken
    assert written.findings == ((EARLIER,) if taken == {A} else (EARLIER, LATER))


def test_a_write_that_changes_no_route_counts_if_the_table_was_written_since():
    whole = replace(PENDING, intended=Written(Changes(), (LATER,)))
    read = table(owned(A))
    assert whole.written_by(replace(read, etag='W/"after"')).findings == (EARLIER, LATER)
    assert whole.written_by(replace(read, etag='W/"before"')).findings == (EARLIER,)


def test_a_failed_outcome_reports_what_took_effect_and_can_undo_what_may_have():
    outcome = PENDING.failed(Finding(lookup("X"), "gone"))
    assert (outcome.added, outcome.findings[0]) == ((A,), EARLIER)
    assert [f.code for f in outcome.findings[1:]] == [codes.WRITE_UNCONFIRMED]
    assert outcome.changes.added == {A, B, C}


def pending(**facts):
    return Pending("run", rid("one"), **facts)


@pytest.mark.parametrize(
    ("row", "routes", "made"),
    [
        (pending(intended=SENT), [owned(A), owned(B), to_firewall()], True),
        (pending(intended=SENT), [owned(A), to_firewall()], False),
        (pending(intended=SENT, etag="1"), [owned(A), owned(B)], False),
        (pending(), [to_firewall()], False),
        (pending(steps=(MADE,)), [to_firewall()], True),
        (pending(steps=(ATTACHED,)), [to_firewall()], False),
    ],
    ids=["as sent", "not as sent", "an update", "nothing sent", "noted", "another step noted"],
)
def test_whether_this_run_made_the_table(row, routes, made):
    assert row.made(table(*routes)) is made


def test_a_step_is_noted_once_and_a_new_attempt_takes_its_place():
    again = Finding(codes.ROUTE_TABLE_ATTACHED, "attached to another")
    row = pending().with_step(MADE).with_step(ATTACHED)
    assert row.with_step(MADE) is row
    assert row.with_step(again).steps == (MADE, again)


def test_a_failed_outcome_names_what_was_made_and_what_nobody_knows():
    outcome = pending(intended=SENT, steps=(MADE, ATTACHED)).failed(Finding(lookup("X"), "gone"))
    made, unconfirmed = outcome.findings
    assert (made, unconfirmed.code) == (MADE, codes.WRITE_UNCONFIRMED)
    assert f"added: {A}, {B}" in unconfirmed.message
    assert outcome.changes == SENT.changes


def test_a_failed_outcome_of_a_table_that_was_never_written_has_no_finding():
    assert pending(applied=SENT).failed(Finding(lookup("X"), "gone")).findings == ()
