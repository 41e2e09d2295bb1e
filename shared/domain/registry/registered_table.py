"""A registered route table."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .. import codes
from ..addresses import Source
from ..armid import RouteTableId
from ..findings import Finding
from .contest import Contest, Undoing
from .history import Entry, with_entry
from .holds import Hold, closed, with_open
from .registration import Registration
from .status import Status, TableNews


@dataclass(frozen=True, slots=True)
class RegisteredTable:
    """A route table with the wishes of a person and with everything that was seen of it.

    The two parts have different writers, as `spec` and `status` of Kubernetes have. If the row
    cannot be read, `unreadable` says why, and nothing else is known of the table. `changed_at` and
    `changed_by` belong to the last change of the registration; its door may not know who made it.
    `by_tag` is true if the Azure tag of the table made the registration, and no person has changed
    it since. With `row_etag` the row can be changed without reading it again, if it is still as it
    was read.
    """

    route_table_id: RouteTableId
    registration: Registration
    status: Status = field(default_factory=Status)
    changed_at: datetime | None = None
    changed_by: str | None = None
    by_tag: bool = False
    unreadable: Finding | None = None
    row_etag: str = field(default="", compare=False)

    @classmethod
    def without_row(cls, route_table_id: RouteTableId, why: str) -> "RegisteredTable":
        """Return a table that is registered with a row that cannot be read."""
        finding = Finding(codes.ROW_UNREADABLE, f"the row of {route_table_id} is unreadable: {why}")
        return cls(route_table_id, Registration(()), unreadable=finding)

    def recalling(self, remembered: Status) -> "RegisteredTable":
        """Add what protected the table's routes when it was registered before."""
        former = _without(self.registration.sources, remembered.former_sources)
        return self._with(former_sources=former, holds=remembered.holds, contest=remembered.contest)

    def outlasting(self, at: datetime) -> Status:
        """Return what protects the table's routes even if the table is unregistered now."""
        left = self.with_registration(Registration(()), at).status
        return Status(former_sources=left.former_sources, holds=left.holds, contest=left.contest)

    def with_registration(self, registration: Registration, at: datetime) -> "RegisteredTable":
        """Replace the registration. A source that the table loses is a former source from then."""
        left = {**dict.fromkeys(self.registration.sources, at), **self.status.former_sources}
        former = _without(registration.sources, left)
        status = replace(self.status, former_sources=former)
        return replace(self, registration=registration, status=status)

    def release(self) -> "RegisteredTable":
        """Lift every hold and clear the contested state."""
        return self._with(holds=(), contest=Contest(), owned_left=None)

    def with_sound(self, hashes: frozenset[str]) -> "RegisteredTable":
        """Replace the hashes of its foreign routes: it was seen sound."""
        return self._with(sound_foreign=hashes)

    def with_open_holds(self, opened: Iterable[Hold], rollback_run_id: str) -> "RegisteredTable":
        """Add what this rollback is going to hold."""
        return self._with(holds=with_open(self.status.holds, opened, rollback_run_id))

    def with_closed_holds(self, rollback_run_id: str, *, failed: bool) -> "RegisteredTable":
        """Keep what this rollback holds for good, or remove it if the rollback has failed."""
        return self._with(holds=closed(self.status.holds, rollback_run_id, failed=failed))

    def with_undoing(self, undoing: Undoing, owned: frozenset[str]) -> "RegisteredTable":
        """Add a case in which our changes were undone, once for each run.

        `owned` are the prefixes of our routes that the run has found.
        """
        contest = self.status.contest
        if all(undoing.run_id != known.run_id for known in contest.undone):
            contest = contest.with_undoing(undoing)
        return self._with(contest=contest, owned_left=owned)

    def with_written(self, added: Collection[str], removed: Collection[str]) -> "RegisteredTable":
        """Add what a run has written that failed then, if it is known how we left the table."""
        left = self.status.owned_left
        return self if left is None else self._with(owned_left=left.union(added) - {*removed})

    def with_news(self, news: TableNews) -> "RegisteredTable":
        """Add what is newly known."""
        known = {
            "owned_left": news.owned,
            "subnet_ids": news.subnet_ids,
            "applied_version_ids": news.applied_version_ids if news.verified_at else None,
            "verified_at": news.verified_at,
            "watched_since": news.watched_since,
            "reading": news.reading,
            "suspended": news.suspended,
            "last_outcome": news.outcome,
            "history": _with_news(self.status, news),
        }
        return self._with(**{name: value for name, value in known.items() if value is not None})

    def _with(self, **status: Any) -> "RegisteredTable":
        return replace(self, status=replace(self.status, **status))


def _with_news(status: Status, news: TableNews) -> tuple[Entry, ...] | None:
    """Return the history with the entry; it is news if the outcome says anything new."""
    last, now = status.last_outcome, news.outcome
    if news.entry is None or now is None:
        return None
    is_new = last is None or last.signature != now.signature
    return with_entry(status.history, news.entry, is_new=is_new)


def _without(
    sources: Collection[Source], former: Mapping[Source, datetime]
) -> Mapping[Source, datetime]:
    return {source: ended for source, ended in former.items() if source not in sources}
