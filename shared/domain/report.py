"""What a run reports: its request, its outcomes and their sum."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from .addresses import Source, service_tag_of
from .armid import EnvironmentId, RouteTableId
from .changes import Changes
from .errors import ASE_UNAVAILABLE, TAG_UNAVAILABLE, RouteSyncError
from .plan import Conflict, Retained

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


class OutcomeStatus(StrEnum):
    """From good to bad."""

    UNCHANGED = "unchanged"
    PLANNED = "planned"
    CHANGED = "changed"
    CONFLICT = "conflict"
    BLOCKED = "blocked"
    FAILED = "failed"

    @property
    def is_bad(self) -> bool:
        """Whether it fails the run."""
        return self in {OutcomeStatus.CONFLICT, OutcomeStatus.BLOCKED, OutcomeStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Fault:
    """A code and what to say about it: an error or a finding."""

    code: str
    message: str

    @classmethod
    def of(cls, error: RouteSyncError) -> Self:
        return cls(error.code, error.message)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A change that a guard holds back."""

    prefix: str
    change: str
    why: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that a plan goes beyond."""

    code: str
    message: str
    observed: float
    limit: float
    forceable: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one table in one run."""

    route_table_id: RouteTableId
    status: OutcomeStatus
    version_ids: tuple[str, ...] = ()
    plan_checksum: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    retained: tuple[Retained, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    violations: tuple[Violation, ...] = ()
    findings: tuple[Fault, ...] = ()
    error: Fault | None = None
    correlation_id: str | None = None
    duration_ms: int = 0
    changes: Changes = field(default_factory=Changes)
    """What was done, so that it can be undone."""

    @property
    def found_right(self) -> bool:
        """Whether every wanted address is known to have its route."""
        right = self.status in {OutcomeStatus.CHANGED, OutcomeStatus.UNCHANGED}
        unknown = {TAG_UNAVAILABLE, ASE_UNAVAILABLE}
        known = all(finding.code not in unknown for finding in self.findings)
        return right and known and all(change.change == "remove" for change in self.withheld)

    @property
    def writes(self) -> bool:
        """Whether anything was changed, or in a plan, would be."""
        return bool(self.added or self.updated or self.removed)

    @property
    def signature(self) -> str:
        return signature_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        return {
            "routeTableId": str(self.route_table_id),
            "status": self.status.value,
            "versionIds": list(self.version_ids),
            "planChecksum": self.plan_checksum,
            "added": list(self.added),
            "removed": list(self.removed),
            "updated": list(self.updated),
            "covered": list(self.covered),
            "retained": [{"prefix": r.prefix, "until": r.until.isoformat()} for r in self.retained],
            "withheld": [
                {"prefix": w.prefix, "change": w.change, "why": w.why} for w in self.withheld
            ],
            "conflicts": [
                {
                    "prefix": c.prefix,
                    "routeName": c.route_name,
                    "nextHopType": c.next_hop_type,
                    "accepted": c.accepted,
                }
                for c in self.conflicts
            ],
            "violations": [
                {
                    "code": v.code,
                    "message": v.message,
                    "observed": v.observed,
                    "limit": v.limit,
                    "forceable": v.forceable,
                }
                for v in self.violations
            ],
            "findings": [fault_json(f) for f in self.findings],
            "error": fault_json(self.error),
            "correlationId": self.correlation_id,
            "durationMs": self.duration_ms,
        }


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
    error: Fault | None = None
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
            "error": fault_json(self.error),
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


def signature_of(outcome: Mapping[str, Any]) -> str:
    """Of an outcome's JSON: the same where a person has to look at the same; empty where nobody
    has to.
    """
    if outcome["status"] in {OutcomeStatus.UNCHANGED, OutcomeStatus.CHANGED}:
        return ""
    error = outcome["error"]
    planned = outcome["status"] == OutcomeStatus.PLANNED
    what = [
        outcome["status"],
        outcome["planChecksum"] if planned else "",
        error["code"] if error else None,
        sorted(c["prefix"] for c in outcome["conflicts"] if c["accepted"] is None),
        sorted(violation["code"] for violation in outcome["violations"]),
        sorted([w["prefix"], w["change"], w["why"]] for w in outcome["withheld"]),
    ]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def run_id_of(at: datetime, distinction: str) -> str:
    """Sorts by time, in microseconds; `distinction` is 8 hexadecimal digits."""
    return f"{at:%Y%m%d%H%M%S%f}-{distinction}"


def final_status(error: Fault | None, counts: Mapping[str, int]) -> RunStatus:
    bad = any(counts.get(status, 0) for status in OutcomeStatus if status.is_bad)
    return RunStatus.FAILED if bad or error is not None else RunStatus.SUCCEEDED


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


def listed(code: str, said: str, prefixes: Sequence[str]) -> tuple[Fault, ...]:
    """One finding of all these prefixes, where there are any."""
    return (Fault(code, f"{said}: {', '.join(prefixes)}"),) if prefixes else ()


def fault_json(fault: Fault | None) -> dict[str, str] | None:
    return None if fault is None else {"code": fault.code, "message": fault.message}


def utc_text(at: datetime) -> str:
    """ISO 8601 with Z, in microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
