"""A table never gets more routes than Azure allows."""

from datetime import date, timedelta

import pytest

from shared.domain.codes import lookup
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.plans import codes, judged, some, table
from tests.builders.routes import owned, to_firewall

P, Q, R = "20.0.0.0/24", "20.5.0.0/24", "20.6.0.0/24"
DAY = date(2026, 12, 1)


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
