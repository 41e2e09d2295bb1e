"""What became of one route table in one run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .. import codes
from ..armid import RouteTableId
from ..findings import Finding, finding_json
from ..routing.changes import Changes
from ..routing.judgement import Violation, Withheld
from ..routing.plan import Conflict, Retained


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
    findings: tuple[Finding, ...] = ()
    error: Finding | None = None
    correlation_id: str | None = None
    duration_ms: int = 0
    changes: Changes = field(default_factory=Changes)
    """What was done, so that it can be undone."""

    @property
    def found_right(self) -> bool:
        """Whether every wanted address is known to have its route."""
        right = self.status in {OutcomeStatus.CHANGED, OutcomeStatus.UNCHANGED}
        unknown = {codes.TAG_UNAVAILABLE, codes.ASE_UNAVAILABLE}
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
                {"prefix": w.prefix, "change": w.change, "why": w.why.name} for w in self.withheld
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
                    "code": v.code.name,
                    "message": v.message,
                    "observed": v.observed,
                    "limit": v.limit,
                    "forceable": v.forceable,
                }
                for v in self.violations
            ],
            "findings": [finding_json(f) for f in self.findings],
            "error": finding_json(self.error),
            "correlationId": self.correlation_id,
            "durationMs": self.duration_ms,
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
