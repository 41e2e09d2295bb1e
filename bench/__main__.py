"""`make bench`: run every measurement, write results.json, and update the pages in docs/.

SPEEDUP (10) divides Azure's waits in the side-by-side measurement. The other measurements set their
own.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import psutil

from . import (
    cold_start,
    drift,
    event_storm,
    growth,
    idle,
    month,
    procedure,
    side_by_side,
    small_instance,
    storm,
    threads,
    throttled,
)
from .goals import faults
from .report import RESULTS, write

SECTIONS: Mapping[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "coldStart": ("Cold start", cold_start.measure),
    "procedure": ("The article's procedure", procedure.measure),
    "sideBySide": ("Side by side with what people do today", side_by_side.measure),
    "idle": ("One table on an idle app", idle.measure),
    "drift": ("A route that somebody deletes", drift.measure),
    "growth": ("How cost grows", growth.measure),
    "fewThreads": ("A worker with five threads, and one with 32", threads.measure),
    "memory": ("A run on an instance of 512 MB", small_instance.measure),
    "throttled": ("A thousand tables in one subscription", throttled.measure),
    "alertStorm": (
        f"A storm of {storm.ALERTS} alerts, {storm.DISTINCT} of them distinct",
        storm.measure,
    ),
    "alertStormOneAtATime": (
        "The same storm under the limits of a real host",
        storm.measure_one_at_a_time,
    ),
    "month": ("What a month does that Azure bills", month.measure),
    "eventStorm": (f"A storm of {event_storm.EVENTS} events", event_storm.measure),
}


def main() -> int:
    results = _measure_all()
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    write(results)

    missed = faults(results)
    for fault in missed:
        print(f"missed: {fault}")
    pages = "docs/scale.md and docs/cost.md"
    print(f"{results['minutes']} minutes; results in {RESULTS.name}, tables in {pages}")
    return 1 if missed else 0


def _measure_all() -> dict[str, Any]:
    began = time.monotonic()
    results: dict[str, Any] = {
        "measuredAt": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": _machine(),
    }
    for key, (title, measure) in SECTIONS.items():
        print(f"{title} …", flush=True)
        results[key] = measure()

    results["minutes"] = round((time.monotonic() - began) / 60, 1)
    return results


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memoryGib": round(psutil.virtual_memory().total / 1024**3),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
