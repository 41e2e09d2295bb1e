"""Detect that somebody else undoes our changes to a table again and again.

A pipeline may write the table's routes inline, or another instance may have the same owner: each
undoes our writes, and we repeat them. Such a table is contested until a person releases it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..routing.changes import Changes

MOST_UNDONE = 2
WITHIN = timedelta(days=7)
BETWEEN_WRITES = timedelta(hours=1)
"""A contested table is written at most this often."""
MOST_KEPT = 10


@dataclass(frozen=True, slots=True)
class Undoing:
    """A case in which a run found our changes undone. `by` names who did it, as far as an event or
    an alert has said so.
    """

    at: datetime
    run_id: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contest:
    """The cases in which our changes were undone lately, and the time since it is a contest."""

    undone: tuple[Undoing, ...] = ()
    since: datetime | None = None

    def with_undoing(self, undoing: Undoing) -> "Contest":
        """Add a case. The contest begins with the second case within a week."""
        before = (u for u in self.undone if timedelta() <= undoing.at - u.at <= WITHIN)
        recent = (*before, undoing)[-MOST_KEPT:]
        begins = undoing.at if len(recent) >= MOST_UNDONE else None
        return Contest(recent, self.since or begins)

    def waits(self, now: datetime) -> bool:
        """Whether it is too early to write the contested table again.

        A case that lies in the future was recorded while the clock ran ahead: nothing waits for it.
        """
        if self.since is None or not self.undone:
            return False
        return timedelta() <= now - self.undone[-1].at < BETWEEN_WRITES

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for undoing in self.undone for name in undoing.by))

    def __str__(self) -> str:
        by = ", ".join(self.by) or "somebody whom no event and no alert has named"
        last = ", ".join(f"{undoing.at:%Y-%m-%d %H:%M}" for undoing in self.undone[-3:])
        return f"our changes were undone by {by}, last at {last} UTC"


def is_undone(left: frozenset[str] | None, planned: Changes) -> bool:
    """Return whether the plan repeats changes that we had made already.

    `left` are the prefixes of our routes as we last left the table. A change counts as undone if a
    wanted route of ours was deleted or altered, or if a removed one came back.
    """
    if left is None:
        return False
    again = (planned.added | planned.updated) & left
    return bool(again or planned.removed - left)
