from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.codes import lookup
from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.equivalence import without_equivalent
from shared.domain.routing.judgement import Approval, Draft, Judgement, Limits
from shared.domain.routing.plan import make_plan, owned_prefixes
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.routing.routes import RouteTable
from shared.domain.routing.safety import judge
from tests.builders.azure import history, published_ipv4
from tests.builders.routes import OWNER, owned, route, to_firewall

P, Q, R = "20.0.0.0/24", "20.5.0.0/24", "20.6.0.0/24"
DAY = date(2026, 12, 1)
LIMITS = Limits(
    max_removed_percent=10,
    route_limit=400,
    next_hop_types=frozenset(
        {"internet", "virtualappliance", "none", "vnetlocal", "virtualnetworkgateway"}
    ),
    foreign_as_when_sound=False,
)


def table(*routes, state="Succeeded"):
    return RouteTable.from_arm(
        {"etag": "1", "properties": {"routes": list(routes), "provisioningState": state}}
    )


def judged(
    existing: RouteTable,
    desired: Iterable[str],
    *,
    retained: dict[str, date] | None = None,
    written: Changes | None = None,
    **limits,
) -> tuple[Judgement, frozenset[str]]:
    """The judgement, and the owned prefixes that stand after what it leaves of the plan."""

    def replan(spared: Collection[str], yielding: Collection[str]):
        return make_plan(
            existing,
            set(desired),
            owner=OWNER,
            retained_until={p: d for p, d in (retained or {}).items() if p not in yielding},
            spared=spared,
        )

    draft = Draft(existing, owned_prefixes(existing, owner=OWNER), replan((), ()), replan)
    judgement = judge(draft, replace(LIMITS, **limits), written or Changes())
    after = RouteTable("", "Succeeded", judgement.plan.routes, {})
    return judgement, owned_prefixes(after, owner=OWNER)


def some(count: int) -> list[str]:
    return [f"20.1.{number}.0/24" for number in range(count)]


def codes(judgement: Judgement) -> list[str]:
    return [violation.code.name for violation in judgement.violations]


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
    assert codes(judgement) == ["MaxRemovedPercent"] * bool(withheld)
    assert len(after) == before - gone + withheld


def test_the_share_that_is_forced_is_said_to_be():
    prefixes = some(10)
    forced = frozenset({"MaxRemovedPercent"})
    judgement, after = judged(table(*(owned(p) for p in prefixes)), [P], forced=forced)
    assert after == {P}
    assert not judgement.violations
    assert not judgement.withheld
    assert [finding.code.name for finding in judgement.findings] == ["Forced"]


def test_what_a_run_removed_before_counts_too():
    prefixes = some(96)
    existing = table(*(owned(p) for p in prefixes))
    earlier = Changes({f"20.9.{n}.0/24": Change(owned(P), None) for n in range(4)})
    assert not judged(existing, prefixes[6:], written=earlier)[0].withheld
    assert len(judged(existing, prefixes[7:], written=earlier)[0].withheld) == 7


def test_what_a_run_added_before_does_not_make_the_share_smaller():
    prefixes = some(100)
    existing = table(*(owned(p) for p in prefixes))
    earlier = Changes({p: Change(None, owned(p)) for p in prefixes[50:]})
    assert not judged(existing, prefixes[5:], written=earlier)[0].withheld
    assert len(judged(existing, prefixes[6:], written=earlier)[0].withheld) == 6


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
    judgement, after = judged(table(owned(P)), [Q], doubt=lookup("TagUnavailable"))
    assert [(w.prefix, w.change, w.why.name) for w in judgement.withheld] == [
        (P, "remove", "TagUnavailable")
    ]
    assert judgement.violations == ()
    assert after == {P, Q}


@pytest.mark.parametrize(
    ("policy", "after", "withheld"),
    [
        ("auto", {Q, R}, set()),
        ("additive", {P, Q, R}, {(P, "remove")}),
        ("approval", {P, R}, {(P, "remove"), (Q, "add"), (R, "update")}),
    ],
)
def test_what_waits_for_approval(policy, after, withheld):
    existing = table(owned(P), owned(R, "None"))
    judgement, there = judged(existing, [Q, R], policy=ApplyPolicy(policy))
    assert there == after
    assert {(w.prefix, w.change) for w in judgement.withheld} == withheld
    assert {w.why.name for w in judgement.withheld} <= {"ApplyPolicy"}
    assert not judgement.violations
    assert not judgement.blocked


