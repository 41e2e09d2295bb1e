"""Runs and their reports."""

from collections.abc import Mapping
from typing import Any

from ..domain import codes
from ..domain.findings import Finding, without_remedy
from ..domain.people.check_report import CheckedTable, CheckReport
from ..domain.people.health import Alarm
from ..domain.people.next_steps import About, NextStep, acceptable, step_for_code, step_for_state
from ..domain.people.notices import number_of
from ..domain.people.overview import Mood, State
from ..domain.people.waiting import counted_changes
from ..domain.registry.history import Entry
from ..domain.routing.judgement import Violation
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..domain.runs.report import Report
from ..domain.runs.run import Action, Mode, Run, RunStatus
from ..domain.surroundings.search import FoundEnvironment, FoundService
from ..render import mode_or_action, needs_nobody, since_right
from .tables import Context, mood_of, named
from .todo import mood_of_alarm

_MOODS = {
    RunStatus.RUNNING: Mood.WATCH,
    RunStatus.SUCCEEDED: Mood.GOOD,
    RunStatus.FAILED: Mood.BAD,
}
_HEADLINES = {
    RunStatus.RUNNING: "The run is under way",
    RunStatus.SUCCEEDED: "The run succeeded",
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
    run, to_approve = report.run, _to_approve(report)
    mood, headline = _headline(report, to_approve)
    return {
        "run": run,
        "mood": mood,
        "headline": headline,
        "mode": mode_or_action(run),
        "to_approve": to_approve,
        **_findings_of(report),
    }


def _findings_of(report: Report) -> Context:
    error, result = report.run.error, report.result
    alarms = result.alarms if isinstance(result, CheckReport) else ()
    return {
        "counts": _counted(report.counts),
        "error": error and fault_block(error, About(), Mood.BAD),
        "result": result,
        "alarms": [_alarm_block(alarm) for alarm in alarms],
        "not_begun": report.not_begun,
    }


def _alarm_block(alarm: Alarm) -> Context:
    about = About(route_table_id=alarm.route_table_id)
    return {**fault_block(alarm, about, mood_of_alarm(alarm)), "table": alarm.route_table_id}


def _headline(report: Report, to_approve: int) -> tuple[Mood, str]:
    """A run that succeeded may still leave something to a person."""
    run = report.run
    if run.status is RunStatus.FAILED:
        return Mood.BAD, f"The run failed: {_failure(report)}"
    if isinstance(report.result, CheckReport):
        return _check_headline(report.result)
    if run.status is not RunStatus.SUCCEEDED or not to_approve:
        return _MOODS[run.status], _HEADLINES[run.status]
    tables = number_of(to_approve, "route table")
    if run.request.mode is Mode.PLAN:
        return Mood.WATCH, f"A plan: {tables} would change"
    return Mood.WATCH, f"{tables} wait{'s' if to_approve == 1 else ''} for approval"


def _check_headline(check: CheckReport) -> tuple[Mood, str]:
    """A check that has come to its end succeeded, whatever it found."""
    right, tables = check.figures.right, number_of(check.figures.tables, "route table")
    more = f", and {number_of(len(check.alarms), 'alarm')}" if check.alarms else ""
    headline = f"The check found {right} of {tables} right{more}"

    is_wrong = Mood.BAD in map(mood_of_alarm, check.alarms)
    if is_wrong or right < check.figures.tables:
        return Mood.BAD, headline
    return (Mood.GOOD if check.all_right else Mood.WATCH), headline


def _failure(report: Report) -> str:
    error = report.run.error
    if error is not None:
        return str(error.code)
    bad, every = sum(one.status.is_bad for one in report.outcomes), len(report.outcomes)
    return f"{bad} of {number_of(every, 'route table')} {'needs' if bad == 1 else 'need'} a person"


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


def outcome_of_run(run: Run, outcome: Outcome) -> Context:
    return outcome_block(outcome, About.of(run, outcome.route_table_id, acceptable(outcome)))


def outcome_block(outcome: Outcome, about: About) -> Context:
    """Return the outcome as its template needs it.

    With the ids of `about`, each fault and the conflicts have the command that helps.
    """
    faults: list[Finding | Violation] = [*outcome.violations]
    if outcome.error is not None:
        faults.insert(0, outcome.error)

    return {
        "outcome": outcome,
        "mood": mood_of(outcome.status),
        **named(outcome.route_table_id),
        "faults": [fault_block(each, about, Mood.BAD) for each in faults],
        "findings": [fault_block(each, about) for each in outcome.findings],
        "accept": _accept(outcome, about),
        "waits": counted_changes(outcome.waiting),
        **_unmade(outcome),
    }


def _accept(outcome: Outcome, about: About) -> NextStep | None:
    return step_for_state(State.CONFLICT, about) if outcome.acceptable_conflicts else None


def _unmade(outcome: Outcome) -> Context:
    """Return the changes that were not made, each with the day or the reason."""
    return {
        "retained": [f"{each.prefix} until {each.until}" for each in outcome.retained],
        "withheld": [f"{each.change} {each.prefix}: {each.why}" for each in outcome.withheld],
    }


def fault_block(
    found: Finding | Violation | Alarm, about: About | None = None, mood: Mood | None = None
) -> Context:
    """Return what was found, and what to do about it if it needs a person."""
    mood = mood or (Mood.GOOD if needs_nobody(found.code) else Mood.WATCH)
    step = step_for_code(found.code, about or About())
    message = without_remedy(found.code, found.message)
    is_said = mood is Mood.GOOD or step.remedy in message
    return {
        "code": found.code,
        "message": message,
        "mood": mood,
        "remedy": None if is_said else step.remedy,
        "command": None if about is None or mood is Mood.GOOD else step.command,
    }


def found_row(found: FoundEnvironment | FoundService) -> Context:
    """Return the row about what a discovery has found, for the page of its run."""
    resource, is_service = found.resource_id, isinstance(found, FoundService)
    return {
        "found": found,
        "is_service": is_service,
        "kind": found.service if isinstance(found, FoundService) else found.kind,
        "name": resource.name,
        "group": f"{resource.resource_group} · {resource.subscription_id}",
        "findings": [fault_block(each) for each in found.findings],
    }


def checked_row(checked: CheckedTable) -> Context:
    """Return the row about this route table on the page of a check."""
    table, error = checked.route_table_id, checked.error
    return {
        **named(table),
        "route_table_id": table,
        "mood": _checked_mood(checked),
        "said": checked.words,
        "error": error and fault_block(error, About(route_table_id=table), Mood.BAD),
        "since": since_right(checked),
    }


def _checked_mood(checked: CheckedTable) -> Mood:
    if checked.right:
        return Mood.GOOD
    return Mood.BAD if checked.is_judged or checked.error else Mood.WATCH


def history_row(entry: Entry) -> Context:
    """Return the row about this run in the history of one table."""
    return {"entry": entry, "mood": mood_of(entry.status)}


def _counted(counts: Mapping[OutcomeStatus, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items() if number)
