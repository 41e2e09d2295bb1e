"""The outcome of one route table in one run."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .. import codes
from ..addresses import UNAVAILABLE
from ..armid import RouteTableId
from ..findings import Finding
from ..routing.changes import Changes, Update
from ..routing.judgement import Approval, Violation, Withheld
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
    """The result for one route table in one run.

    `updates` says of each route that is `updated` how it was and is, and of each whose update is
    `withheld` how it is and would be. `changes` is everything that the run did to the table, so
    that a rollback can undo it. `approval` is what a person approves by approving this run.
    """

    route_table_id: RouteTableId
    status: OutcomeStatus
    version_ids: tuple[str, ...] = ()
    plan_checksum: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    updates: tuple[Update, ...] = ()
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
    approval: Approval = field(default_factory=Approval)

    def with_findings(self, *findings: Finding) -> "Outcome":
        """Return the outcome with these after its own findings."""
        return replace(self, findings=(*self.findings, *findings))

    @property
    def right(self) -> bool:
        """Whether the table is right: every wanted address is known to have its route.

        A pin can keep an address out. A person has decided that, so the address is not wanted.
        """
        good = self.status in {OutcomeStatus.CHANGED, OutcomeStatus.UNCHANGED}
        known = all(finding.code not in UNAVAILABLE for finding in self.findings)
        missing = [
            one for one in self.withheld if one.change != "remove" and one.why != codes.PINNED
        ]
        return good and known and not missing

    @property
    def writes(self) -> bool:
        """Whether the run changed anything, or would change anything if it were no plan."""
        return bool(self.added or self.updated or self.removed)

    @property
    def waiting(self) -> tuple[Withheld, ...]:
        """The changes that wait for an approval because the apply policy asks for one."""
        return tuple(change for change in self.withheld if change.why == codes.APPLY_POLICY)

    @property
    def can_be_approved(self) -> bool:
        """True if something in it waits for a person, who approves or forces it by its run.

        A removal that a guard refuses, and that nobody can force, does not wait for a person.
        """
        shown = frozenset().union(*self.approval.shown.values())
        waits = bool(shown - self.approval.refused.keys())
        forceable = any(violation.forceable for violation in self.violations)
        return self.status is OutcomeStatus.PLANNED or waits or forceable

    @property
    def open_conflicts(self) -> tuple[Conflict, ...]:
        """The conflicts that no exception accepts."""
        return tuple(conflict for conflict in self.conflicts if conflict.accepted is None)

    @property
    def acceptable_conflicts(self) -> tuple[Conflict, ...]:
        """The open conflicts that a person can accept.

        A name that is taken has a finding of its own, and cannot be accepted.
        """
        return tuple(conflict for conflict in self.open_conflicts if not conflict.name_taken)

    @property
    def signature(self) -> str:
        """A hash of everything that a person has to look at, or "" if there is nothing to look at.

        If two outcomes of a table have the same signature, the second one is no news.
        """
        if self.status in {OutcomeStatus.UNCHANGED, OutcomeStatus.CHANGED}:
            return ""

        # Leave out all that differs from day to day although the trouble is the same.
        planned = self.status is OutcomeStatus.PLANNED
        trouble = [
            self.status,
            self.plan_checksum if planned else "",
            self.error.code.name if self.error else None,
            sorted(conflict.prefix for conflict in self.open_conflicts),
            sorted(violation.code.name for violation in self.violations),
            sorted([change.prefix, change.change, change.why.name] for change in self.withheld),
        ]
        return hashlib.sha256(json.dumps(trouble).encode()).hexdigest()[:16]
