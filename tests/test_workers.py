"""Queue messages in the hands of the workers."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from local.azure.faults import refusal
from local.azure.throttles import BucketSize
from shared import workers
from shared.arm import budgets
from shared.arm.budgets import LOW
from shared.domain import codes
from shared.domain.errors import TransientError
from shared.domain.findings import Finding
from shared.messages import TableMessage
from shared.workers import Messages
from tests.builders.azure import OTHER_SUBSCRIPTION, add_table, answer, rid, table_id
from tests.builders.runs import outcome_of, register, run_report, started

P = "20.0.0.0/24"


@pytest.fixture
def in_hand(azure, app, monkeypatch):
    """A run of a table in each subscription; the first subscription has no budget left."""
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(budgets, "WAIT_SECONDS", 60.0)
    other = add_table(azure.state, "other", subscription=OTHER_SUBSCRIPTION)
    add_table(azure.state, "one")
    answer(azure, P)
    register(app, "one", other.resource_id)
    run_id = started(app, "one", other.resource_id)
    azure.state.throttles.limits.buckets["read"] = BucketSize(LOW, 0)
    app.route_tables.read(rid("one"))
    azure.state.throttles.limits.buckets["read"] = BucketSize(250, 25)
    azure.state.log.clear()
    return run_id, [str(TableMessage(run_id, rid(i))) for i in ("one", other.resource_id)]


def test_a_table_without_budget_goes_to_the_end_of_the_queue(azure, app, in_hand, monkeypatch):
    run_id, [one, other] = in_hand
    assert workers.sync_route_table(one) == Messages(later=(one,))
    assert azure.state.log == []
    assert workers.sync_route_table(other) == Messages()
    changed = run_report(app, run_id)["outcomes"]
    assert [o["routeTableId"] for o in changed] == [table_id("other", OTHER_SUBSCRIPTION)]
    monkeypatch.setattr(app.clients.budgets, "seconds_to_wait", lambda _subscription: 0.0)
    assert workers.sync_route_table(one) == Messages()
    whole = run_report(app, run_id)
    assert whole["status"] == "Succeeded"
    assert outcome_of(whole, "one")["added"] == [P]


@pytest.mark.parametrize("over", ["settled", "ended", "overdue", "gone"])
def test_a_message_that_nobody_waits_for_ends_while_its_subscription_waits(
    azure, app, in_hand, over
):
    run_id, [one, other] = in_hand
    chained = str(TableMessage(run_id, rid("one"), (TableMessage.parse(other).route_table_id,)))
    match over:
        case "settled":
            app.tables.fail_poisoned(run_id, rid("one"))
        case "ended":
            app.run_end.fail(app.runs.get(run_id), Finding(codes.INTERRUPTED, "by hand"))
        case "gone":
            app.outcomes.remove(run_id)
            app.runs.remove(run_id)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3 if over == "overdue" else 0)):
        assert workers.sync_route_table(one) == Messages()
        assert workers.sync_route_table(chained) == Messages(later=(other,))
    assert azure.state.log == []
    if over == "overdue":
        assert run_report(app, run_id)["error"]["code"] == "RunTimedOut"


@pytest.mark.parametrize("rest", [0.1, 3600])
def test_it_rests_a_moment_first_but_not_for_long(app, in_hand, monkeypatch, rest):
    _, [one, _] = in_hand
    slept: list[float] = []
    monkeypatch.setattr(app.clients.budgets, "seconds_to_wait", lambda _subscription: rest)
    monkeypatch.setattr(time, "sleep", slept.append)
    for _ in range(20):
        workers.sync_route_table(one)
    most = min(rest, workers.LONGEST_WAIT_SECONDS)
    assert all(most / 2 <= seconds <= most for seconds in slept)
    assert len(set(slept)) > 1


@pytest.mark.usefixtures("nobody_waits")
def test_what_comes_after_a_table_does_not_wait_for_it(azure, app, monkeypatch):
    """Done, in trouble, or poisoned: the next one's message is sent."""
    monkeypatch.setattr(workers, "app", lambda: app)
    for name in ("one", "two"):
        add_table(azure.state, name)
    run_id = started(app, "one", "two")
    alone, after = TableMessage(run_id, rid("one")), TableMessage(run_id, rid("two"))
    chained = str(TableMessage(run_id, rid("one"), (rid("two"),)))
    azure.state.faults.append(refusal("GET", "tables/one", 503, {}, times=9))
    assert workers.sync_route_table(chained) == Messages(later=(str(alone), str(after)))
    with pytest.raises(TransientError):
        workers.sync_route_table(str(alone))
    assert workers.fail_poisoned_route_table(chained) == Messages(later=(str(after),))
    assert workers.sync_route_table(str(after)) == Messages()
    assert workers.sync_route_table(chained) == Messages(later=(str(after),))  # late, and done
    assert (
        run_report(app, run_id)["counts"] | {"changed": 1, "failed": 1}
        == (run_report(app, run_id)["counts"])
    )
