"""Records for those who operate the app: each is one line of JSON, `record` says of what.

One a run, one a table of a run, one a check, one an alarm, one an alert, one a release. Their
fields and the usual questions to them: docs/operations.md.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from .domain.armid import RouteTableId
from .domain.findings import finding_json
from .domain.runs.outcome import Outcome
from .domain.runs.run import Run, RunStatus
from .domain.times import utc_text

MAX_TABLES = 50
"""Of a check's record, the worst first: a trace holds 32 kB."""

_log = logging.getLogger("ase_route_sync")


def quiet_libraries() -> None:
    """They would write each request, and a webhook's URL is a key."""
    for name in ("azure", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def log_run(run: Run) -> None:
    """Once, when the run has ended."""
    finished = run.finished_at or run.started_at
    _write(
        logging.ERROR if run.status is RunStatus.FAILED else logging.INFO,
        "run",
        runId=run.run_id,
        trigger=run.request.trigger.value,
        action=run.request.action.value,
        mode=run.request.mode.value,
        status=run.status.value,
        reason=run.request.reason,
        requestedBy=run.request.requested_by,
        startedAt=utc_text(run.started_at),
        durationMs=round((finished - run.started_at).total_seconds() * 1000),
        versionIds=[version.version_id for version in run.versions],
        counts=dict(run.counts),
        error=finding_json(run.error),
    )


def log_outcome(run: Run, outcome: Outcome) -> None:
    _write(
        logging.WARNING if outcome.status.is_bad else logging.INFO,
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
        violations=[violation.code for violation in outcome.violations],
        findings=[finding.code for finding in outcome.findings],
        error=finding_json(outcome.error),
        correlationId=outcome.correlation_id,
        durationMs=outcome.duration_ms,
    )


def log_check(report: Mapping[str, Any]) -> None:
    """All its figures, and a record of its own for each alarm."""
    listed = report["routeTables"][:MAX_TABLES]
    _write(
        logging.INFO,
        "check",
        **{key: value for key, value in report.items() if key not in {"alarms", "routeTables"}},
        alarms=len(report["alarms"]),
        routeTables=listed,
        routeTablesLeftOut=report["tables"] - len(listed),
    )
    for alarm in report["alarms"]:
        _write(logging.ERROR, "alarm", checkId=report["checkId"], **alarm)


def log_alert(name: str | None, *, run_id: str | None = None, ignored: str | None = None) -> None:
    """What became of an alert: the run it started or joined, or why it was ignored."""
    _write(logging.INFO, "alert", name=name, runId=run_id, ignored=ignored)


def log_release(route_table_id: RouteTableId, *, reason: str, requested_by: str) -> None:
    _write(
        logging.INFO,
        "release",
        routeTableId=str(route_table_id),
        reason=reason,
        requestedBy=requested_by,
    )


def _write(level: int, record: str, **fields: object) -> None:
    _log.log(level, "%s", json.dumps({"record": record, **fields}))
