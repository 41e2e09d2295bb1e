"""How a registered table stands, and how all of them do: what an operator sees first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..addresses import Source, VersionHead
from ..registry.registered_table import RegisteredTable
from ..registry.status import LastOutcome
from ..runs.outcome import OutcomeStatus


class Mood(StrEnum):
    """What a state asks of a person: nothing, to know of it, or to do something."""

    GOOD = "good"
    WATCH = "watch"
    BAD = "bad"


class State(StrEnum):
    """Of one table, from good to bad."""

    RIGHT = "right"
    OFF = "off"
    NEW = "new"
    BEHIND = "behind"
    HELD = "held"
    WAITING = "waiting"
    STALE = "stale"
    CONTESTED = "contested"
    CONFLICT = "conflict"
    BLOCKED = "blocked"
    FAILED = "failed"

    @property
    def mood(self) -> Mood:
        if self in {State.RIGHT, State.OFF}:
            return Mood.GOOD
        return Mood.WATCH if self.rank < State.STALE.rank else Mood.BAD

    @property
    def rank(self) -> int:
        return list(State).index(self)


_OF_OUTCOME = {
    OutcomeStatus.FAILED: State.FAILED,
    OutcomeStatus.BLOCKED: State.BLOCKED,
    OutcomeStatus.CONFLICT: State.CONFLICT,
}


@dataclass(frozen=True, slots=True)
class Standpoint:
    """What tables are looked at from: now, and the newest version of each source."""

    now: datetime
    newest: Mapping[Source, VersionHead]
    max_age_days: int

    def state_of(self, table: RegisteredTable) -> State:
        """The worst that is known of it."""
        return max(self._states_of(table), key=lambda state: state.rank)

    def _states_of(self, table: RegisteredTable) -> Iterable[State]:
        if not table.registration.enabled:
            yield State.OFF
            return
        yield State.RIGHT
        last = _still_counts(table)
        if last is not None and last.status in _OF_OUTCOME:
            yield _OF_OUTCOME[last.status]
        if last is not None and last.status is OutcomeStatus.PLANNED:
            yield State.WAITING
        if table.status.contest.since is not None:
            yield State.CONTESTED
        if table.status.holds:
            yield State.HELD
        if self.behind(table):
            yield State.BEHIND
        yield from self._by_age(table)

    def _by_age(self, table: RegisteredTable) -> Iterable[State]:
        since = table.status.verified_at or table.status.watched_since
        if since is not None and self.now - since > timedelta(days=self.max_age_days):
            yield State.STALE
        elif table.status.verified_at is None:
            yield State.NEW

    def seen(self, table: RegisteredTable) -> list[VersionHead]:
        """The newest versions of what is wanted in it."""
        return [
            self.newest[source] for source in table.registration.sources if source in self.newest
        ]

    def behind(self, table: RegisteredTable) -> bool:
        """Whether a version was seen that it was not yet found right with."""
        if table.status.verified_at is None:
            return False
        return any(v.version_id not in table.status.applied_version_ids for v in self.seen(table))


def _still_counts(table: RegisteredTable) -> LastOutcome | None:
    """Its last outcome, unless it was found right after that."""
    last = table.status.last_outcome
    if last is None or (
        table.status.verified_at is not None and table.status.verified_at > last.at
    ):
        return None
    return last
