"""The report of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .outcome import OutcomeStatus
from .run import Run


def report(run: Run, outcomes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole report out of the outcomes' JSON, the worst first."""
    order = {status.value: rank for rank, status in enumerate(OutcomeStatus)}
    found = sorted(outcomes, key=lambda o: (-order[o["status"]], o["routeTableId"].lower()))
    counts = run.counts if run.ended else Counter(outcome["status"] for outcome in found)
    return {
        **run.to_json(),
        "counts": {status.value: counts.get(status, 0) for status in OutcomeStatus},
        "outcomes": found,
    }