@pytest.mark.parametrize(("limit", "blocked"), [(5, False), (4, True)])
def test_capacity_on_both_sides(limit, blocked):
    existing = table(to_firewall(), owned(P), owned(Q, "None"))
    judgement, after = judged(existing, [P, Q, *some(2)], route_limit=limit)
    assert judgement.blocked is blocked
    if not blocked:
        assert after == {P, Q, *some(2)}
        return
    assert after == {P, Q}
    assert not judgement.plan.changes
    [violation] = judgement.violations
    assert violation.code.name == "NoCapacity"
    assert (violation.observed, violation.limit, violation.forceable) == (5, 4, False)
    assert all(prefix in violation.message for prefix in some(2))
    assert {(w.prefix, w.change) for w in judgement.withheld} == {
        *((prefix, "add") for prefix in some(2)),
        (Q, "update"),
    }


@pytest.mark.parametrize(("limit", "yielded"), [(6, 0), (5, 1), (4, 2), (3, 3)], ids=str)
def test_the_retained_yield_the_oldest_departure_first(limit, yielded):
    prefixes = some(3)
    by_departure = [prefixes[1], prefixes[2], prefixes[0]]
    until = {p: DAY + timedelta(days=n) for n, p in enumerate(by_departure)}
    existing = table(*(owned(p) for p in prefixes))
    judgement, after = judged(existing, [P, Q, R], retained=until, route_limit=limit)
    assert not judgement.violations
    assert not judgement.withheld
    assert after == {P, Q, R, *by_departure[yielded:]}
    assert judgement.plan.changes.removed == set(by_departure[:yielded])
    assert [r.prefix for r in judgement.plan.retained] == sorted(by_departure[yielded:])
    assert [f.code.name for f in judgement.findings] == ["RetainedYielded"] * bool(yielded)


@pytest.mark.parametrize(
    "held_back",
    [{"doubt": lookup("TagUnavailable")}, {"policy": ApplyPolicy.ADDITIVE}],
    ids=["without a tag", "without approval"],
)
def test_where_nothing_may_be_removed_the_retained_do_not_yield(held_back):
    existing = table(owned(P))
    judgement, after = judged(existing, [Q], retained={P: DAY}, route_limit=1, **held_back)
    assert codes(judgement) == ["NoCapacity"]
    assert after == {P}


@pytest.mark.parametrize("cloud", ["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"])
def test_the_real_tag_never_trips_the_defaults(cloud):
    for before, after in pairwise(history(cloud)):
        existing = table(*(owned(p) for p in sorted(published_ipv4(before))))
        judgement, there = judged(existing, published_ipv4(after))
        assert not judgement.violations, after["published"]
        assert there == published_ipv4(after)


def test_growth_is_judged_by_capacity_and_not_by_share():
    judgement, after = judged(table(owned(P)), [P, *some(158)])
    assert not judgement.violations
    assert len(after) == 159


def test_a_limit_that_is_not_known_is_not_judged_and_said():
    judgement, after = judged(table(), some(200), route_limit=None)
    assert len(after) == 200
    assert [f.code.name for f in judgement.findings] == ["RouteLimitUnknown"]


def test_a_limit_that_is_not_known_does_not_matter_if_nothing_is_added():
    existing = table(owned(P), owned(Q, "None"), owned(R))
    judgement, _ = judged(existing, [P, Q], route_limit=None, tag_route_limit=None)
    assert not judgement.findings


@pytest.mark.parametrize(
    ("state", "as_when_sound", "forced", "blocked"),
    [
        ("Succeeded", False, False, False),
        ("Failed", True, False, False),
        ("Failed", False, False, True),
        ("Failed", False, True, False),
        ("Canceled", False, False, True),
    ],
)
def test_a_failed_table_is_written_where_it_is_as_it_was_or_somebody_says_so(
    state, as_when_sound, forced, blocked
):
    judgement, after = judged(
        table(owned(P), state=state),
        [P, Q],
        foreign_as_when_sound=as_when_sound,
        forced=frozenset({"TableFailed"} if forced else ()),
    )
    assert judgement.blocked is blocked
    assert after == ({P} if blocked else {P, Q})
    assert codes(judgement) == ["TableFailed"] * blocked
    assert all(violation.forceable for violation in judgement.violations)


