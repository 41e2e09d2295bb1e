"""What is measured with: each tells what it should."""

from random import Random

import pytest

from bench.bound import bound
from bench.exposure import Exposure
from bench.groups import settings_of_groups
from bench.lanes import time_of_queue
from bench.procedure import worked_out
from bench.world import LANES, wanted_prefixes
from local.azure.state import State
from tests.builders.azure import add_table, table_id, table_with
from tests.builders.routes import owned


@pytest.mark.parametrize(
    ("tables", "subscriptions", "workers", "seconds", "by"),
    [
        # A table takes 10.39 s and the tags 0.36 s. Both messages wait for half of the 2 s between
        # two polls.
        (1, 1, 1, 12.75, "latency"),
        (LANES, 1, 1, 12.75, "latency"),
        (LANES + 1, 1, 1, 23.14, "latency"),
        # The first of two workers looks after a third of the time, the second after two thirds.
        (LANES + 1, 1, 2, 12.75, "latency"),
        # There are 4,000 reads with the looks, 250 of them at once and 25 a second.
        (1000, 1, 4, 150.76, "reads"),
        (1000, 1, 1, 334.8, "latency"),
    ],
)
def test_the_bound_is_what_latency_or_a_throttle_sets_and_the_waits_for_polls(
    tables, subscriptions, workers, seconds, by
):
    state = State()
    state.timing.operation_seconds = (9, 9)
    found = bound(tables, subscriptions=subscriptions, workers=workers, state=state)
    assert found.by == by
    assert found.seconds == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize("service", [(1, 10), (0.8, 1.2)])
def test_a_faster_service_has_a_lower_bound(service):
    """Azure asks for a look after 10 s in both cases."""
    state = State()
    state.timing.operation_seconds = service
    found = bound(1000, subscriptions=50, workers=1, state=state)
    assert (found.seconds < 70) == (service == (0.8, 1.2))


@pytest.mark.parametrize(("ended_early", "seconds"), [(8, 11), (7, 20)])
def test_a_host_asks_again_when_its_threshold_is_reached(ended_early, seconds):
    """If 8 of 32 messages have ended, at most 24 are in hand."""
    durations = iter([1] * ended_early + [10] * (LANES - ended_early) + [10])
    ended_after = time_of_queue(
        LANES + 1, workers=1, seconds_of_one=lambda: next(durations), draw=AtOnce()
    )
    assert ended_after == seconds


class AtOnce(Random):
    """Every host looks at once."""

    def uniform(self, a: float, _b: float) -> float:
        return a


def test_a_loop_of_which_a_part_was_measured_is_worked_out_in_proportion():
    assert worked_out(20.0, 10, 100) == (200.0, 9900.0)
    assert worked_out(20.0, 10, 10) == (20.0, 90.0)


def test_each_queue_function_has_a_host_of_its_own_and_http_has_another():
    found = settings_of_groups(["a", "b"])
    one = {"AzureWebJobs.b.Disabled": "true"}
    other = {"AzureWebJobs.a.Disabled": "true"}
    assert found == [one, other, one | other]


def test_an_address_is_exposed_until_azure_has_its_route(azure, ask):
    azure.state.tags.position = 33
    prefixes = sorted(wanted_prefixes(azure.state))
    add_table(azure.state, "one", [owned(p) for p in prefixes[:-1]])
    exposure = Exposure(azure.state, [table_id("one")])
    with pytest.raises(RuntimeError, match="no route"):
        exposure.result()
    exposure = Exposure(azure.state, [table_id("one")])
    ask("PUT", table_id("one"), json=table_with(*map(owned, prefixes))).raise_for_status()
    result = exposure.result()
    assert result.last_right_after >= 0
    assert result.address_seconds == result.last_right_after
