"""Log records for operators. Each is one line of JSON, and its key `record` names the kind.

There is one record for each run, table of a run, check, alarm, alert, event and release, and for
each change of a registration. docs/operations.md has the fields and the usual queries.
"""

import json
import logging
from collections.abc import Iterable
from functools import partial

from .domain.armid import RouteTableId
from .domain.findings import Finding
from .domain.people.check_report import CheckReport
from .domain.people.health import Alarm
from .domain.runs.outcome import Outcome
from .domain.runs.run import Run, RunStatus
from .domain.times import utc_text
from .fitting import LEFT_OUT, fitted
from .json_shapes import alarm_json, check_json, finding_json, registration_json
from .sync.registrar import RegistrationChange

MOST_CHARACTERS = 30_000
"""The most characters of a record, because Application Insights cuts a message after 32,768.

JSON that is cut cannot be read, and then no alert rule sees the record.
"""

_log = logging.getLogger("ase_route_sync")


def quiet_libraries() -> None:
    """Stop libraries from logging each request."""
    for name in ("azure", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def log_run(run: Run) -> None:
    """Call this once, when the run has ended."""
    level = logging.ERROR if run.status is RunStatus.FAILED else logging.INFO
    duration = (run.finished_at or run.started_at) - run.started_at
    request = run.request

    _write(
        level,
        "run",
        runId=run.run_id,
        trigger=request.trigger.value,
        action=request.action.value,
        mode=request.mode.value,
        status=run.status.value,
        reason=request.reason,
        requestedBy=request.requested_by,
        startedAt=utc_text(run.started_at),
        durationMs=round(duration.total_seconds() * 1000),
        versionIds=[version.version_id for version in run.versions],
        counts=dict(run.counts),
        error=finding_json(run.error),
    )


def log_outcome(run: Run, outcome: Outcome) -> None:
    level = logging.WARNING if outcome.status.is_bad else logging.INFO

    # The record has only the numbers, because the report has the prefixes.
    _write(
        level,
        "routeTable",
        runId=run.run_id,
        trigger=run.request.trigger.value,
        mode=run.request.mode.value,
        routeTableId=str(outcome.route_table_id),
        status=outcome.status.value,
        added=len(outcome.added),
        updated=len(outcome.updated),
        removed=len(outcome.removed),
        covered=len(outcome.covered),
        retained=len(outcome.retained),
        withheld=len(outcome.withheld),
        conflicts=len(outcome.conflicts),
        violations=[violation.code.name for violation in outcome.violations],
        findings=[finding.code.name for finding in outcome.findings],
        error=finding_json(outcome.error),
        correlationId=outcome.correlation_id,
        durationMs=outcome.duration_ms,
    )


def log_check(report: CheckReport) -> None:
    """Write one record with all figures of the check, and one more for each alarm."""
    counts = {
        "alarms": len(report.alarms),
        f"routeTables{LEFT_OUT}": report.figures.tables - len(report.tables),
    }
    _write(logging.INFO, "check", **check_json(report) | counts)

    log_alarms(report.alarms, check_id=report.check_id)


def log_alarms(alarms: Iterable[Alarm], *, check_id: str | None = None) -> None:
    """Write a record for each alarm, because alert rules look for them one by one."""
    for alarm in alarms:
        _write(logging.ERROR, "alarm", checkId=check_id, **alarm_json(alarm))


def _log_signal(
    record: str,
    name: str | None,
    *,
    run_id: str | None = None,
    ignored: str | None = None,
    error: Finding | None = None,
) -> None:
    """Record the run that an alert or an event started or joined, or why it has none."""
    level = logging.INFO if error is None else logging.ERROR
    _write(level, record, name=name, runId=run_id, ignored=ignored, error=finding_json(error))


log_alert = partial(_log_signal, "alert")
log_event = partial(_log_signal, "event")


def log_release(route_table_id: RouteTableId, *, reason: str, requested_by: str) -> None:
    _write(
        logging.INFO,
        "release",
        routeTableId=str(route_table_id),
        reason=reason,
        requestedBy=requested_by,
    )


def log_registration(change: RegistrationChange) -> None:
    """Record one change of what is registered: before and after it, when, and by whom."""
    at = None if change.at is None else utc_text(change.at)

    _write(
        logging.INFO,
        "registration",
        change=change.kind.value,
        routeTableId=str(change.route_table_id),
        before=change.before and registration_json(change.before),
        after=change.after and registration_json(change.after),
        trigger=change.trigger.value,
        changedAt=at,
        changedBy=change.by,
        madeByTag=change.made_by_tag,
    )


def _write(level: int, record: str, **fields: object) -> None:
    """Write the record, and leave out the end of its longest lists if it is too long.

    `record` stands first in the line: the alert rule of the daily check looks for it there.
    """
    _log.log(level, "%s", json.dumps(fitted({"record": record, **fields}, MOST_CHARACTERS)))
