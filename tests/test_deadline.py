"""Each invocation ends itself before the host would kill its worker."""

import json
import math
from datetime import timedelta

import pytest

from local.azurite import ROOT
from shared.arm.client import LONGEST_SLEEP_SECONDS
from shared.arm.writes import LONGEST_WRITE_SECONDS
from shared.deadline import (
    GIVEN_UP_AFTER_SECONDS,
    LONGEST_INVOCATION_SECONDS,
    RESERVE_SECONDS,
    seconds_left,
    time_limit,
)
from shared.domain.errors import PASSES_WITHIN
from shared.sync.watch import check
from shared.transport import CONNECT_SECONDS, READ_SECONDS
from tests.builders.clocks import SteppedClock


def test_the_host_ends_no_invocation_before_it_ends_itself():
    last_call_ends = LONGEST_INVOCATION_SECONDS + RESERVE_SECONDS + CONNECT_SECONDS
    assert last_call_ends <= GIVEN_UP_AFTER_SECONDS
    text = json.loads((ROOT / "host.json").read_text())["functionTimeout"]
    hours, minutes, seconds = map(int, text.split(":"))
    allowed = timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    assert 0.9 * allowed >= GIVEN_UP_AFTER_SECONDS


def test_the_longest_honest_work_has_the_time_that_it_needs():
    """A write is followed to its end after Azure has asked to wait; the check reads its tables."""
    most_waits = LONGEST_SLEEP_SECONDS * 1.25
    assert most_waits + LONGEST_WRITE_SECONDS <= 0.8 * LONGEST_INVOCATION_SECONDS
    assert check.LONGEST.total_seconds() <= 0.7 * LONGEST_INVOCATION_SECONDS


def test_operators_read_the_delays_that_are_configured():
    page = (ROOT / "docs" / "operations.md").read_text().partition("## How soon a fault heals")[2]
    host = json.loads((ROOT / "host.json").read_text())
    assert f"the whole invocation after {LONGEST_INVOCATION_SECONDS:g} s" in page
    assert f"a call after {READ_SECONDS:g} s" in page
    assert f"fails after {GIVEN_UP_AFTER_SECONDS:g} s" in page
    assert host["functionTimeout"] == "00:04:30"
    assert "`functionTimeout` (4.5 minutes)" in page
    queues = host["extensions"]["queues"]
    assert queues["visibilityTimeout"] == "00:01:00"
    assert f"up to {queues['batchSize'] + queues['newBatchThreshold']}." in page
    assert f"after {queues['maxDequeueCount']}," in page


def test_a_caller_hears_of_an_error_before_the_front_end_of_azure_gives_up():
    assert LONGEST_INVOCATION_SECONDS + CONNECT_SECONDS < 230


def test_the_ten_minutes_of_a_passing_error_fit_into_the_deliveries_of_a_message():
    queues = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    hours, minutes, seconds = map(int, queues["visibilityTimeout"].split(":"))
    between = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    # Other trouble may come before, and then there are some deliveries less.
    assert (queues["maxDequeueCount"] - 4) * between >= PASSES_WITHIN


def test_without_a_limit_there_is_no_end():
    assert seconds_left() == math.inf


@pytest.mark.parametrize(("outer", "inner", "left"), [(10, 20, 10), (20, 10, 10)])
def test_the_earlier_of_two_limits_counts(outer, inner, left):
    clock = SteppedClock()
    with time_limit(outer, clock):
        with time_limit(inner, clock):
            assert seconds_left() == left
        clock.seconds = 3
        assert seconds_left() == outer - 3
    assert seconds_left() == math.inf
