"""Routes that lead to the same place by another prefix."""

import pytest

from shared.domain.routing.equivalence import without_equivalent
from tests.builders.plans import judged, table
from tests.builders.routes import owned, route, to_firewall

P = "20.0.0.0/24"


@pytest.mark.parametrize(
    ("standing", "equivalent"),
    [
        ([route("a", "20.0.0.0/16")], True),
        ([route("a", "0.0.0.0/0")], True),
        ([to_firewall()], False),
        ([], False),
        ([route("a", "AppServiceManagement"), route("b", "2001:db8::/32")], False),
        ([route("a", "0.0.0.0/0"), to_firewall("20.0.0.0/8", "b")], False),
        ([route("a", "20.0.0.0/25"), route("b", "20.0.0.128/25")], True),
        ([route("a", "20.0.0.0/25")], False),
        ([route("a", "20.0.0.0/25"), route("b", "20.0.0.0/26")], False),
        ([route("a", "20.0.0.0/25"), route("b", "20.0.0.0/16")], True),
        # What a more specific route took from it before, it does not lose now.
        ([to_firewall("20.0.0.0/25", "a"), route("b", "20.0.0.128/25")], True),
        ([to_firewall("20.0.0.0/25", "a"), route("b", "20.0.0.0/16")], True),
    ],
)
def test_an_equivalent_route_is_found_by_longest_prefix_match(standing, equivalent):
    routes = table(*standing).routes
    assert without_equivalent([P], routes) == (frozenset() if equivalent else {P})


def test_prefixes_that_only_became_one_are_not_counted():
    before = [f"20.2.0.{n}/32" for n in range(64)]
    existing = table(*(owned(p) for p in before))
    judgement, after = judged(existing, ["20.2.0.0/26"])
    assert not judgement.withheld
    assert after == {"20.2.0.0/26"}


TAG = "AppServiceManagement"
A, B = "20.0.0.0/24", "20.0.1.0/24"


def test_a_tag_of_which_nothing_is_known_has_no_equivalent():
    routes = table(owned(A)).routes
    assert without_equivalent([TAG], routes, {TAG: {A}}) == frozenset()
    assert without_equivalent([TAG], routes, {TAG: {A, B}}) == {TAG}
    assert without_equivalent([TAG], routes, {}) == {TAG}
