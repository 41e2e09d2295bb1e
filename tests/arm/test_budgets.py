"""What Azure's answers tell of a subscription's budget, and what workers make of it."""

import itertools
import json
from contextlib import suppress
from types import SimpleNamespace

import httpx
import pytest

from local.azure.faults import refusal
from local.azure.throttles import BucketSize
from shared.arm import budgets
from shared.arm.budgets import LOW
from shared.domain.errors import TransientError
from shared.domain.routing.routes import internet_route
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, add_table, rid, table_id
from tests.builders.clocks import SteppedClock
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.routes import owned_prefixes

P = "20.0.0.0/24"
THROTTLED = {"error": {"code": "SubscriptionRequestsThrottled", "message": "Too many."}}
BUSY = {
    "error": {
        "code": "RetryableError",
        "message": "Busy.",
        "details": [{"code": "RetryableErrorDueToAnotherOperation", "message": "Busy."}],
    }
}


@pytest.fixture
def wait(app):
    return app.clients.budgets.seconds_to_wait


@pytest.fixture
def one(azure):
    return add_table(azure.state, "one")


def write(app):
    read = app.route_tables.read(rid("one"))
    body = app.route_tables.body(read, (*read.routes, internet_route("asemgmt", P)))
    return app.route_tables.write(rid("one"), body, read.etag)


@pytest.mark.parametrize(("left", "enough"), [(LOW, False), (LOW + 1, True)])
def test_where_little_is_left_nothing_new_is_begun(azure, app, one, wait, left, enough):
    azure.state.throttles.limits.buckets["read"] = BucketSize(left + 1, 0)
    app.route_tables.read(rid("one"))
    assert (wait(SUBSCRIPTION) == 0) is enough
    assert wait(OTHER_SUBSCRIPTION) == 0


def test_writes_have_a_budget_of_their_own(azure, app, one, wait):
    azure.state.throttles.limits.buckets["write"] = BucketSize(LOW + 1, 0)
    app.route_tables.read(rid("one"))
    assert wait(SUBSCRIPTION) == 0
    write(app)
    assert wait(SUBSCRIPTION.upper()) > 0


def test_a_wait_ends(azure, app, one, wait, monkeypatch):
    clock = SteppedClock()
    monkeypatch.setattr(budgets, "time", SimpleNamespace(monotonic=clock))
    azure.state.throttles.limits.buckets["read"] = BucketSize(LOW, 0)
    app.route_tables.read(rid("one"))
    clock.seconds = budgets.WAIT_SECONDS - 1
    assert wait(SUBSCRIPTION) == 1
    clock.seconds = budgets.WAIT_SECONDS
    assert wait(SUBSCRIPTION) == 0


def test_a_429_of_the_subscription_says_how_long_to_wait(azure, app, one, wait):
    azure.state.faults.append(refusal("GET", "one", 429, THROTTLED, headers={"Retry-After": "31"}))
    with pytest.raises(TransientError, match="SubscriptionRequestsThrottled"):
        app.route_tables.read(rid("one"))
    assert 30 < wait(SUBSCRIPTION) <= 31
    # What is known of a longer rest is not forgotten for a shorter one.
    azure.state.throttles.limits.buckets["read"] = BucketSize(LOW, 0)
    app.route_tables.read(rid("one"))
    assert wait(SUBSCRIPTION) > 30


@pytest.mark.usefixtures("nobody_waits")
@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("3600", 3500, 3600),
        ("3601", 3500, 3600),
        ("864000", 3500, 3600),
        ("inf", 3500, 3600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3500, 3600),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0, 1),
        ("-5", 0, 1),
        ("nan", 0, 1),
        ("tomorrow", 0, 1),
        ("9" * 400, 3500, 3600),
    ],
)
def test_no_429_silences_a_subscription_for_more_than_an_hour(
    azure, app, one, wait, asked, least, most
):
    azure.state.faults.append(
        refusal("GET", "one", 429, THROTTLED, times=4, headers={"Retry-After": asked})
    )
    with suppress(TransientError):
        app.route_tables.read(rid("one"))
    assert least <= wait(SUBSCRIPTION) <= most


@needs_recordings
@pytest.mark.parametrize(
    ("name", "of_subscription"),
    [
        ("err_429_SubscriptionRequestsThrottled_read", True),
        ("err_429_SubscriptionRequestsThrottled_backend_storage", True),
        ("err_429_RetryableErrorDueToTooManyCalls", True),
        ("err_429_RetryableErrorDueTooHighReadDataSize", True),
        ("err_429_RetryableError_DueToAnotherOperation_route", False),
        ("err_429_RetryableError_ReferencedResourceNotProvisioned_routetable", False),
    ],
)
def test_a_recorded_429_is_known_for_what_it_is(azure, app, one, wait, name, of_subscription):
    body = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["body"]
    azure.state.faults.append(refusal("GET", "one", 429, body, headers={"Retry-After": "31"}))
    with pytest.raises(TransientError):
        app.route_tables.read(rid("one"))
    assert (wait(SUBSCRIPTION) > 0) is of_subscription


@pytest.mark.parametrize("body", [{}, {"error": "x"}, {"error": {"code": None}}, [1]])
def test_an_odd_429_tells_nothing(azure, app, one, wait, body):
    azure.state.faults.append(refusal("GET", "one", 429, body, headers={"Retry-After": "31"}))
    with pytest.raises(TransientError):
        app.route_tables.read(rid("one"))
    assert wait(SUBSCRIPTION) == 0


def test_a_write_that_was_throttled_is_sent_again(azure, app, one):
    refused = refusal("PUT", "one", 429, THROTTLED, headers={"Retry-After": "0.2"})
    azure.state.faults.append(refused)
    after = write(app)
    assert [e["status"] for e in azure.state.writes()] == [429, 200]
    assert after.correlation_id == azure.state.writes()[-1]["correlationId"]
    assert owned_prefixes(one) == {P}


def test_but_not_for_long(azure, app, one):
    refused = refusal("PUT", "one", 429, THROTTLED, times=9, headers={"Retry-After": "0.2"})
    azure.state.faults.append(refused)
    with pytest.raises(TransientError, match="SubscriptionRequestsThrottled"):
        write(app)
    assert [e["status"] for e in azure.state.writes()] == [429, 429]
    assert owned_prefixes(one) == set()


@pytest.mark.parametrize(
    ("status", "body", "asked"),
    [(429, THROTTLED, "31"), (429, BUSY, "0.2"), (503, THROTTLED, "0.2"), (409, BUSY, "0.2")],
)
def test_any_other_refusal_of_a_write_is_left_to_the_queue(azure, app, one, status, body, asked):
    azure.state.faults.append(
        refusal("PUT", "one", status, body, times=9, headers={"Retry-After": asked})
    )
    with pytest.raises(TransientError):
        write(app)
    assert len(azure.state.writes()) == 1


def test_those_who_are_refused_together_do_not_come_together(azure, app, one):
    azure.state.faults.append(
        refusal("GET", "one", 429, THROTTLED, times=3, headers={"Retry-After": "0.4"})
    )
    app.route_tables.read(rid("one"))
    at = [entry["at"] for entry in azure.state.log]
    waits = [after - before for before, after in itertools.pairwise(at)]
    assert all(wait >= 0.4 for wait in waits)
    assert len({round(wait, 3) for wait in waits}) > 1


def test_the_simulated_azure_tells_what_is_left(azure, ask, one):
    """As the real one does: otherwise nothing here would be tested."""
    headers: httpx.Headers = ask("GET", table_id("one")).headers
    assert int(headers["x-ms-ratelimit-remaining-subscription-reads"]) == 249
