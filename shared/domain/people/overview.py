"""The state of each registered table, which an operator sees first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..addresses import Source, VersionHead
from ..registry.registered_table import RegisteredTable
from ..registry.status import LastOutcome, Status
from ..runs.outcome import OutcomeStatus


class Mood(StrEnum):
    """A state asks nothing of a person, or to watch it, or to do something."""

    NEUTRAL = "neutral"
    """It is neither good nor bad."""
    GOOD = "good"
    WATCH = "watch"
    BAD = "bad"


class State(StrEnum):
    """The state of one table, from good to bad.

    If several apply, the last one counts: it says best what to do.
    """

    OFF = "off"
    RIGHT = "right"
    NEW = "new"
    BEHIND = "behind"
    HELD = "held"
    STALE = "stale"
    PLANNED = "planned"
    WAITING = "waiting"
    CONTESTED = "contested"
    CONFLICT = "conflict"
    BLOCKED = "blocked"
    FAILED = "failed"
    SUSPENDED = "suspended"

    @property
    def words(self) -> str:
        """The state as people read it, in every place."""
        return _WORDS[self]

    @property
    def mood(self) -> Mood:
        return _MOODS.get(self, Mood.BAD)

    @property
    def rank(self) -> int:
        return list(State).index(self)


_WORDS = {
    State.OFF: "switched off",
    State.RIGHT: "right",
    State.NEW: "not looked at yet",
    State.BEHIND: "newer version seen",
    State.HELD: "held",
    State.STALE: "not found right lately",
    State.PLANNED: "would change",
    State.WAITING: "waits for approval",
    State.CONTESTED: "contested",
    State.CONFLICT: "conflict",
    State.BLOCKED: "blocked",
    State.FAILED: "failed",
    State.SUSPENDED: "environment suspended",
}
_MOODS = {
    State.OFF: Mood.NEUTRAL,
    State.RIGHT: Mood.GOOD,
    **dict.fromkeys(
        (State.NEW, State.BEHIND, State.HELD, State.PLANNED, State.WAITING), Mood.WATCH
    ),
}
"""Every other state is bad."""
_OF_OUTCOME = {
    OutcomeStatus.FAILED: State.FAILED,
    OutcomeStatus.BLOCKED: State.BLOCKED,
    OutcomeStatus.CONFLICT: State.CONFLICT,
    OutcomeStatus.PLANNED: State.PLANNED,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A registered table as a list shows it."""

    table: RegisteredTable
    state: State
    mood: Mood


@dataclass(frozen=True, slots=True)
class Standpoint:
    """The time now, and the newest version of each source. Tables are judged by these."""

    now: datetime
    newest: Mapping[Source, VersionHead]
    max_age_days: int

    def judge(self, table: RegisteredTable) -> "Judged":
        """Return the table with the last state that applies to it, and the worst mood of all.

        A table that has waited for an approval for days is not right, so that it is bad.
        """
        states = [*self._states_of(table)]
        mood = max((state.mood for state in states), key=list(Mood).index)
        return Judged(table, max(states, key=lambda state: state.rank), mood)

    def state_of(self, table: RegisteredTable) -> State:
        return self.judge(table).state

    def _states_of(self, table: RegisteredTable) -> Iterable[State]:
        if table.unreadable is not None:
            yield State.FAILED
            return
        if not table.registration.enabled:
            yield State.OFF
            return

        # Every state that applies is named, and `state_of` takes the last one.
        yield State.RIGHT
        yield from self._by_outcome(table.status)
        if table.status.suspended:
            yield State.SUSPENDED
        if table.status.contest.since is not None:
            yield State.CONTESTED
        if table.status.held:
            yield State.HELD
        if self.behind(table):
            yield State.BEHIND
        yield from self._by_age(table.status)

    def _by_outcome(self, status: Status) -> Iterable[State]:
        last = self._last_outcome(status)
        if last is None:
            return
        if last.status in _OF_OUTCOME:
            yield _OF_OUTCOME[last.status]
        # A plan that waits for nobody was made while the app was paused.
        if last.waits:
            yield State.WAITING

    def _by_age(self, status: Status) -> Iterable[State]:
        since = status.known_since(self.now)
        if since is not None and self.now - since > timedelta(days=self.max_age_days):
            yield State.STALE
        elif status.verified_at is None:
            yield State.NEW

    def _last_outcome(self, status: Status) -> LastOutcome | None:
        """Return the last outcome, unless the table was found right after it."""
        last, verified_at = status.last_outcome, status.verified_at
        if last is None or verified_at is None:
            return last
        return None if last.at < verified_at <= self.now else last

    def run_behind(self, table: RegisteredTable) -> str | None:
        """Return the id of the run whose outcome still counts for the table, if there is one."""
        last = self._last_outcome(table.status)
        return None if last is None else last.run_id

    def seen(self, table: RegisteredTable) -> list[VersionHead]:
        """Return the newest versions of the table's sources."""
        return [
            self.newest[source] for source in table.registration.sources if source in self.newest
        ]

    def behind(self, table: RegisteredTable) -> bool:
        """Whether a wanted version was seen with which the table was not found right yet."""
        if table.status.verified_at is None:
            return False
        desired = table.registration.desired_version_id
        wanted = {desired(newest.version_id, newest.source) for newest in self.seen(table)}
        return not wanted.issubset(table.status.applied_version_ids)
