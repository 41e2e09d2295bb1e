"""What is registered for a route table, and what it has applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from .armid import RouteTableId
from .report import utc_text


class ApplyPolicy(StrEnum):
    """What waits for a person's approval, the least strict first."""

    AUTO = "auto"
    ADDITIVE = "additive"
    APPROVAL = "approval"


def strictest(*policies: ApplyPolicy) -> ApplyPolicy:
    return max(policies, key=list(ApplyPolicy).index)


@dataclass(frozen=True, slots=True)
class RouteException:
    """A foreign route on a wanted prefix that is meant to be there, to the end of a day (UTC)."""

    prefix: str
    reason: str
    until: date

    def to_json(self) -> dict[str, str]:
        return {"prefix": self.prefix, "reason": self.reason, "until": self.until.isoformat()}


@dataclass(frozen=True, slots=True)
class Hold:
    """A prefix that a rollback put back: what the tags say of it counts again after a release.

    `routed` has its route for as long; the others are neither added, updated nor removed. The
    rollback undid a run, and was one itself.
    """

    prefix: str
    routed: bool
    undone_run_id: str
    rollback_run_id: str

    def to_json(self) -> dict[str, Any]:
        return {
            "prefix": self.prefix,
            "routed": self.routed,
            "undoneRunId": self.undone_run_id,
            "rollbackRunId": self.rollback_run_id,
        }


@dataclass(frozen=True, slots=True)
class Registration:
    """One registered route table. Its desired set is the union of its service tags.

    `former_tags` are those it had, and until when. `sound_foreign` are the hashes of what was not
    ours when the table was last seen sound, and as our last write was to leave it.
    """

    route_table_id: RouteTableId
    service_tags: tuple[str, ...]
    ase_id: str | None = None
    apply_policy: ApplyPolicy | None = None
    exceptions: tuple[RouteException, ...] = ()
    enabled: bool = True
    note: str | None = None
    former_tags: Mapping[str, datetime] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    applied_version_ids: tuple[str, ...] = ()
    verified_at: datetime | None = None
    sound_foreign: frozenset[str] = frozenset()

    def replaced_by(self, new: "Registration", at: datetime) -> "Registration":
        """The new one, with what was seen and held of this: a tag that it lost is a former one."""
        former = {
            **dict.fromkeys(self.service_tags, at),
            **self.former_tags,
        }
        return replace(
            new,
            former_tags={t: left for t, left in former.items() if t not in new.service_tags},
            holds=self.holds,
            applied_version_ids=self.applied_version_ids,
            verified_at=self.verified_at,
            sound_foreign=self.sound_foreign,
        )

    def accepted(self, today: date) -> dict[str, str]:
        """The reason of each exception that has not ended."""
        return {e.prefix: e.reason for e in self.exceptions if today <= e.until}

    def to_json(self) -> dict[str, Any]:
        return {
            "routeTableId": str(self.route_table_id),
            "aseId": self.ase_id,
            "serviceTags": list(self.service_tags),
            "addressSource": "serviceTag",
            "routeStyle": "prefixes",
            "applyPolicy": self.apply_policy.value if self.apply_policy else None,
            "exceptions": [exception.to_json() for exception in self.exceptions],
            "held": [hold.to_json() for hold in self.holds],
            "enabled": self.enabled,
            "note": self.note,
            "appliedVersionIds": list(self.applied_version_ids),
            "verifiedAt": None if self.verified_at is None else utc_text(self.verified_at),
        }
