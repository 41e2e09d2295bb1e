"""Some schedules; `make chaos` runs them for as long as one likes."""

from tests.builders.cases import cases

from .machine import Figures, run_schedules
from .world import Site

SCHEDULES = cases(some=8, many=100)


def test_no_schedule_makes_a_network_worse(site: Site) -> None:
    figures = Figures()
    run_schedules(site, figures, seed=20261123, schedules=SCHEDULES, shrink=True)
    assert figures.schedules >= SCHEDULES
    assert figures.states > figures.schedules
    assert figures.violations == 0
