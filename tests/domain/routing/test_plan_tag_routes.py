"""A route for each service tag instead of one for each prefix, and the way back."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.routing.changes import Changes
from shared.domain.routing.judgement import Draft
from shared.domain.routing.plan import foreign_routes, make_plan, owned_prefixes
from shared.domain.routing.routes import RouteTable
from shared.domain.routing.safety import judge
from tests.builders.plans import LIMITS, codes, table
from tests.builders.routes import OWNER, owned, route, to_firewall

TAG = "AppServiceManagement"
A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
HELD = {TAG: {A, B}}


def plan(existing, desired, retained=()):
    until = dict.fromkeys(retained, date(2026, 12, 1))
    return make_plan(existing, desired, owner=OWNER, retained_until=until, tags=HELD)


def names(made):
    return [r.name for r in made.routes]


def test_hundreds_of_routes_become_one_and_come_back():
    explicit = table(to_firewall(), owned(A), owned(B))
    made = plan(explicit, {TAG})
    assert names(made) == ["default-via-firewall", f"asemgmt--{TAG}"]
    assert (made.changes.added, made.changes.removed) == ({TAG}, {A, B})
    back = plan(replace(explicit, routes=made.routes), {A, B})
    assert (back.changes.added, back.changes.removed) == ({A, B}, {TAG})
    assert len(back.routes) == 3


def test_what_the_tag_does_not_hold_keeps_a_route_of_its_own():
    made = plan(table(owned(A), owned(C)), {TAG, C})
    assert names(made) == ["asemgmt--20.0.2.0_24", f"asemgmt--{TAG}"]


def test_an_address_in_its_grace_stays_beside_the_tags_route():
    assert names(plan(table(owned(A), owned(C)), {TAG}, [C])) == [
        "asemgmt--20.0.2.0_24",
        f"asemgmt--{TAG}",
    ]


@pytest.mark.parametrize(
    "in_the_way",
    [to_firewall(TAG, "theirs"), to_firewall("10.0.0.0/8", f"ASEMGMT--{TAG}")],
    ids=["another next hop", "its name is taken"],
)
def test_while_the_tags_route_cannot_stand_what_is_routed_stays(in_the_way):
    made = plan(table(in_the_way, owned(A)), {TAG})
    assert not made.changes
    assert [c.prefix for c in made.conflicts] == [TAG]


def test_while_one_route_that_is_to_follow_cannot_stand_the_tags_route_stays():
    taken = to_firewall("10.0.0.0/8", "ASEMGMT--20.0.0.0_24")
    made = plan(table(taken, owned(TAG)), {A, B})
    assert (made.changes.added, made.changes.removed) == ({B}, frozenset())


def test_somebodys_route_of_the_tag_covers_all_that_it_holds():
    made = plan(table(route("theirs", TAG), owned(A)), {A, B, C})
    assert made.covered == (B,)
    assert made.changes.added == {C}
    assert not made.changes.removed


def test_somebodys_route_that_takes_the_tag_elsewhere_does_not():
    made = plan(table(to_firewall(TAG, "theirs")), {A, B})
    assert made.changes.added == {A, B}
    assert made.conflicts == ()


def test_an_address_that_somebody_takes_out_of_the_tag_is_a_conflict():
    made = plan(table(owned(TAG), to_firewall(A, "theirs")), {TAG})
    assert [c.prefix for c in made.conflicts] == [A]


def test_our_route_of_the_tag_is_put_right():
    made = plan(table(owned(TAG, "VirtualAppliance", nextHopIpAddress="10.0.0.4")), {TAG})
    assert made.changes.updated == {TAG}


def judged(existing, desired, **limits):
    def replan(spared, yielding):
        return make_plan(
            existing, desired, owner=OWNER, retained_until={}, spared=spared, tags=tags
        )

    tags = {TAG: {f"20.1.{n}.0/24" for n in range(50)}}
    draft = Draft(existing, owned_prefixes(existing, owner=OWNER), replan((), ()), replan)
    limits = {"tag_route_limit": 25, **limits}
    return judge(draft, replace(LIMITS, tags=tags, **limits), Changes())


def test_the_share_guard_counts_addresses_and_not_routes():
    explicit = table(*(owned(f"20.1.{n}.0/24") for n in range(50)))
    judgement = judged(explicit, {TAG}, max_removed_percent=0)
    assert (codes(judgement), judgement.withheld) == ([], ())
    assert len(judgement.plan.routes) == 1


@pytest.mark.parametrize(("others", "left_out"), [(24, False), (25, True)])
def test_more_tag_routes_than_a_table_may_hold_are_not_written(others, left_out):
    there = [route(f"r{n}", f"Tag{n}") for n in range(others)]
    judgement = judged(table(*there, owned("20.1.1.0/24")), {TAG})
    assert codes(judgement) == (["NoTagCapacity"] if left_out else [])
    assert len(judgement.plan.routes) == others + 1
    assert {(w.prefix, w.change, w.why.name) for w in judgement.withheld} == (
        {(TAG, "add", "NoTagCapacity"), ("20.1.1.0/24", "remove", "NoCapacity")}
        if left_out
        else set()
    )


def test_an_unknown_limit_of_tag_routes_is_said():
    judgement = judged(table(), {TAG}, tag_route_limit=None)
    assert [f.code.name for f in judgement.findings] == ["TagRouteLimitUnknown"]
    assert judgement.plan.changes.added == {TAG}


_PREFIXES = [f"20.0.{n}.0/24" for n in range(6)]
_SOME = st.sets(st.sampled_from(_PREFIXES))


def routed(routes, held, prefix):
    """Whether the route that Azure selects for these addresses goes to the Internet."""
    by_prefix = {r.prefix: r for r in routes}
    selected = by_prefix.get(prefix) or (by_prefix.get(TAG) if prefix in held else None)
    return selected is not None and selected.to_internet


@st.composite
def tables(draw):
    kinds = st.sampled_from(["ours", "theirs", "elsewhere", "named", None])
    made = []
    for prefix in [TAG, *_PREFIXES]:
        match draw(kinds):
            case "ours":
                made.append(owned(prefix))
            case "theirs":
                made.append(route(f"by-hand-{prefix[5:6]}{prefix[0]}", prefix))
            case "elsewhere":
                made.append(to_firewall(prefix, f"fw-{prefix[5:6]}{prefix[0]}"))
            case "named":
                number = len(made)
                made.append(to_firewall(f"10.{number}.0.0/16", owned(prefix)["name"].upper()))
    return table(*made)


@given(tables(), _SOME, _SOME, st.booleans())
def test_no_address_that_is_routed_and_wanted_ever_loses_its_route(existing, held, extra, by_tag):
    wanted = held | extra
    desired = {TAG} | (extra - held) if by_tag else wanted

    def planned(before):
        return make_plan(before, desired, owner=OWNER, retained_until={}, tags={TAG: held})

    made = planned(existing)
    for prefix in wanted:
        assert routed(made.routes, held, prefix) >= routed(existing.routes, held, prefix)
    after = RouteTable.from_arm(existing.to_arm(made.routes))
    assert foreign_routes(after, owner=OWNER) == foreign_routes(existing, owner=OWNER)
    unrouted = {p for p in wanted if not routed(made.routes, held, p)}
    in_the_way = {c.prefix for c in made.conflicts}
    assert unrouted <= in_the_way | (held if TAG in in_the_way else set())
    assert not planned(after).changes
