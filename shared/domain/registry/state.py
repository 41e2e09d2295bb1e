"""What was seen of a registered route table."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..findings import Finding, finding_json
from ..runs.outcome import OutcomeStatus
from ..times import utc_text


@dataclass(frozen=True, slots=True)
class LastOutcome:
    """What became of the table in the last run that was to write it.

    `signature` is the outcome's own. `poisoned`: the queue gave it up.
    """

    run_id: str
    at: datetime
    status: OutcomeStatus
    signature: str = ""
    error: Finding | None = None
    poisoned: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "runId": self.run_id,
            "at": utc_text(self.at),
            "status": self.status.value,
            "error": finding_json(self.error),
            "poisoned": self.poisoned,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """A table as last read: where it is, how many routes it has, and how many it may have."""

    location: str | None
    routes: int
    route_limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is newly known of a table. None: nothing new.

    `verified_with` are the versions by which it was found right, at `verified_at`; `watched_since`
    is when the daily check first looked at it.
    """

    owned: frozenset[str] | None = None
    subnet_ids: frozenset[str] | None = None
    verified_with: tuple[str, ...] = ()
    verified_at: datetime | None = None
    watched_since: datetime | None = None
    reading: Reading | None = None
    outcome: LastOutcome | None = None
