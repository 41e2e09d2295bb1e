from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.routes import RouteTable
from tests.builders.routes import owned, route

P, Q = "20.0.0.0/24", "20.0.1.0/24"

_STATES = st.dictionaries(
    st.sampled_from([P, Q, "20.0.2.0/24"]), st.sampled_from(["Internet", "None", "VnetLocal"])
)


def table(state: dict[str, str]) -> RouteTable:
    routes = [owned(prefix, hop) for prefix, hop in state.items()]
    return RouteTable.from_arm({"properties": {"routes": routes}})


def between(before: dict[str, str], after: dict[str, str]) -> Changes:
    def bare(state: dict[str, str], prefix: str) -> dict[str, object] | None:
        return owned(prefix, state[prefix]) if prefix in state else None

    every = before.keys() | after.keys()
    return Changes(
        {p: Change(bare(before, p), bare(after, p)) for p in every if before.get(p) != after.get(p)}
    )


@given(_STATES, _STATES, _STATES)
def test_changes_one_after_the_other_are_their_net_effect(start, middle, end):
    assert between(start, middle).then(between(middle, end)) == between(start, end)


@given(_STATES, _STATES)
def test_changes_say_what_they_do_and_whether_it_is_done(before, after):
    changes = between(before, after)
    assert changes.added == after.keys() - before.keys()
    assert changes.removed == before.keys() - after.keys()
    assert changes.updated == {p for p in before.keys() & after.keys() if before[p] != after[p]}
    assert changes.standing_in(table(after)) == changes
    assert not changes.standing_in(table(before))


@given(_STATES, _STATES)
def test_of_changes_that_are_partly_undone_the_others_stand(before, after):
    changes = between(before, after)
    now = {p: hop for p, hop in after.items() if p != P} | {p: before[p] for p in before if p == P}
    assert changes.standing_in(table(now)) == changes.without({P})


@given(_STATES, _STATES)
def test_without_leaves_the_others(before, after):
    assert between(before, after).without({P}) == between(
        {p: hop for p, hop in before.items() if p != P},
        {p: hop for p, hop in after.items() if p != P},
    )


def test_what_the_service_writes_into_a_route_is_no_difference():
    served: dict[str, Any] = {"provisioningState": "Succeeded", "hasBgpOverride": False, "new": 1}
    came = {**route("asemgmt--20.0.0.0_24", P, **served), "id": "/x", "etag": "1", "type": "t"}
    there = RouteTable.from_arm({"properties": {"routes": [came]}})
    assert between({}, {P: "Internet"}).standing_in(there).added == {P}


def test_a_route_of_another_name_is_another():
    there = RouteTable.from_arm({"properties": {"routes": [route("ASEMGMT--20.0.0.0_24", P)]}})
    assert not between({}, {P: "Internet"}).standing_in(there)


@pytest.mark.parametrize("hop", ["None", "VirtualAppliance"])
def test_a_route_that_somebody_led_astray_is_not_reached(hop):
    assert not between({}, {P: "Internet"}).standing_in(table({P: hop}))


APPLIANCE = {"nextHopIpAddress": "10.0.0.4"}
SEVERAL = {"nextHop": {"nextHopIpAddresses": ["10.0.0.4", "10.0.0.5"]}}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            owned(P, "VirtualAppliance", **APPLIANCE),
            owned(P),
            ("VirtualAppliance 10.0.0.4", "Internet"),
        ),
        (
            owned(P, "VirtualApplianceEcmp", **SEVERAL),
            owned(P),
            ("VirtualApplianceEcmp 10.0.0.4, 10.0.0.5", "Internet"),
        ),
        (owned(P, "None"), owned(P), ("None", "Internet")),
        (route("by-hand", P), owned(P), ("by-hand", "asemgmt--20.0.0.0_24")),
        (
            owned(P),
            route("by-hand", P, "VirtualAppliance", **APPLIANCE),
            ("asemgmt--20.0.0.0_24 to Internet", "by-hand to VirtualAppliance 10.0.0.4"),
        ),
    ],
)
def test_an_update_says_what_the_route_was_and_is(before, after, words):
    added, removed = Change(None, owned(Q)), Change(owned("20.0.2.0/24"), None)
    changes = Changes({Q: added, P: Change(before, after), "20.0.2.0/24": removed})
    [update] = changes.updates
    assert (update.prefix, update.before, update.after) == (P, *words)


def test_updates_are_in_the_order_of_their_prefixes():
    wide, narrow = "9.0.0.0/8", "10.0.0.0/32"
    change = Change(owned(P, "None"), owned(P))
    updates = Changes({narrow: change, wide: change}).updates
    assert [update.prefix for update in updates] == [wide, narrow]
