"""The status: the part of a registered route table that runs and checks have seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .. import codes
from ..addresses import Source
from ..codes import Code, Grade
from ..findings import Finding
from ..runs.outcome import Outcome, OutcomeStatus
from .contest import Contest
from .history import Entry
from .holds import Hold


@dataclass(frozen=True, slots=True)
class LastOutcome:
    """The result of the last run that was to write the table, as far as a list of tables needs it.

    `signature` is the one of its outcome. `poisoned` is true if its message was poisoned. The table
    `waits` if the apply policy keeps a change of it until a person approves it. `violations` and
    `findings` are the codes that a person has to look at. `conflicts` and `withheld` are numbers of
    prefixes.
    """

    run_id: str
    at: datetime
    status: OutcomeStatus
    signature: str = ""
    error: Finding | None = None
    poisoned: bool = False
    waits: bool = False
    violations: tuple[Code, ...] = ()
    findings: tuple[Code, ...] = ()
    conflicts: int = 0
    withheld: int = 0

    @classmethod
    def of(cls, run_id: str, outcome: Outcome, at: datetime, *, poisoned: bool) -> "LastOutcome":
        found = (finding.code for finding in outcome.findings)

        return cls(
            run_id=run_id,
            at=at,
            status=outcome.status,
            signature=outcome.signature,
            error=outcome.error,
            poisoned=poisoned,
            waits=any(change.why == codes.APPLY_POLICY for change in outcome.withheld),
            violations=tuple(dict.fromkeys(violation.code for violation in outcome.violations)),
            findings=tuple(dict.fromkeys(code for code in found if code.grade is not Grade.INFO)),
            conflicts=len(outcome.open_conflicts),
            withheld=len(outcome.withheld),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """The place of a table, its number of routes, and the most routes that it may hold."""

    location: str | None
    routes: int
    route_limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything that runs and checks have seen of one route table. No person writes it.

    - `former_sources` are the sources that it had, and the time at which it lost each of them.
    - `holds` keep prefixes as a rollback left them, or as one that is under way will leave them.
    - `applied_version_ids` are the versions with which it was last found right, at `verified_at`.
    - `sound_foreign` are hashes of its foreign routes: as they were when it was last seen sound,
      and as our last write was to leave them.
    - `subnet_ids` are the keys of the subnets that have the table, or None if it was never read.
    - `owned_left` are the prefixes of our routes as we last left the table.
    - `watched_since` is the time at which the daily check first looked at it.
    - `suspended`: Azure had suspended its environment when the environment was last read.
    - `history`: what the last runs changed or newly found, the newest first.
    """

    former_sources: Mapping[Source, datetime] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    contest: Contest = field(default_factory=Contest)
    applied_version_ids: tuple[str, ...] = ()
    verified_at: datetime | None = None
    sound_foreign: frozenset[str] = frozenset()
    subnet_ids: frozenset[str] | None = None
    owned_left: frozenset[str] | None = None
    last_outcome: LastOutcome | None = None
    watched_since: datetime | None = None
    reading: Reading | None = None
    suspended: bool = False
    history: tuple[Entry, ...] = ()

    def known_since(self, now: datetime) -> datetime | None:
        """Return when the table was last found right, or else since when it is watched.

        A time that lies in the future was recorded while the clock ran ahead, and does not count.
        """
        past = (at for at in (self.verified_at, self.watched_since) if at is not None and at <= now)
        return next(past, None)

    @property
    def held(self) -> tuple[Hold, ...]:
        """The holds of the rollbacks that have written."""
        return tuple(hold for hold in self.holds if hold.open_since is None)

    @property
    def poisoned(self) -> bool:
        """Whether the table's message was poisoned in its last run."""
        return self.last_outcome is not None and self.last_outcome.poisoned


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNews:
    """News about a table. A field without a value is no news.

    `owned` are the prefixes of our routes now. `applied_version_ids` are the versions with which
    the table was found right at `verified_at`. `entry` is for its history, if it is news there.
    """

    owned: frozenset[str] | None = None
    subnet_ids: frozenset[str] | None = None
    applied_version_ids: tuple[str, ...] = ()
    verified_at: datetime | None = None
    watched_since: datetime | None = None
    reading: Reading | None = None
    suspended: bool | None = None
    outcome: LastOutcome | None = None
    entry: Entry | None = None
