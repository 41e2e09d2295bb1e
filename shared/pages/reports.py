"""Runs and their reports."""

from collections.abc import Mapping
from typing import Any

from ..domain.armid import RouteTableId
from ..domain.people.overview import Mood
from ..domain.runs.run import Run, RunStatus
from ..render import needs_nobody
from .tables import mood_of, named

_MOODS = {
    RunStatus.RUNNING: Mood.WATCH,
    RunStatus.SUCCEEDED: Mood.GOOD,
    RunStatus.FAILED: Mood.BAD,
}
_HEADLINES = {
    RunStatus.RUNNING: "The run is under way",
    RunStatus.SUCCEEDED: "The run succeeded",
    RunStatus.FAILED: "The run failed",
}


def run_row(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "started_at": run.started_at,
        "status": run.status.value,
        "mood": _MOODS[run.status],
        "trigger": run.request.trigger.value,
        "mode": run.request.mode.value,
        "counts": _counted(run.counts),
        "error": f"{run.error.code}: {run.error.message}" if run.error else None,
        "reason": run.request.reason,
    }


def report_head(run: Run, report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "report": report,
        "mood": _MOODS[run.status],
        "headline": _HEADLINES[run.status],
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "counts": _counted(report["counts"]),
    }


def outcome(found: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome's JSON, with what the page says besides."""
    return {
        **found,
        "mood": mood_of(found["status"]),
        **named(RouteTableId.parse(found["routeTableId"])),
        "findings": [
            {**f, "mood": Mood.GOOD if needs_nobody(f["code"]) else Mood.WATCH}
            for f in found["findings"]
        ],
        "retained_lines": [f"{r['prefix']} until {r['until']}" for r in found["retained"]],
        "withheld_lines": [f"{w['change']} {w['prefix']}: {w['why']}" for w in found["withheld"]],
    }


def history_entry(run: Run, found: Mapping[str, Any]) -> dict[str, Any]:
    """What a run did to one table."""
    return {
        **run_row(run),
        "status": found["status"],
        "mood": mood_of(found["status"]),
        **{kind: len(found[kind]) for kind in ("added", "updated", "removed")},
    }


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items() if number)
