"""A table never gets more routes than Azure allows."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.codes import lookup
from shared.domain.routing.equivalence import without_equivalent
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.plans import codes, judged, some, table
from tests.builders.routes import owned, to_firewall

P, Q, R = "20.0.0.0/24", "20.5.0.0/24", "20.6.0.0/24"
DAY = date(2026, 12, 1)


@pytest.mark.parametrize(("limit", "fit"), [(5, 2), (4, 1), (3, 0), (2, 0)])
def test_as_many_additions_as_fit_are_written_and_the_rest_is_named(limit, fit):
    existing = table(to_firewall(), owned(P), owned(Q, "None"))
    judgement, after = judged(existing, [P, Q, *some(2)], route_limit=limit)
    assert not judgement.blocked
    assert after == {P, Q, *some(2)[:fit]}
    assert judgement.plan.changes.updated == {Q}
    left_out = some(2)[fit:]
    assert [(w.prefix, w.change, w.why.name) for w in judgement.withheld] == [
        (prefix, "add", "NoCapacity") for prefix in left_out
    ]
    assert codes(judgement) == ["NoCapacity"] * bool(left_out)
    for violation in judgement.violations:
        assert (violation.observed, violation.limit, violation.forceable) == (5, limit, False)
        assert all(prefix in violation.message for prefix in left_out)


def test_the_widest_additions_go_in_first():
    wide, wider, widest = "20.9.0.0/23", "20.8.0.0/20", "20.10.0.0/16"
    _, after = judged(table(owned(P)), [P, *some(2), wide, wider, widest], route_limit=3)
    assert after == {P, wider, widest}


def test_no_route_yields_if_nothing_gets_in_for_it():
    """The limit was lowered: even with all that may yield, no addition has room."""
    existing = table(*(to_firewall(p, f"fw-{p[5]}") for p in some(4)), owned(P))
    judgement, after = judged(existing, [Q], retained={P: DAY}, route_limit=3)
    assert codes(judgement) == ["NoCapacity"]
    assert after == {P}


@pytest.mark.parametrize(("percent", "yielded"), [(40, 4), (39, 0)])
def test_routes_that_yield_count_in_the_share(percent, yielded):
    prefixes = some(10)
    existing = table(*(owned(p) for p in prefixes))
    coming = [f"20.7.{number}.0/24" for number in range(4)]
    judgement, after = judged(
        existing,
        [*prefixes[4:], *coming],
        retained=dict.fromkeys(prefixes[:4], DAY),
        route_limit=10,
        max_removed_percent=percent,
    )
    assert after == {*prefixes[yielded:], *coming[: max(yielded, 0)]}
    assert codes(judgement) == ["MaxRemovedPercent", "NoCapacity"] * (not yielded)
    assert judgement.proposed.removed == {*prefixes[:4]}
    assert judgement.proposed.added == {*coming}


def test_if_too_many_would_yield_the_removals_that_are_due_go_all_the_same():
    prefixes = some(40)
    existing = table(*(owned(p) for p in prefixes))
    judgement, after = judged(
        existing,
        [*prefixes[14:], P, Q, R],
        retained=dict.fromkeys(prefixes[4:14], DAY),
        route_limit=38,
        max_removed_percent=10,
    )
    assert codes(judgement) == ["MaxRemovedPercent", "NoCapacity"]
    assert judgement.plan.changes.removed == {*prefixes[:4]}
    assert after == {*prefixes[4:], P, Q}


def test_a_route_that_others_have_their_way_through_does_not_yield_to_one_of_them():
    whole, half, other = "20.4.0.0/16", "20.4.0.0/17", "20.4.128.0/17"
    for retained in ({whole: DAY}, {}):
        judgement, after = judged(
            table(owned(P), owned(whole)), [P, half, other], retained=retained, route_limit=2
        )
        assert after == {P, whole}
        assert judgement.proposed.removed == frozenset()
        kept = [] if retained else [(whole, "remove")]
        assert [(w.prefix, w.change) for w in judgement.withheld if w.change == "remove"] == kept


def test_a_route_stays_while_the_name_of_what_replaces_it_is_taken():
    whole, half, other = "20.4.0.0/16", "20.4.0.0/17", "20.4.128.0/17"
    thief = to_firewall("20.9.0.0/24", owned(half)["name"].upper())
    judgement, after = judged(table(thief, owned(whole)), [half, other])
    assert after == {whole, other}
    assert [(w.prefix, w.change, w.why.name) for w in judgement.withheld] == [
        (whole, "remove", "NameTaken")
    ]


NETWORKS = st.sampled_from(
    [
        f"20.{a}.{b}.0/{n}"
        for a in (0, 1)
        for b in (0, 64, 128)
        for n in (24, 18, 16)
        if n > 16 or not b
    ]
)


@given(
    before=st.sets(NETWORKS),
    desired=st.sets(NETWORKS),
    retained=st.sets(NETWORKS),
    foreign=st.integers(0, 3),
    limit=st.integers(0, 14),
    percent=st.sampled_from([0, 50, 100]),
    policy=st.sampled_from(ApplyPolicy),
)
def test_whatever_the_room_no_wanted_address_loses_its_way_and_the_share_holds(
    before, desired, retained, foreign, limit, percent, policy
):
    theirs = [to_firewall(f"10.0.{n}.0/24", f"fw-{n}") for n in range(foreign)]
    existing = table(to_firewall(), *theirs, *(owned(p) for p in sorted(before)))
    until = dict.fromkeys(sorted(retained & before - desired), DAY)
    judgement, after = judged(
        existing,
        desired,
        retained=until,
        route_limit=limit,
        max_removed_percent=percent,
        apply_policy=policy,
    )
    standing = table(to_firewall(), *theirs, *(owned(p) for p in sorted(after))).routes

    # Every wanted prefix that had its way to the Internet still has it.
    routed = desired - without_equivalent(desired, existing.routes)
    assert not without_equivalent(routed, standing)

    # Nothing is added beyond the limit, and nothing is silently left out.
    assert not after - before or len(standing) <= limit
    withheld = {(w.prefix, w.change) for w in judgement.withheld}
    assert {(p, "add") for p in desired - before - after} <= withheld
    removed = before - after
    assert removed <= judgement.proposed.removed
    assert judgement.proposed.removed - removed <= {
        p for p, change in withheld if change == "remove"
    }

    # Routes that yield are removals: they need the policy, and count in the share.
    assert policy is ApplyPolicy.AUTO or not removed
    lost = without_equivalent(removed, standing)
    assert len(lost) <= max(3, percent * len(before) / 100)
    assert not removed & until.keys() or (after - before and len(standing) == limit)

    # The run that has written this finds nothing more to write, and nothing else to blame.
    again, _ = judged(
        replace(existing, routes=judgement.plan.routes),
        desired,
        retained={p: day for p, day in until.items() if p not in removed},
        written=judgement.plan.changes,
        route_limit=limit,
        max_removed_percent=percent,
        apply_policy=policy,
    )
    assert not again.plan.changes
    assert codes(again) == codes(judgement)
    assert [w for w in again.withheld if w.change == "remove"] == [
        w for w in judgement.withheld if w.change == "remove"
    ]


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
    [{"unusable": lookup("TagUnavailable")}, {"apply_policy": ApplyPolicy.ADDITIVE}],
    ids=["without a tag", "without approval"],
)
def test_where_nothing_may_be_removed_the_retained_do_not_yield(held_back):
    existing = table(owned(P))
    judgement, after = judged(existing, [Q], retained={P: DAY}, route_limit=1, **held_back)
    assert codes(judgement) == ["NoCapacity"]
    assert after == {P}


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
