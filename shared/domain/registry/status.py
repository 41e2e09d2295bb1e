"""The status: the part of a registered route table that runs and checks have seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..addresses import Source
from ..findings import Finding
from ..runs.outcome import OutcomeStatus
from .contest import Contest
from .holds import Hold


@dataclass(frozen=True, slots=True)
class LastOutcome:
    """The result of the last run that was to write the table.

    `signature` is the one of its outcome. `poisoned` is true if its message was poisoned. The table
    `waits` if the apply policy keeps a change of it until a person approves it.
    """

    run_id: str
    at: datetime
    status: OutcomeStatus
    signature: str = ""
    error: Finding | None = None
    poisoned: bool = False
    waits: bool = False


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
    the table was found right at `verified_at`.
    """

    owned: frozenset[str] | None = None
    subnet_ids: frozenset[str] | None = None
    applied_version_ids: tuple[str, ...] = ()
    verified_at: datetime | None = None
    watched_since: datetime | None = None
    reading: Reading | None = None
    suspended: bool | None = None
    outcome: LastOutcome | None = None
