"""The same steps of the tag's real history, by what people do today and by us."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from local.azure_cli import AzureCli, make_certificate, sign_in
from local.azurite import Azurite

from .exposure import Exposure
from .meter import Meter
from .runs import ended, requests_of, start
from .world import World, speedup, wanted, world

ROOT = Path(__file__).parents[1]
TABLES, SUBSCRIPTIONS = 2, 2
FIRST, STEPS = 34, 2
"""In the tag's history: from here on 5 more addresses, then one."""
CLI = ROOT / ".venv-azure-cli" / "bin" / "az"
"""Where `make conformance` installs it."""

type Step = Callable[[list[str]], None]
"""Let these prefixes be routed in all tables; return when that is done."""
type Way = Callable[[World, list[str], Path], AbstractContextManager[tuple[Step, int]]]
"""Of the tables, and the authority that Azure's certificate is of: a step, and whose process."""


def measure() -> dict[str, Any]:
    ways: dict[str, Way] = {
        "by hand, Azure CLI": _by_cli,
        "by hand, SDK": functools.partial(_by_sdk, "sdk"),
        "one table at a time": functools.partial(_by_sdk, "whole"),
        "ASE Route Sync": _ours,
    }
    executable = _executable()
    if executable is None:
        print("  skipped, for it is not installed (make conformance does): the Azure CLI")
        del ways["by hand, Azure CLI"]
    rows = []
    for name, way in ways.items():
        rows.append({"way": name, **_measured(way)})
        print(f"  {_line(rows[-1])}", flush=True)
    return {
        "speedup": speedup(),
        "tables": TABLES,
        "subscriptions": SUBSCRIPTIONS,
        "steps": STEPS,
        "rows": rows,
    }


def _measured(way: Way) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ca, certificate = make_certificate(folder)
        here = stack.enter_context(
            world(
                stack.enter_context(Azurite()),
                position=FIRST,
                speedup=speedup(),
                certificate=certificate,
            )
        )
        tables = here.add_tables(TABLES, subscriptions=SUBSCRIPTIONS)
        step, pid = stack.enter_context(way(here, tables, ca))
        here.state.log.clear()
        with Meter([pid]) as meter:
            seconds = address_seconds = last_right = 0.0
            added = 0
            for _ in range(STEPS):
                before = wanted(here.state)
                here.state.tags.step()
                new = sorted(wanted(here.state) - before)
                exposure = Exposure(here.state, tables)
                began = time.monotonic()
                step(new)
                seconds += time.monotonic() - began
                exposed = exposure.ended()
                address_seconds += exposed.address_seconds
                last_right += exposed.last_right_after
                added += len(new)
            used = meter.used()
        asked = requests_of(here.state)
    return {
        "addresses": added,
        "seconds": round(seconds, 1),
        "reads": asked["reads"],
        "writes": asked["writes"],
        "polls": asked["polls"],
        "met429": asked["429"],
        "addressSeconds": round(address_seconds),
        "lastRightAfterSeconds": round(last_right, 1),
        "cpuSeconds": round(used.cpu_seconds, 1),
        "peakMib": used.peak_mib,
    }


@contextmanager
def _by_cli(here: World, tables: list[str], ca: Path) -> Iterator[tuple[Step, int]]:
    executable = _executable()
    assert executable is not None
    az = AzureCli(executable, ca.parent, here.azure, ca)
    sign_in(az, here.azure, tables[0].split("/")[2])
    environment = {**az.environment, "AZURE_CLI": str(executable)}
    with _process("az", tables, environment) as way:
        yield way


@contextmanager
def _by_sdk(way: str, here: World, tables: list[str], ca: Path) -> Iterator[tuple[Step, int]]:
    environment = {**here.azure.environment(), "REQUESTS_CA_BUNDLE": str(ca)}
    with _process(way, tables, environment) as step:
        yield step


@contextmanager
def _ours(here: World, tables: list[str], ca: Path) -> Iterator[tuple[Step, int]]:
    here.register(tables)
    with here.hosts(1, REQUESTS_CA_BUNDLE=str(ca)) as [host]:
        # The others have their imports behind them, too.
        ended(host, start(host))

        def step(_added: list[str]) -> None:
            run = ended(host, start(host))
            if run["status"] != "Succeeded":
                raise RuntimeError(f"the run did not succeed: {run}")

        yield step, host.pid


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
    lines, answers = process.stdin, process.stdout

    def answered(what: str) -> None:
        if answers.readline().strip() != what:
            raise RuntimeError(f"{way} failed")

    def step(added: list[str]) -> None:
        lines.write(json.dumps({"tables": tables, "added": added}) + "\n")
        lines.flush()
        answered("done")

    try:
        answered("ready")
        yield step, process.pid
    finally:
        lines.close()
        process.wait(60)
        answers.close()


def _executable() -> Path | None:
    found = str(CLI) if CLI.exists() else shutil.which("az")
    return None if found is None else Path(found)


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['way']:<20} {row['seconds']:>6} s, {row['reads']} reads, {row['writes']} writes, "
        f"{row['polls']} polls, {row['met429']} 429s, {row['addressSeconds']} address-seconds "
        f"without a route, last table right after {row['lastRightAfterSeconds']} s, "
        f"{row['cpuSeconds']} s CPU, {row['peakMib']} MiB"
    )