def test_a_failed_table_with_nothing_to_do_is_blocked_too():
    assert codes(judged(table(owned(P), state="Failed"), [P])[0]) == ["TableFailed"]


@pytest.mark.parametrize(("hop", "blocked"), [("None", False), ("Teleport", True), ("", True)])
def test_a_next_hop_type_that_is_not_known_blocks(hop, blocked):
    existing = table(route("odd", "10.0.0.0/8", hop))
    judgement, after = judged(existing, [P], forced=frozenset({"NextHopUnknown"}))
    assert judgement.blocked is blocked
    assert after == (set() if blocked else {P})
    assert codes(judgement) == ["NextHopUnknown"] * blocked
    assert not any(violation.forceable for violation in judgement.violations)


def test_where_nothing_is_to_be_written_an_unknown_next_hop_type_is_no_matter():
    judgement, _ = judged(table(route("odd", "10.0.0.0/8", "Teleport"), owned(P)), [P])
    assert not judgement.violations


def test_a_failed_table_with_one_is_not_written_again():
    odd = table(route("odd", "10.0.0.0/8", "Teleport"), owned(P), state="Failed")
    judgement, _ = judged(odd, [P], foreign_as_when_sound=True)
    assert judgement.blocked
    assert codes(judgement) == ["NextHopUnknown"]


def approval(existing: RouteTable, desired: Iterable[str], **limits) -> Approval:
    judgement, _ = judged(existing, desired, **limits)
    changes = judgement.plan.changes
    return Approval.of(
        judgement.proposed.checksum, changes.by_kind, judgement.withheld, judgement.violations
    )


def test_what_was_approved_is_written_and_anything_else_is_not():
    existing = table(owned(P), owned(R, "None"))
    approved = approval(existing, [Q, R])
    assert judged(existing, [Q, R], approval=approved)[1] == {Q, R}
    judgement, after = judged(existing, [R, *some(1)], approval=approved)
    assert after == {P, R}
    [violation] = judgement.violations
    assert (violation.code.name, violation.observed, violation.limit) == ("PlanChanged", 2, 0)
    assert not violation.forceable
    assert "now also added: 20.1.0.0/24; no longer added: 20.5.0.0/24" in violation.message


def test_what_the_run_itself_has_done_belongs_to_what_was_approved():
    before, desired = table(owned(P)), [Q, R]
    approved = approval(before, desired)
    done = Changes({Q: Change(None, owned(Q))})
    judgement, after = judged(table(owned(P), owned(Q)), desired, approval=approved, written=done)
    assert not judgement.violations
    assert after == {Q, R}


def test_where_nothing_is_left_to_do_nothing_has_changed_since():
    approved = approval(table(), [P])
    assert not judged(table(owned(P)), [P], approval=approved)[0].violations


def test_what_a_guard_withheld_was_seen_in_the_plan():
    existing = table(*(owned(p) for p in some(5)))
    approved = approval(existing, [P])
    assert approved.violations == {"MaxRemovedPercent"}
    judgement, after = judged(existing, [P], approval=approved)
    assert codes(judgement) == ["MaxRemovedPercent"]
    assert after == {P, *some(5)}
    assert judged(existing, [P], approval=approved, forced=approved.violations)[1] == {P}


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
    judgement, after = judged(
        existing,
        desired,
        max_removed_percent=percent,
        doubt=None if believed else lookup("TagUnavailable"),
    )
    assert desired <= after
    withheld = {change.prefix for change in judgement.withheld}
    assert withheld <= before - desired
    assert after == desired | withheld
    gone = before - after
    assert believed or not gone
    routes = table(to_firewall(), *(owned(p) for p in sorted(after))).routes
    lost = without_equivalent(gone, routes)
    assert len(lost) <= max(3, percent * len(before) / 100)
