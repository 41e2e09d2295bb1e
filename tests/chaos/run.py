"""Schedules one after the other, for as long as one likes, in a process of their own."""

import logging
import os
import time
import traceback

from local.azure.server import SimulatedAzure
from local.azurite import Azurite

from .machine import Figures, run_schedules
from .world import Site

SCHEDULES_AT_A_TIME = 4
"""Drawn from one seed, which is printed where they bring something to light."""


def schedules_for(seconds: float, seed: int) -> Figures:
    logging.disable()  # what the product says of the faults that it meets
    total = Figures()
    ends_at = time.monotonic() + seconds
    with Azurite() as azurite, SimulatedAzure() as azure:
        os.environ.update(azure.environment())
        site = Site(azure, azurite.connection_string())
        while time.monotonic() < ends_at:
            figures = Figures()
            try:
                run_schedules(site, figures, seed=seed, schedules=SCHEDULES_AT_A_TIME)
            except Exception:  # whatever a schedule brings to light is one
                print(f"found with seed {seed}:\n{traceback.format_exc()}", flush=True)
                figures.violations = max(1, figures.violations)
            total = total.plus(figures)
            seed += 1
    return total
