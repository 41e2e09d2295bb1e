import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import PermanentError
from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.handover import make_adoption, make_rollback
from shared.domain.routing.plan import make_plan, owned_prefixes
from shared.domain.routing.routes import RouteTable
from tests.builders.plans import table
from tests.builders.routes import OWNER, owned, route, to_firewall

P, Q, R = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


def stamped(owner, prefix, hop="Internet"):
    return {**owned(prefix, hop), "name": f"{owner}--{prefix.replace('/', '_')}"}


def adopt(existing, wanted=(P,), known=(), from_owner=None):
    return make_adoption(existing, wanted, known, owner=OWNER, from_owner=from_owner)


def after(plan) -> RouteTable:
    return RouteTable("", "Succeeded", plan.routes, {})


def routes_of(table) -> dict[str, object]:
    return {route.prefix: route.bare() for route in table.routes}


def test_what_covers_a_wanted_prefix_is_renamed_in_its_place_with_all_it_has():
    came = {**route("by-hand", P, tags=[1]), "id": "/x/by-hand", "etag": "e"}
    adopted = adopt(table(came, to_firewall()))
    first, second = adopted.plan.routes
    assert first.raw == {
        "name": "asemgmt--20.0.0.0_24",
        "properties": {"addressPrefix": P, "nextHopType": "Internet", "tags": [1]},
    }
    assert second.raw == to_firewall()
    assert adopted.plan.changes.updated == adopted.plan.handed_over == {P}


@pytest.mark.parametrize(
    "left",
    [
        to_firewall(P, "theirs"),
        route("theirs", Q),
        route("tag", "AppServiceManagement"),
        owned(P),
        owned(P, "None"),
    ],
)
def test_what_does_not_cover_is_left(left):
    adopted = adopt(table(left))
    assert not adopted.plan.changes
    assert [r.raw for r in adopted.plan.routes] == [left]


@pytest.mark.parametrize(("from_owner", "adopted"), [(None, False), ("old", True), ("x", False)])
def test_another_owners_stamp_only_where_it_is_named(from_owner, adopted):
    made = adopt(table(stamped("old", P)), from_owner=from_owner)
    assert bool(made.plan.changes) is adopted
    assert made.stamped_by_others == (() if adopted else (P,))


def test_of_the_named_owner_also_what_was_wanted_once_and_nothing_else():
    existing = table(
        stamped("old", P), stamped("old", Q), stamped("old", R), route("a", "9.0.0.0/8")
    )
    made = adopt(existing, known=[Q, "9.0.0.0/8"], from_owner="old")
    assert made.plan.changes.updated == {P, Q}


@pytest.mark.parametrize("from_owner", [None, "old"])
def test_what_was_made_by_hand_is_adopted_only_while_it_is_wanted(from_owner):
    existing = table(route("by-hand", Q), route("also", P))
    made = adopt(existing, wanted=[P], known=[P, Q], from_owner=from_owner)
    assert made.plan.changes.updated == {P}


@pytest.mark.parametrize("name", ["asemgmt--20.0.0.0_24", "ASEMGMT--20.0.0.0_24"])
def test_a_name_that_is_another_routes_cannot_be_ours(name):
    made = adopt(table(route("by-hand", P), to_firewall("9.0.0.0/8", name)))
    assert not made.plan.changes
    assert made.name_taken == (P,)


def test_the_name_for_a_tag_that_is_another_routes_cannot_be_ours():
    by_hand = route("by-hand", "AppServiceManagement")
    named = to_firewall("9.0.0.0/8", "asemgmt--AppServiceManagement")
    made = adopt(table(by_hand, named), wanted=["AppServiceManagement"])
    assert not made.plan.changes
    assert made.name_taken == ("AppServiceManagement",)


def test_our_name_in_other_case_on_the_very_route_is_put_right():
    made = adopt(table(route("ASEMGMT--20.0.0.0_24", P)))
    assert [r.name for r in made.plan.routes] == ["asemgmt--20.0.0.0_24"]


BEFORE = table(to_firewall(), owned(P), owned(Q, "None"), route("by-hand", "20.0.3.0/24"))


def done() -> tuple[RouteTable, Changes]:
    """A table after a run, and what the run did."""
    plan = make_plan(BEFORE, {Q, R}, owner=OWNER, retained_until={})
    made = make_adoption(after(plan), {"20.0.3.0/24"}, (), owner=OWNER, from_owner=None).plan
    return after(made), plan.changes.then(made.changes)


def test_a_rollback_puts_every_prefix_back_as_it_was():
    then, changes = done()
    plan = make_rollback(then, changes, owner=OWNER)
    assert routes_of(after(plan)) == routes_of(BEFORE)
    assert plan.changes.added == {P}
    assert plan.changes.removed == {R}
    assert plan.changes.updated == {Q, "20.0.3.0/24"}
    assert plan.handed_over == {"20.0.3.0/24"}
    again = make_rollback(after(plan), changes, owner=OWNER)
    assert not again.changes


def test_what_is_spared_stays_and_the_rest_can_follow_later():
    then, changes = done()
    plan = make_rollback(then, changes, owner=OWNER, spared=[R])
    assert plan.changes.removed == set()
    assert R in owned_prefixes(after(plan), owner=OWNER)
    undone = plan.changes.by_prefix
    later = make_rollback(after(plan), changes, owner=OWNER, back_already=undone)
    assert routes_of(after(later)) == routes_of(BEFORE)
    with pytest.raises(PermanentError, match="MovedOn"):
        make_rollback(after(plan), changes, owner=OWNER)


@pytest.mark.parametrize(
    "moved",
    [
        [owned(P, "None"), owned(Q), owned(R)],
        [owned(Q)],
        [owned(Q), to_firewall(R, "theirs")],
        [owned(R)],
        [owned(Q, "VirtualAppliance"), owned(R)],
        [owned(Q), owned(R), to_firewall("9.0.0.0/8", owned(P)["name"].upper())],
    ],
    ids=["came back", "gone", "another's", "updated one gone", "led astray", "name taken"],
)
def test_a_table_that_has_moved_on_is_not_rolled_back(moved):
    changes = make_plan(BEFORE, {Q, R}, owner=OWNER, retained_until={}).changes
    make_rollback(table(owned(Q), owned(R)), changes, owner=OWNER)
    with pytest.raises(PermanentError, match="MovedOn") as raised:
        make_rollback(table(*moved), changes, owner=OWNER)
    assert "20.0." in raised.value.message


PREFIXES = st.sampled_from([f"20.0.{n}.0/24" for n in range(6)])


@given(
    st.dictionaries(PREFIXES, st.sampled_from(["Internet", "None"])),
    st.sets(PREFIXES),
    st.sets(PREFIXES),
)
def test_whatever_a_run_did_its_rollback_undoes(before, desired, foreign):
    routes = [
        route(f"theirs-{p[5:6]}", p, hop) if p in foreign else owned(p, hop)
        for p, hop in before.items()
    ]
    existing = table(*routes)
    plan = make_plan(existing, desired, owner=OWNER, retained_until={})
    back = make_rollback(after(plan), plan.changes, owner=OWNER)
    assert routes_of(after(back)) == routes_of(existing)
    # Put back, and what was before is gone again: each prefix once more where it was.
    assert plan.changes.then(back.changes) == Changes()


def test_changes_that_cancel_out_leave_nothing_to_undo():
    changes = Changes({P: Change(None, owned(P))})
    assert not make_rollback(table(), changes, owner=OWNER).changes
