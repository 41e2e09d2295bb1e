"""Somebody deletes a route: the seconds until it is back, by event, by alert and by daily check."""

import statistics
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from local.azurite import Azurite
from local.drift import HandDeletion
from local.stack import HostProcess
from shared.domain.routing.routes import owned_name

from .runs import start
from .storm import alert_body
from .world import (
    OWNER,
    POLL_SECONDS,
    POSITION,
    World,
    answer_at_once,
    let_listeners_rest,
    wanted_prefixes,
    world,
)

DELETIONS = 5
"""Each is in a table of its own, because the third one in a table would make it contested."""
GOAL_SECONDS = 10.0
"""The goal for an event, with an Azure that answers at once."""
_WITHIN_SECONDS = 120.0


def measure() -> dict[str, Any]:
    at_once = _measure_ways(at_once=True)
    return {
        "deletions": DELETIONS,
        "pollSeconds": POLL_SECONDS,
        **at_once,
        "recorded": _measure_ways(at_once=False),
        "goalMet": max(at_once["eventSpread"]) < GOAL_SECONDS,
    }


def _measure_ways(*, at_once: bool) -> dict[str, Any]:
    """Measure with an Azure that answers at once, or with one of the recorded latencies.

    The ways are measured at the same time, each on a local stack of its own: most of the time they
    wait.
    """
    with ThreadPoolExecutor() as side_by_side:
        measured = side_by_side.map(partial(_measure_way, at_once=at_once), _TELL)
        seconds_by_way = dict(zip(_TELL, measured, strict=True))

    results: dict[str, Any] = {}
    for way, seconds in seconds_by_way.items():
        results[f"{way}Seconds"] = round(statistics.median(seconds), 1)
        results[f"{way}Spread"] = [round(min(seconds), 1), round(max(seconds), 1)]
    print(f"  {'at once' if at_once else 'recorded latencies'}: {results}", flush=True)
    return results


def _measure_way(way: str, *, at_once: bool) -> list[float]:
    with Azurite() as azurite, world(azurite, position=POSITION, speedup=1) as here:
        if at_once:
            answer_at_once(here.state)
        if way == "event":
            here.state.topic.send_to(azurite.connection_string())
        tables = here.add_tables(1 + DELETIONS, subscriptions=1)
        here.register(tables)

        with here.hosts(1) as [host]:
            host.ended_run(start(host))
            # The first deletion waits for the imports.
            return [_measure_deletion(here, host, way, table) for table in tables][1:]


def _measure_deletion(here: World, host: HostProcess, way: str, table: str) -> float:
    let_listeners_rest()
    name = owned_name(OWNER, min(wanted_prefixes(here.state)))
    deletion = HandDeletion(here.azure, f"{table}/routes/{name}")

    deletion.delete()
    _TELL[way](host, table)
    return deletion.wait_until_back(_WITHIN_SECONDS)


def _by_event(_host: HostProcess, _table: str) -> None:
    """Do nothing: Azure itself tells the app."""


def _by_alert(host: HostProcess, table: str) -> None:
    body = alert_body(hash(table), table)
    host.request("POST", "/api/alerts", json=body).raise_for_status()


def _by_check(host: HostProcess, _table: str) -> None:
    host.fire("daily_check")


_TELL: Mapping[str, Callable[[HostProcess, str], None]] = {
    "event": _by_event,
    "alert": _by_alert,
    "check": _by_check,
}
"""How the app gets to know that the route is gone, right after Azure's operation has ended."""
