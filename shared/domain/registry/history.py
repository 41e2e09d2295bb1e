"""The history of a route table: what runs changed in it, and what they newly found there.

It is kept with the table, so that it survives the runs, which are removed after some time. A run
that found the table as the run before it did is no news.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..runs.outcome import Outcome, OutcomeStatus
from ..runs.run import Action, Run, Trigger

MOST_KEPT = 30
"""Each list of all tables reads the history of each."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The work of one run on the table. The numbers are of routes that it has written."""

    run_id: str
    at: datetime
    action: Action
    trigger: Trigger
    status: OutcomeStatus
    added: int = 0
    updated: int = 0
    removed: int = 0
    requested_by: str | None = None

    @classmethod
    def of(cls, run: Run, outcome: Outcome, at: datetime) -> "Entry":
        request, written = run.request, outcome.changes
        return cls(
            run_id=run.run_id,
            at=at,
            action=request.action,
            trigger=request.trigger,
            status=outcome.status,
            **{kind: len(prefixes) for kind, prefixes in written.by_kind.items()},
            requested_by=request.requested_by,
        )

    @property
    def writes(self) -> bool:
        return bool(self.added or self.updated or self.removed)


def with_entry(history: Sequence[Entry], entry: Entry, *, is_new: bool) -> tuple[Entry, ...]:
    """Return the history, the newest entry first, with this one if it is news.

    An entry that wrote something is news, and so is one of a run that is in the history: it is the
    same outcome, settled again. Of every other one, `is_new` says whether it is.
    """
    others = [known for known in history if known.run_id != entry.run_id]
    if not (is_new or entry.writes or len(others) < len(history)):
        return tuple(history)
    return (entry, *others)[:MOST_KEPT]
