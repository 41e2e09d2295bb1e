"""The limits of subscriptions: each is read once, and none waits for another."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION

SECONDS = 30


@pytest.fixture
def held(app, monkeypatch):
    """The read of the first subscription's limits begins, and ends when it may."""
    begun, may_end = threading.Event(), threading.Event()
    pages = app.clients.pages

    def slow(url):
        if SUBSCRIPTION in url:
            begun.set()
            assert may_end.wait(SECONDS)
        return pages(url)

    monkeypatch.setattr(app.clients, "pages", slow)
    return begun, may_end


def test_another_subscription_does_not_wait(azure, app, held):
    begun, may_end = held
    with ThreadPoolExecutor(3) as threads:
        slow = [threads.submit(app.route_limits.routes, SUBSCRIPTION, "westeurope") for _ in "12"]
        assert begun.wait(SECONDS)
        other = threads.submit(app.route_limits.routes, OTHER_SUBSCRIPTION, "westeurope")
        try:
            assert other.result(10) == 400
        finally:
            may_end.set()
        assert [one.result(SECONDS) for one in slow] == [400, 400]
    read = [entry["path"] for entry in azure.state.log if entry["path"].endswith("/usages")]
    assert len(read) == 2
