"""Each invocation ends itself before the host would kill its worker."""

import json
import math
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import ROOT
from shared import workers
from shared.deadline import (
    LONGEST_INVOCATION_SECONDS,
    LONGEST_REQUEST_SECONDS,
    RESERVE_SECONDS,
    seconds_left,
    time_limit,
)
from shared.domain.errors import PASSES_WITHIN
from shared.http import json_error, json_response, respond
from shared.messages import RunMessage, TableMessage
from shared.transport import CONNECT_SECONDS
from tests.builders.azure import rid
from tests.builders.clocks import SteppedClock


def test_the_deadline_is_well_below_the_hosts():
    text = json.loads((ROOT / "host.json").read_text())["functionTimeout"]
    hours, minutes, seconds = map(int, text.split(":"))
    allowed = timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    longest = LONGEST_INVOCATION_SECONDS + RESERVE_SECONDS + CONNECT_SECONDS
    assert longest <= 0.9 * allowed
    assert LONGEST_REQUEST_SECONDS + CONNECT_SECONDS < 230


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


class _Stopped(Exception):
    pass


@pytest.fixture
def stopped(monkeypatch) -> list[float]:
    """Stop each invocation when it asks for the app, and note how much time it has."""
    noted: list[float] = []

    def app() -> Any:
        noted.append(seconds_left())
        raise _Stopped

    monkeypatch.setattr(workers, "app", app)
    return noted


RUN, TABLE = str(RunMessage("r")), str(TableMessage("r", rid("one")))


@pytest.mark.parametrize(
    "work",
    [
        workers.scheduled_sync,
        workers.daily_check,
        lambda: workers.start_run(RUN),
        lambda: workers.sync_route_table(TABLE),
        lambda: workers.start_run_without_tags(RUN),
        lambda: workers.fail_poisoned_route_table(TABLE),
    ],
)
def test_the_timers_and_the_queues_have_a_deadline(stopped, work):
    with pytest.raises(workers.InvocationFailed, match="_Stopped"):
        work()
    [left] = stopped
    assert LONGEST_INVOCATION_SECONDS - 5 < left <= LONGEST_INVOCATION_SECONDS
    assert seconds_left() == math.inf


def test_http_has_a_deadline():
    answer = respond(lambda: json_response({"left": seconds_left()}), json_error)
    left = json.loads(answer.get_body())["left"]
    assert LONGEST_REQUEST_SECONDS - 5 < left <= LONGEST_REQUEST_SECONDS
