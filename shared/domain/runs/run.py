"""One run: who asked for it, for what, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..addresses import Source, service_tag_of
from ..armid import EnvironmentId, RouteTableId
from ..findings import Finding, finding_json
from ..times import utc_text
from .outcome import OutcomeStatus

MAX_RUN_TIME = timedelta(hours=2)
"""A run that has not ended by then is ended as Failed."""


class Mode(StrEnum):
    APPLY = "apply"
    PLAN = "plan"


class Action(StrEnum):
    SYNC = "sync"
    ADOPT = "adopt"
    ROLLBACK = "rollback"
    PROVISION = "provision"
    REMOVE = "remove"


class Trigger(StrEnum):
    TIMER = "timer"
    CHECK = "check"
    HTTP = "http"
    ALERT = "alert"
    CLI = "cli"


class RunStatus(StrEnum):
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a trigger asks for; no route tables means all that are registered and enabled.

    `plan_run_id` is the plan run that is approved; `force` are the violations let pass. A rollback
    undoes `undone_run_id`; an adoption may take over routes with the stamp of `from_owner`. A
    removal takes away every route of ours. A
    provision gives `ase_id` a table with these Azure tags, and its security group the rule it
    needs where `ensure_nsg` is set. `prompted_by` are the names that an alert gives of whoever did
    what it is about.
    """

    trigger: Trigger
    mode: Mode
    action: Action = Action.SYNC
    route_tables: tuple[RouteTableId, ...] = ()
    plan_run_id: str | None = None
    force: tuple[str, ...] = ()
    undone_run_id: str | None = None
    from_owner: str | None = None
    ase_id: EnvironmentId | None = None
    azure_tags: Mapping[str, str] = field(default_factory=dict)
    ensure_nsg: bool = False
    reason: str | None = None
    change_id: str | None = None
    requested_by: str | None = None
    prompted_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """A version that a run worked from; what it brought counts where this run recorded it."""

    version_id: str
    cloud: str
    source: Source
    change_number: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `unusable` says of each source that cannot be believed now why; `notice_due` that
    it has ended and nobody has been told yet.
    """

    run_id: str
    request: RunRequest
    started_at: datetime
    status: RunStatus = RunStatus.RUNNING
    finished_at: datetime | None = None
    fanned_out_at: datetime | None = None
    error: Finding | None = None
    unusable: Mapping[Source, str] = field(default_factory=dict)
    versions: tuple[VersionSeen, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    notice_due: bool = False
    etag: str = ""

    @property
    def ended(self) -> bool:
        return self.status is not RunStatus.RUNNING

    def overdue(self, now: datetime) -> bool:
        return not self.ended and now - self.started_at >= MAX_RUN_TIME

    def to_json(self) -> dict[str, Any]:
        """The report without its outcomes."""
        return {
            "runId": self.run_id,
            "trigger": self.request.trigger.value,
            "mode": self.request.mode.value,
            "status": self.status.value,
            "reason": self.request.reason,
            "changeId": self.request.change_id,
            "requestedBy": self.request.requested_by,
            "startedAt": utc_text(self.started_at),
            "finishedAt": None if self.finished_at is None else utc_text(self.finished_at),
            "error": finding_json(self.error),
            "versions": [
                {
                    "versionId": v.version_id,
                    "cloud": v.cloud,
                    "serviceTag": service_tag_of(v.source),
                    "changeNumber": v.change_number,
                    "added": list(v.added),
                    "removed": list(v.removed),
                }
                for v in self.versions
            ],
            "counts": {status.value: self.counts.get(status, 0) for status in OutcomeStatus},
        }


def run_id_of(at: datetime, distinction: str) -> str:
    """Sorts by time, in microseconds; `distinction` is 8 hexadecimal digits."""
    return f"{at:%Y%m%d%H%M%S%f}-{distinction}"


def final_status(error: Finding | None, counts: Mapping[str, int]) -> RunStatus:
    bad = any(counts.get(status, 0) for status in OutcomeStatus if status.is_bad)
    return RunStatus.FAILED if bad or error is not None else RunStatus.SUCCEEDED
