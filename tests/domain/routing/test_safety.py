from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.codes import lookup
from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.equivalence import without_equivalent
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.azure import history, published_ipv4
from tests.builders.plans import codes, judged, some, table
from tests.builders.routes import owned, route, to_firewall

P, Q, R = "20.0.0.0/24", "20.5.0.0/24", "20.6.0.0/24"


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


@pytest.mark.parametrize("before", [0, 4])
def test_what_a_run_takes_back_of_its_own_additions_does_not_count(before):
    """A newer version came between two deliveries of one run."""
    prefixes = some(before + 5)
    existing = table(*(owned(p) for p in prefixes))
    earlier = Changes({p: Change(None, owned(p)) for p in prefixes[before:]})
    judgement, after = judged(existing, prefixes[:before], written=earlier, max_removed_percent=0)
    assert not judgement.violations
    assert after == {*prefixes[:before]}


def test_what_a_run_added_before_replaces_what_it_removed_and_stays_if_that_was_too_much():
    stood, whole = some(10), "20.1.0.0/16"
    earlier = Changes({p: Change(owned(p), None) for p in stood})
    earlier = earlier.then(Changes({whole: Change(None, owned(whole))}))
    judgement, after = judged(table(owned(whole)), [P], written=earlier)
    assert after == {P, whole}
    assert [(v.observed, v.limit) for v in judgement.violations] == [(100, 10)]


def test_without_a_tag_nothing_is_gone_and_nobody_is_to_blame():
    judgement, after = judged(table(owned(P)), [Q], unusable=lookup("TagUnavailable"))
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
    judgement, there = judged(existing, [Q, R], apply_policy=ApplyPolicy(policy))
    assert there == after
    assert {(w.prefix, w.change) for w in judgement.withheld} == withheld
    assert {w.why.name for w in judgement.withheld} <= {"ApplyPolicy"}
    assert not judgement.violations
    assert not judgement.blocked


@pytest.mark.parametrize("cloud", ["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"])
def test_the_real_tag_never_trips_the_defaults(cloud):
    for before, after in pairwise(history(cloud)):
        existing = table(*(owned(p) for p in sorted(published_ipv4(before))))
        judgement, there = judged(existing, published_ipv4(after))
        assert not judgement.violations, after["published"]
        assert there == published_ipv4(after)


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


def test_an_unknown_next_hop_type_of_our_own_route_is_mended_with_the_additions():
    judgement, after = judged(table(owned(P, "Teleport", nextHop={"portal": 1})), [P, Q])
    assert not judgement.violations
    assert judgement.plan.changes.updated == {P}
    assert after == {P, Q}


def test_where_nothing_is_to_be_written_an_unknown_next_hop_type_is_no_matter():
    judgement, _ = judged(table(route("odd", "10.0.0.0/8", "Teleport"), owned(P)), [P])
    assert not judgement.violations


def test_a_failed_table_with_one_is_not_written_again():
    odd = table(route("odd", "10.0.0.0/8", "Teleport"), owned(P), state="Failed")
    judgement, _ = judged(odd, [P], foreign_as_when_sound=True)
    assert judgement.blocked
    assert codes(judgement) == ["NextHopUnknown"]


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
        unusable=None if believed else lookup("TagUnavailable"),
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


@given(
    before=st.sets(NETWORKS, min_size=4),
    versions=st.tuples(st.sets(NETWORKS), st.sets(NETWORKS)),
    percent=st.sampled_from([0, 10, 25]),
    limit=st.sampled_from([6, 10, 400]),
)
def test_the_deliveries_of_a_run_together_remove_no_more_than_one_of_them_may(
    before, versions, percent, limit
):
    """A newer version comes between them."""
    there, written = table(*(owned(p) for p in sorted(before))), Changes()
    for desired in versions:
        judgement, _ = judged(
            there, desired, written=written, max_removed_percent=percent, route_limit=limit
        )
        written = written.then(judgement.plan.changes)
        there = replace(there, routes=judgement.plan.routes)
    lost = without_equivalent(written.removed, there.routes)
    assert len(lost) <= max(3, percent * len(before) / 100)
