"""One record a table and one a run: JSON with the fields of the report that are not lists."""

import json
import logging

from shared.domain.armid import RouteTableId
from shared.domain.report import Outcome, Run, RunStatus, fault_json, utc_text

_log = logging.getLogger("ase_route_sync")


def log_run(run: Run) -> None:
    """Once, when the run has ended."""
    fields = {
        "runId": run.run_id,
        "trigger": run.request.trigger.value,
        "mode": run.request.mode.value,
        "status": run.status.value,
        "startedAt": utc_text(run.started_at),
        "counts": dict(run.counts),
        "error": fault_json(run.error),
    }
    level = logging.ERROR if run.status is RunStatus.FAILED else logging.INFO
    _log.log(level, "run %s", json.dumps(fields))


def log_outcome(run_id: str, outcome: Outcome) -> None:
    fields = {
        "runId": run_id,
        "routeTableId": str(outcome.route_table_id),
        "status": outcome.status.value,
        "added": len(outcome.added),
        "updated": len(outcome.updated),
        "removed": len(outcome.removed),
        "withheld": len(outcome.withheld),
        "conflicts": len(outcome.conflicts),
        "violations": [violation.code for violation in outcome.violations],
        "error": fault_json(outcome.error),
        "correlationId": outcome.correlation_id,
        "durationMs": outcome.duration_ms,
    }
    _log.info("route table %s", json.dumps(fields))


def log_release(route_table_id: RouteTableId, reason: str) -> None:
    fields = {"routeTableId": str(route_table_id), "reason": reason}
    _log.info("released %s", json.dumps(fields))
