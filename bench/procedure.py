"""The procedure of Microsoft's article beside one sync: an empty table, and all addresses.

The article has one `az network route-table route create` for each address, one after another.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.azure.resources import RouteTable
from local.azure_cli import AzureCli, make_certificate
from local.azurite import Azurite
from local.stack import HostProcess
from shared.domain.armid import RouteTableId

from .bound import bound
from .by_hand import creation_of_route
from .cli import executable, signed_in
from .exposure import Exposure
from .runs import seconds_of_tables, seconds_until_end, start, time_run, wait_for_end
from .world import (
    FAST_SERVICE,
    POSITION,
    SLOW_SERVICE,
    World,
    let_listeners_rest,
    wanted_prefixes,
    world,
)

TIMES = 5
"""Each way is measured so often, each time on an empty table of its own."""
MEASURED_ADDRESSES = 10
"""The whole loop would take almost an hour. Only this part of it is measured."""
_TO_THE_NEWEST = 1000
"""Fewer versions are left."""
THE_LOOP, OURS = "the article's loop, Azure CLI", "one POST /api/sync"


@dataclass(frozen=True, slots=True)
class _Service:
    """How long an operation takes, and how many loops run side by side.

    If each command waits for its operation, the loops leave the processor free for each other.
    """

    operation_seconds: tuple[float, float]
    loops_at_once: int


SERVICES = (
    _Service(SLOW_SERVICE, TIMES),
    _Service(FAST_SERVICE, TIMES),
    _Service((0.0, 0.0), 1),
)


def measure() -> dict[str, Any]:
    program = executable()
    rows = []
    for service in SERVICES:
        with _world(service) as (here, ca):
            if program is not None:
                rows.append(_measure_loops(program, here, ca, service))
            rows.append(_measure_syncs(here, ca))
        print(f"  {rows[-2:]}", flush=True)
    return {"times": TIMES, "rows": rows}


@contextmanager
def _world(service: _Service) -> Iterator[tuple[World, Path]]:
    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        ca, certificate = make_certificate(Path(folder))
        with world(
            storage,
            position=POSITION,
            speedup=1,
            service=service.operation_seconds,
            certificate=certificate,
        ) as here:
            here.state.tags.step(_TO_THE_NEWEST)
            yield here, ca


def _measure_loops(program: Path, here: World, ca: Path, service: _Service) -> dict[str, Any]:
    tables = _add_empty_tables(here, "by-hand")
    az = signed_in(program, here, tables[0].subscription_id, ca)
    prefixes = sorted(wanted_prefixes(here.state))
    part = prefixes[:MEASURED_ADDRESSES]
    with ThreadPoolExecutor(service.loops_at_once) as loops:
        measured = list(loops.map(lambda table: _time_loop(az, table, part), tables))

    seconds = statistics.median(measured)
    whole, address_seconds = worked_out(seconds, len(part), len(prefixes))
    return {
        "way": THE_LOOP,
        "operationSeconds": list(service.operation_seconds),
        "addresses": len(prefixes),
        "measuredAddresses": len(part),
        "measuredSeconds": round(seconds, 1),
        "seconds": round(whole),
        "addressSeconds": round(address_seconds),
    }


def worked_out(seconds: float, measured: int, addresses: int) -> tuple[float, float]:
    """Return the seconds and the address-seconds of a loop of which a part was measured.

    Each address counts as routed from the beginning of its command.
    """
    whole = seconds * addresses / measured
    return whole, whole * (addresses - 1) / 2


def _time_loop(az: AzureCli, table: RouteTableId, prefixes: Sequence[str]) -> float:
    began = time.monotonic()
    for prefix in prefixes:
        az(*creation_of_route(table, prefix), shown=False)
    return time.monotonic() - began


def _measure_syncs(here: World, ca: Path) -> dict[str, Any]:
    first, *tables = map(str, _add_empty_tables(here, "ours", 1 + TIMES))
    here.register([first, *tables])
    with here.hosts(1, REQUESTS_CA_BUNDLE=str(ca)) as [host]:
        time_run(host, [first])  # the first run waits for the imports
        measured = []
        for table in tables:
            let_listeners_rest()
            measured.append(_measure_sync(here, host, table))

    seconds, own, address_seconds = map(statistics.median, zip(*measured, strict=True))
    addresses = len(wanted_prefixes(here.state))
    lowest = bound(1, subscriptions=1, workers=1, state=here.state)
    return {
        "way": OURS,
        "operationSeconds": list(here.state.timing.operation_seconds),
        "addresses": addresses,
        "measuredAddresses": addresses,
        "measuredSeconds": round(seconds, 1),
        "seconds": round(seconds, 1),
        "tableSeconds": round(own, 1),
        "boundSeconds": round(lowest.seconds, 1),
        "addressSeconds": round(address_seconds),
    }


def _measure_sync(here: World, host: HostProcess, table: str) -> tuple[float, float, float]:
    """Return the seconds of a run, those of its table alone, and the address-seconds."""
    exposure = Exposure(here.state, [table])
    began = datetime.now(UTC)
    run = wait_for_end(host, start(host, [table]))
    [own] = seconds_of_tables(host, run["runId"])
    return seconds_until_end(run, began), own, exposure.result().address_seconds


def _add_empty_tables(here: World, name: str, count: int = TIMES) -> list[RouteTableId]:
    ids = [here.table_id(0, f"rt-{name}-{number}") for number in range(count)]
    for resource_id in ids:
        here.state.add_table(RouteTable(resource_id=resource_id, location="westeurope"))
    return [RouteTableId.parse(resource_id) for resource_id in ids]
