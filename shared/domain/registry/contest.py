"""Whether somebody else undoes what we do to a table, again and again.

A pipeline that writes the table's routes inline, or a second instance with the same owner: each of
our writes is undone, and done again. Then the table is contested, until a person releases it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..routing.changes import Changes

MOST_UNDONE = 2
WITHIN = timedelta(days=7)
BETWEEN_WRITES = timedelta(hours=1)
"""To a contested table."""
MOST_KEPT = 10


@dataclass(frozen=True, slots=True)
class Undoing:
    """Our change was found undone by this run. `by` are the names that an alert gave."""

    at: datetime
    run_id: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contest:
    """What was undone of late, and since when the table is contested."""

    undone: tuple[Undoing, ...] = ()
    since: datetime | None = None

    def with_undoing(self, undoing: Undoing) -> "Contest":
        """Contested from here on where it is one too many; what is long ago does not count."""
        recent = (*(u for u in self.undone if undoing.at - u.at <= WITHIN), undoing)[-MOST_KEPT:]
        begins = undoing.at if len(recent) >= MOST_UNDONE else None
        return Contest(recent, self.since or begins)

    def rests(self, now: datetime) -> bool:
        """Whether it is too early to write the contested table again."""
        if self.since is None or not self.undone:
            return False
        return now - self.undone[-1].at < BETWEEN_WRITES

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for undoing in self.undone for name in undoing.by))

    def __str__(self) -> str:
        by = ", ".join(self.by) or "somebody whom no activity log alert has named"
        last = ", ".join(f"{undoing.at:%Y-%m-%d %H:%M}" for undoing in self.undone[-3:])
        return f"our changes were undone by {by}, last at {last} UTC"


def is_undone(left: frozenset[str] | None, planned: Changes) -> bool:
    """Whether the plan does again what we had done: `left` are the prefixes of our routes as we
    last left the table.
    """
    if left is None:
        return False
    again = (planned.added | planned.updated) & left
    return bool(again or planned.removed - left)
