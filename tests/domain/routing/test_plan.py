from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.routing.plan import Plan, foreign_routes, make_plan, owned_prefixes
from shared.domain.routing.routes import RouteTable
from tests.builders.plans import table
from tests.builders.routes import OWNER, owned, route, to_appliances, to_firewall

P = "20.0.0.0/24"


def plan(existing, desired, retained=None) -> Plan:
    return make_plan(existing, desired, owner=OWNER, retained_until=retained or {})


def written(plan):
    return [(r.name, r.prefix, r.next_hop_type) for r in plan.routes]


def test_a_missing_route_is_added():
    made = plan(table(to_firewall()), {P})
    assert made.changes.added == {P}
    assert written(made)[-1] == ("asemgmt--20.0.0.0_24", P, "Internet")


def test_our_right_route_is_kept():
    made = plan(table(owned(P)), {P})
    assert not made.changes


@pytest.mark.parametrize(
    "bent",
    [
        owned(P, "VirtualAppliance", nextHopIpAddress="10.0.0.4"),
        owned(P, "VirtualApplianceEcmp", nextHop={"nextHopIpAddresses": ["10.0.0.4", "10.0.0.5"]}),
        owned(P, "TypeToCome", nextHopId="/subscriptions/s", nextHopIpAddress=None),
    ],
)
def test_our_route_with_another_next_hop_is_updated_in_place(bent):
    made = plan(table(bent), {P})
    assert made.changes.updated == {P}
    properties = made.routes[0].raw["properties"]
    assert properties == {"addressPrefix": P, "nextHopType": "Internet"}


def test_our_route_that_is_not_wanted_is_removed():
    made = plan(table(owned(P), to_firewall()), set())
    assert made.changes.removed == {P}
    assert [r.name for r in made.routes] == ["default-via-firewall"]


def test_our_route_in_its_grace_is_retained():
    until = date(2026, 12, 1)
    made = plan(table(owned(P)), set(), {P: until})
    assert [(r.prefix, r.until) for r in made.retained] == [(P, until)]
    assert not made.changes
    assert len(made.routes) == 1


def test_a_foreign_route_with_the_same_next_hop_covers():
    made = plan(table(route("by-hand", P)), {P})
    assert made.covered == (P,)
    assert not made.changes
    assert not made.conflicts


def test_a_foreign_route_with_another_next_hop_conflicts_and_stays():
    made = plan(table(to_firewall(P, "mine")), {P, "20.0.1.0/24"})
    [conflict] = made.conflicts
    assert (conflict.prefix, conflict.route_name) == (P, "mine")
    assert (conflict.next_hop_type, conflict.next_hop_address) == ("VirtualAppliance", "10.0.0.4")
    assert conflict.next_hop == "VirtualAppliance 10.0.0.4"
    assert made.changes.added == {"20.0.1.0/24"}


def test_a_conflict_names_each_address_of_the_next_hop_or_none():
    routes = to_appliances(P), route("nowhere", "20.0.1.0/24", "None")
    made = plan(table(*routes), {P, "20.0.1.0/24"})
    assert [conflict.next_hop for conflict in made.conflicts] == [
        "VirtualApplianceEcmp 10.0.0.4, 10.0.0.5",
        "None",
    ]


@pytest.mark.parametrize("name", ["asemgmt--20.0.0.0_24", "AseMgmt--20.0.0.0_24"])
def test_our_name_on_somebody_elses_route_is_a_conflict(name):
    made = plan(table(to_firewall("20.9.0.0/24", name)), {P})
    [conflict] = made.conflicts
    assert conflict.name_taken
    assert conflict.route_name == name
    assert not made.changes


def test_our_name_in_other_case_on_the_wanted_prefix_covers():
    made = plan(table(route("ASEMGMT--20.0.0.0_24", P)), {P})
    assert made.covered == (P,)
    assert not made.conflicts


@pytest.mark.parametrize(
    "foreign",
    [
        route("tag", "AppServiceManagement"),
        route("other", "172.16.0.0/12", "VirtualNetworkGateway"),
        route("v6", "2603:1000::/48", "None"),
        route("strange", "not a prefix", "None"),
        {"name": "bare", "properties": {}},
    ],
)
def test_what_is_neither_ours_nor_wanted_is_left_as_it_came(foreign):
    made = plan(table(foreign), {P})
    assert made.routes[0].raw == foreign
    assert made.changes.added == {P}


def test_the_checksum_is_of_the_changes_alone():
    base = plan(table(), {P})
    assert base.changes.checksum == plan(table(to_firewall()), {P}).changes.checksum
    assert base.changes.checksum != plan(table(), {"20.0.1.0/24"}).changes.checksum
    assert base.changes.checksum != plan(table(owned(P)), set()).changes.checksum


_PREFIX = st.integers(0, 15).map(lambda n: f"20.0.{n}.0/24")
_HOPS = st.sampled_from(["Internet", "VirtualAppliance", "VirtualNetworkGateway", "None"])


@st.composite
def tables(draw):
    """Tables as the service allows them: no prefix twice, no name twice ignoring case."""
    prefixes = draw(st.lists(_PREFIX, unique=True))
    routes, names = [], set()
    for prefix in prefixes:
        ours = owned(prefix, draw(_HOPS))
        strange = owned(draw(_PREFIX))["name"]
        name = draw(st.sampled_from([ours["name"], f"f{prefix[5:-3]}", strange, strange.upper()]))
        if name.lower() not in names:
            names.add(name.lower())
            routes.append({**ours, "name": name, "extra": draw(st.integers(0, 9))})
    return table(*routes, route("tag", "AppServiceManagement"))


@given(tables(), st.sets(_PREFIX), st.sets(_PREFIX))
def test_whatever_the_table_a_plan_is_safe_and_reaches_its_end(existing, desired, retained):
    until = dict.fromkeys(retained, date(2026, 12, 1))
    made = make_plan(existing, desired, owner=OWNER, retained_until=until)
    after = RouteTable.from_arm(existing.to_arm(made.routes))

    assert foreign_routes(after, owner=OWNER) == foreign_routes(existing, owner=OWNER)

    before_routed = {r.network for r in existing.routes if r.to_internet and r.network}
    after_routed = {r.network for r in after.routes if r.to_internet and r.network}
    assert before_routed & desired <= after_routed
    assert desired <= after_routed | {c.prefix for c in made.conflicts}
    ours_after = owned_prefixes(after, owner=OWNER)
    assert ours_after - desired == owned_prefixes(existing, owner=OWNER) & retained - desired

    prefixes = [r.prefix for r in after.routes]
    names = [r.name.lower() for r in after.routes]
    assert len(set(prefixes)) == len(prefixes)
    assert len(set(names)) == len(names)

    again = make_plan(after, desired, owner=OWNER, retained_until=until)
    assert not again.changes
    assert again.conflicts == made.conflicts


@given(tables(), st.sets(_PREFIX))
def test_every_wanted_prefix_is_in_exactly_one_place_of_the_plan(existing, desired):
    made = plan(existing, desired)
    kept = owned_prefixes(existing, owner=OWNER) & desired - made.changes.updated
    places = [
        *made.changes.added,
        *made.changes.updated,
        *kept,
        *made.covered,
        *(c.prefix for c in made.conflicts),
    ]
    assert sorted(places) == sorted(desired)
