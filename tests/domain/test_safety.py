from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.plan import Changes, make_plan, owned_prefixes
from shared.domain.routes import RouteTable
from shared.domain.safety import Judgement, judge, without_equivalent
from tests.builders import OWNER, owned, route, to_firewall

P = "20.0.0.0/24"


def table(*routes):
    return RouteTable.from_arm({"etag": "1", "properties": {"routes": list(routes)}})


def judged(
    existing: RouteTable, desired: Iterable[str], **options
) -> tuple[Judgement, frozenset[str]]:
    """The judgement, and the owned prefixes that stand after what it leaves of the plan."""
    owned_before = owned_prefixes(existing, owner=OWNER)
    plan = make_plan(existing, set(desired), owner=OWNER, retained_until={})
    options = {"max_removed_percent": 10, **options}
    judgement = judge(plan, owned_before, **options)
    rest = make_plan(
        existing, set(desired), owner=OWNER, retained_until={}, withheld=judgement.prefixes
    )
    after = RouteTable("", "Succeeded", rest.routes, {})
    return judgement, owned_prefixes(after, owner=OWNER)


def some(count: int) -> list[str]:
    return [f"20.1.{number}.0/24" for number in range(count)]


@pytest.mark.parametrize(
    ("before", "gone", "percent", "withheld"),
    [
        (3, 3, 0, 0),
        (4, 4, 0, 4),
        (4, 4, 100, 0),
        (40, 4, 10, 0),
        (39, 4, 10, 4),
        (200, 20, 10, 0),
        (200, 21, 10, 21),
        (100, 4, 3, 4),
        (100, 3, 0, 0),
    ],
)
def test_the_share_on_both_sides(before, gone, percent, withheld):
    prefixes = some(before)
    existing = table(*(owned(p) for p in prefixes))
    judgement, after = judged(existing, prefixes[gone:], max_removed_percent=percent)
    assert len(judgement.withheld) == withheld
    assert len(judgement.violations) == bool(withheld)
    assert len(after) == before - gone + withheld


def test_what_a_run_removed_before_counts_too():
    prefixes = some(96)
    existing = table(*(owned(p) for p in prefixes))
    earlier = Changes(removed=frozenset(f"20.9.{n}.0/24" for n in range(4)))
    assert not judged(existing, prefixes[6:], written=earlier)[0].withheld
    assert len(judged(existing, prefixes[7:], written=earlier)[0].withheld) == 7


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


def test_without_a_tag_nothing_is_gone_and_nobody_is_to_blame():
    judgement, after = judged(table(owned(P)), ["20.5.0.0/24"], tag_believed=False)
    assert [(w.prefix, w.change, w.why) for w in judgement.withheld] == [
        (P, "remove", "TAG_UNAVAILABLE")
    ]
    assert judgement.violations == ()
    assert after == {P, "20.5.0.0/24"}


NETWORKS = st.sampled_from(
    [
        f"20.{a}.{b}.0/{n}"
        for a in (0, 1)
        for b in (0, 64, 128)
        for n in (24, 26, 20)
        if not (n == 20 and b % 16)
    ]
)


@given(
    before=st.sets(NETWORKS),
    desired=st.sets(NETWORKS),
    percent=st.integers(0, 100),
    believed=st.booleans(),
)
def test_no_guard_holds_back_an_addition_and_none_lets_a_wanted_route_go(
    before, desired, percent, believed
):
    existing = table(to_firewall(), *(owned(p) for p in sorted(before)))
    judgement, after = judged(existing, desired, max_removed_percent=percent, tag_believed=believed)
    assert desired <= after
    assert judgement.prefixes <= before - desired
    assert after == desired | judgement.prefixes
    gone = before - after
    assert believed or not gone
    routes = table(to_firewall(), *(owned(p) for p in sorted(after))).routes
    lost = without_equivalent(gone, routes)
    assert len(lost) <= max(3, percent * len(before) / 100)
