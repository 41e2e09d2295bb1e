"""What a table's routes really do, beside what is planned."""

import pytest

from shared.domain.routing.effective import routing_findings
from shared.domain.routing.routes import RouteTable
from tests.builders.routes import OWNER, owned, route, to_firewall

TAG = "AppServiceManagement"
A, B = "20.0.0.0/24", "20.0.1.0/24"


def findings(*routes, propagation=False, tags=None):
    properties = {"routes": list(routes), "disableBgpRoutePropagation": not propagation}
    table = RouteTable.from_arm({"etag": "1", "properties": properties})
    found = routing_findings(table, {A, B}, owner=OWNER, tags=tags or {TAG: {A}})
    return {finding.code.name: finding.message for finding in found}


def test_a_table_that_forces_all_else_through_a_firewall_has_nothing_to_say():
    assert findings(to_firewall(), owned(A), owned(B)) == {}


@pytest.mark.parametrize(
    ("prefix", "named"),
    [("20.0.0.7/32", True), ("20.0.0.0/25", True), (A, False), ("20.0.0.0/16", False)],
)
def test_a_more_specific_route_that_takes_some_of_it_elsewhere_is_named(prefix, named):
    said = findings(to_firewall(prefix, "theirs"), owned(A))
    assert ("MoreSpecificRoute" in said) is named
    if named:
        assert (
            said["MoreSpecificRoute"]
            == f"{A}: route theirs takes {prefix} to VirtualAppliance, not to the Internet"
        )


def test_a_more_specific_route_to_the_internet_takes_nothing():
    assert findings(route("theirs", "20.0.0.7/32"), to_firewall("2001:db8::/32", "six")) == {}


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ([route("default", "0.0.0.0/0")], True),
        ([to_firewall()], False),
        ([], False),
        (
            [
                route("default", "0.0.0.0/0"),
                to_firewall("0.0.0.0/1", "low"),
                to_firewall("128.0.0.0/1", "high"),
            ],
            False,
        ),
        ([route("default", "0.0.0.0/0"), to_firewall("0.0.0.0/1", "low")], True),
    ],
)
def test_a_default_route_that_goes_to_the_internet_already(routes, said):
    assert ("NotForcedTunnelled" in findings(*routes)) is said


def test_what_is_learned_by_bgp_is_not_visible_here():
    assert "BgpRoutesNotVisible" in findings(to_firewall(), propagation=True)
    assert "BgpRoutesNotVisible" not in findings(to_firewall(), propagation=False)


def test_somebodys_route_of_the_tag_and_owned_routes_that_go_before_it_are_named():
    said = findings(route("theirs", TAG), owned(A), owned(B), route("by-hand", "20.0.0.0/16"))
    assert set(said) == {"CoveredByPlatform", "ShadowsServiceTagRoute"}
    assert "asemgmt--20.0.0.0_24" in said["ShadowsServiceTagRoute"]
    assert "asemgmt--20.0.1.0_24" not in said["ShadowsServiceTagRoute"]


def test_our_own_route_of_the_tag_is_nothing_to_speak_of():
    assert findings(owned(TAG), to_firewall()) == {}


def test_what_the_route_of_another_tag_takes_elsewhere_is_not_judged():
    assert "TagRouteNotJudged" in findings(to_firewall("AzureMonitor", "monitoring"))
    assert findings(route("monitoring", "AzureMonitor")) == {}
