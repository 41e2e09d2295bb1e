"""Runs and their reports."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..domain import codes
from ..domain.findings import Finding
from ..domain.people.check_report import CheckedTable
from ..domain.people.overview import Mood
from ..domain.registry.history import Entry
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..domain.runs.report import Report
from ..domain.runs.run import Action, Mode, Run, RunStatus
from ..domain.surroundings.search import FoundEnvironment
from ..render import mode_or_action, needs_nobody, since_right
from .tables import Context, mood_of, named

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


def run_row(run: Run) -> Context:
    return {
        "run_id": run.run_id,
        "started_at": run.started_at,
        "status": run.status,
        "mood": _MOODS[run.status],
        "trigger": run.request.trigger,
        "mode": mode_or_action(run),
        "counts": _counted(run.counts),
        "error": f"{run.error.code}: {run.error.message}" if run.error else None,
        "reason": run.request.reason,
    }


def report_head(report: Report) -> dict[str, Any]:
    status = report.run.status
    return {
        "run": report.run,
        "mood": _MOODS[status],
        "headline": _HEADLINES[status],
        "mode": mode_or_action(report.run),
        "counts": _counted(report.counts),
        "result": report.result,
        "to_approve": _to_approve(report),
        "not_begun": report.not_begun,
    }


def _to_approve(report: Report) -> int:
    """Return for how many tables of a run that has ended an approval would write something."""
    request = report.run.request
    if not report.run.ended or request.action is not Action.SYNC:
        return 0
    planned = request.mode is Mode.PLAN
    return sum(
        any(change.why == codes.APPLY_POLICY for change in outcome.withheld)
        or (planned and outcome.writes)
        for outcome in report.outcomes
    )


def outcome_block(outcome: Outcome) -> Context:
    """Return the outcome as its template needs it."""
    return {
        "outcome": outcome,
        "mood": mood_of(outcome.status),
        **named(outcome.route_table_id),
        "findings": _findings(outcome.findings),
        "retained": [f"{each.prefix} until {each.until}" for each in outcome.retained],
        "withheld": [f"{each.change} {each.prefix}: {each.why}" for each in outcome.withheld],
    }


def environment_row(found: FoundEnvironment) -> Context:
    """Return the row about this environment on the page of a discovery."""
    environment = found.environment_id
    return {
        "found": found,
        "name": environment.name,
        "group": f"{environment.resource_group} · {environment.subscription_id}",
        "findings": _findings(found.findings),
    }


def checked_row(checked: CheckedTable) -> Context:
    """Return the row about this route table on the page of a check."""
    return {
        **named(checked.route_table_id),
        "route_table_id": checked.route_table_id,
        "mood": Mood.GOOD if checked.right else Mood.BAD,
        "said": "right" if checked.right else checked.status or "not judged",
        "error": checked.error,
        "since": since_right(checked),
    }


def history_row(entry: Entry) -> Context:
    """Return the row about this run in the history of one table."""
    return {"entry": entry, "mood": mood_of(entry.status)}


def _findings(findings: Iterable[Finding]) -> list[Context]:
    return [
        {"said": each, "mood": Mood.GOOD if needs_nobody(each.code) else Mood.WATCH}
        for each in findings
    ]


def _counted(counts: Mapping[OutcomeStatus, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items() if number)
