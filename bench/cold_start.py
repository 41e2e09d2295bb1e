"""Cold start: the times to index function_app.py and to answer the first `health`."""

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import sample
from local.azure.server import SimulatedAzure
from local.azurite import Azurite
from local.stack import HostProcess

from .meter import Meter

ROOT = Path(__file__).parents[1]
TIMES = 9
GOAL = 1.3
"""Indexing may take this many times a bare import of azure.functions."""
_BARE = "import azure.functions"
_INDEX = "import function_app; function_app.app.get_functions()"
_TIMED = """
import time
began = time.perf_counter()
{work}
seconds = time.perf_counter() - began
import psutil
print(seconds, psutil.Process().memory_info().rss / 1024**2)
"""


def measure() -> dict[str, Any]:
    return {**_indexing(), **_first_health()}


def _indexing() -> dict[str, Any]:
    # Both run by turns, so that other work of the machine slows both. The first pair only fills
    # the disk cache.
    pairs = [(_run(_BARE), _run(_INDEX)) for _ in range(TIMES + 1)][1:]
    bare_runs, index_runs = zip(*pairs, strict=True)

    ratio = statistics.median(index.seconds / bare.seconds for bare, index in pairs)
    return {
        "bareImportSeconds": round(statistics.median(run.seconds for run in bare_runs), 3),
        "indexSeconds": round(statistics.median(run.seconds for run in index_runs), 3),
        "timesBareImport": round(ratio, 2),
        "bareImportMib": round(max(run.mib for run in bare_runs)),
        "indexMib": round(max(run.mib for run in index_runs)),
        "goalMet": ratio < GOAL,
    }


@dataclass(frozen=True, slots=True)
class _Run:
    """A new interpreter's time, and its memory at the end."""

    seconds: float
    mib: float


def _run(work: str) -> _Run:
    process = subprocess.run(
        [sys.executable, "-c", _TIMED.format(work=work)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, mib = process.stdout.split()
    return _Run(float(seconds), float(mib))


def _first_health() -> dict[str, Any]:
    with Azurite() as storage, SimulatedAzure() as azure:
        settings = {
            **sample.settings(),
            **azure.environment(),
            "AzureWebJobsStorage": storage.connection_string(),
        }
        began = time.perf_counter()
        with HostProcess(settings) as host, Meter([host.worker_pid]) as meter:
            ready = time.perf_counter()
            host.request("GET", "/api/health").raise_for_status()
            answered = time.perf_counter()
            time.sleep(0.5)  # the meter reads the memory at intervals

            return {
                "localHostStartsSeconds": round(ready - began, 2),
                "firstHealthSeconds": round(answered - ready, 2),
                "firstHealthMib": meter.usage().peak_mib,
            }
