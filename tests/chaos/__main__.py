"""`make chaos`: schedules for SECONDS_OF_CHAOS seconds; the same SEED draws the same ones.

Exit status 0 only without a violation. The last line says what was done.
"""

import functools
import multiprocessing
import os
import secrets
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

from .machine import Figures
from .run import schedules_for

_FARTHER_THAN_ANY = 1_000_000


def main() -> int:
    seconds = float(os.environ.get("SECONDS_OF_CHAOS") or 600)
    seed = int(os.environ.get("SEED") or secrets.randbelow(10**9))
    processes = os.cpu_count() or 1
    print(f"{seconds:g} seconds of chaos in {processes} processes, SEED={seed}", flush=True)
    seeds = [seed + number * _FARTHER_THAN_ANY for number in range(processes)]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        found = pool.map(functools.partial(schedules_for, seconds), seeds)
        total = functools.reduce(Figures.plus, found)
    print(
        f"seed {seed}, " + ", ".join(f"{number} {name}" for name, number in asdict(total).items())
    )
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main())
