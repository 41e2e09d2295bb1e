"""The same steps of the tag's real history, done in today's ways and by ASE Route Sync."""

import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.azure_cli import make_certificate
from local.azurite import Azurite

from .cli import executable, signed_in
from .exposure import Exposure, Result
from .meter import Meter
from .runs import count_requests, time_run
from .world import World, speedup, wanted_prefixes, world

ROOT = Path(__file__).parents[1]
TABLES, SUBSCRIPTIONS = 2, 2
FIRST, STEPS = 34, 2
"""The position in the tag's history. The first step adds three addresses, the second five."""

type Step = Callable[[list[str]], float]
"""Routes these prefixes in all tables, and returns the seconds that it took."""
type Way = Callable[[World, list[str], Path], AbstractContextManager[tuple[Step, int]]]
"""Takes the tables and the certificate authority. Gives a step, and the process that runs it."""


def measure() -> dict[str, Any]:
    ways: dict[str, Way] = {
        "by hand, Azure CLI": _by_cli,
        "by hand, SDK": functools.partial(_by_sdk, "sdk"),
        "one table at a time": functools.partial(_by_sdk, "whole"),
        "ASE Route Sync": _ours,
    }
    if executable() is None:
        del ways["by hand, Azure CLI"]

    rows = []
    for name, way in ways.items():
        rows.append({"way": name, **_measure_way(way)})
        print(f"  {_line(rows[-1])}", flush=True)
    return {
        "speedup": speedup(),
        "tables": TABLES,
        "subscriptions": SUBSCRIPTIONS,
        "steps": STEPS,
        "rows": rows,
    }


@dataclass(frozen=True, slots=True)
class _StepResult:
    """Times are in seconds."""

    addresses: int
    seconds: float
    exposure: Result


def _measure_way(way: Way) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ca, certificate = make_certificate(folder)
        storage = stack.enter_context(Azurite())
        here = stack.enter_context(
            world(storage, position=FIRST, speedup=speedup(), certificate=certificate)
        )
        tables = here.add_tables(TABLES, subscriptions=SUBSCRIPTIONS)
        step, pid = stack.enter_context(way(here, tables, ca))

        here.state.log.clear()
        with Meter([pid]) as meter:
            steps = [_measure_step(here, tables, step) for _ in range(STEPS)]
            usage = meter.usage()
        requests = count_requests(here.state)

    return {
        "addresses": sum(one.addresses for one in steps),
        "seconds": round(sum(one.seconds for one in steps), 1),
        "reads": requests["reads"],
        "writes": requests["writes"],
        "polls": requests["polls"],
        "met429": requests["429"],
        "addressSeconds": round(sum(one.exposure.address_seconds for one in steps)),
        "lastRightAfterSeconds": round(sum(one.exposure.last_right_after for one in steps), 1),
        "cpuSeconds": round(usage.cpu_seconds, 1),
        "peakMib": usage.peak_mib,
    }


def _measure_step(here: World, tables: list[str], step: Step) -> _StepResult:
    before = wanted_prefixes(here.state)
    here.state.tags.step()
    new = sorted(wanted_prefixes(here.state) - before)

    exposure = Exposure(here.state, tables)
    seconds = step(new)
    return _StepResult(len(new), seconds, exposure.result())


@contextmanager
def _by_cli(here: World, tables: list[str], ca: Path) -> Iterator[tuple[Step, int]]:
    program = executable()
    assert program is not None
    az = signed_in(program, here, tables[0].split("/")[2], ca)
    environment = {**az.environment, "AZURE_CLI": str(program)}
    with _process("az", tables, environment) as step:
        yield step


@contextmanager
def _by_sdk(way: str, here: World, tables: list[str], ca: Path) -> Iterator[tuple[Step, int]]:
    environment = {**here.azure.environment(), "REQUESTS_CA_BUNDLE": str(ca)}
    with _process(way, tables, environment) as step:
        yield step


@contextmanager
def _ours(here: World, tables: list[str], ca: Path) -> Iterator[tuple[Step, int]]:
    here.register(tables)
    with here.hosts(1, REQUESTS_CA_BUNDLE=str(ca)) as [host]:
        # The other ways import everything before they are measured, so this one does as well.
        time_run(host)

        def step(_added: list[str]) -> float:
            return time_run(host)

        yield step, host.worker_pid


@contextmanager
def _process(
    way: str, tables: list[str], environment: Mapping[str, str]
) -> Iterator[tuple[Step, int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.by_hand", way],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    steps, answers = process.stdin, process.stdout

    def expect(answer: str) -> None:
        if answers.readline().strip() != answer:
            raise RuntimeError(f"{way} failed")

    def step(added: list[str]) -> float:
        began = time.monotonic()
        steps.write(json.dumps({"tables": tables, "added": added}) + "\n")
        steps.flush()
        expect("done")
        return time.monotonic() - began

    try:
        expect("ready")
        yield step, process.pid
    finally:
        steps.close()
        process.wait(60)
        answers.close()


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['way']:<20} {row['seconds']:>6} s, {row['reads']} reads, {row['writes']} writes, "
        f"{row['polls']} polls, {row['met429']} 429s, {row['addressSeconds']} address-seconds "
        f"without a route, last table right after {row['lastRightAfterSeconds']} s, "
        f"{row['cpuSeconds']} s CPU, {row['peakMib']} MiB"
    )
