"""Cold start: to index function_app.py, and to answer the first `health`."""

import statistics
import subprocess
import sys
import time
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
"""Indexing, in bare imports of azure.functions."""
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
    # In turns, so that what else the machine does meets both; the first pair fills the disk cache.
    pairs = [(_timed(_BARE), _timed(_INDEX)) for _ in range(TIMES + 1)][1:]
    bare, index = (statistics.median(s for s, _ in runs) for runs in zip(*pairs, strict=True))
    bare_mib, index_mib = (max(m for _, m in runs) for runs in zip(*pairs, strict=True))
    started, health, mib = _first_health()
    ratio = statistics.median(indexed / alone for (alone, _), (indexed, _) in pairs)
    return {
        "bareImportSeconds": round(bare, 3),
        "indexSeconds": round(index, 3),
        "timesBareImport": round(ratio, 2),
        "bareImportMib": round(bare_mib),
        "indexMib": round(index_mib),
        "localHostStartsSeconds": round(started, 2),
        "firstHealthSeconds": round(health, 2),
        "firstHealthMib": mib,
        "goalMet": ratio < GOAL,
    }


def _timed(work: str) -> tuple[float, float]:
    """Seconds, and MiB at the end, of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(work=work)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, mib = done.stdout.split()
    return float(seconds), float(mib)


def _first_health() -> tuple[float, float, int]:
    """Seconds until the local host is up, then until the answer, and the process's MiB then."""
    with Azurite() as storage, SimulatedAzure() as azure:
        settings = {
            **sample.settings(),
            **azure.environment(),
            "AzureWebJobsStorage": storage.connection_string(),
        }
        began = time.perf_counter()
        with HostProcess(settings) as host, Meter([host.pid]) as meter:
            started = time.perf_counter()
            host.request("GET", "/api/health").raise_for_status()
            answered = time.perf_counter()
            time.sleep(0.5)  # the memory is looked at every now and then
            return started - began, answered - started, meter.used().peak_mib
