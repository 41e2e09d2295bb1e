"""What is measured with: each tells what it should."""

import pytest

from bench.bound import bound
from bench.exposure import Exposure
from bench.world import LANES, wanted_prefixes
from local.azure.state import State
from tests.builders.azure import add_table, table_id, table_with
from tests.builders.routes import owned


@pytest.mark.parametrize(
    ("tables", "subscriptions", "workers", "seconds", "by"),
    [
        # The latency is 10.75 s, and both messages wait for half of the 2 s between two polls.
        (1, 1, 1, 12.75, "latency"),
        (LANES, 1, 1, 12.75, "latency"),
        (LANES + 1, 1, 1, 22.66, "latency"),
        # The first of two workers looks after a third of the time.
        (LANES + 1, 1, 2, 12.08, "latency"),
        # 3,944 reads, 250 of them at once and 25 a second.
        (1000, 1, 4, 148.58, "reads"),
        (1000, 1, 1, 320.09, "latency"),
        (1000, 50, 4, 80.95, "latency"),
    ],
)
def test_the_bound_is_what_latency_or_a_throttle_sets_and_the_waits_for_polls(
    tables, subscriptions, workers, seconds, by
):
    found = bound(tables, subscriptions=subscriptions, workers=workers, state=State())
    assert (round(found.seconds, 2), found.by) == (seconds, by)


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
