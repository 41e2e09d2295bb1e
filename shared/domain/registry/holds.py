"""Holds: a rollback keeps prefixes as it left them, until a release."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ..addresses import in_order
from ..routing.changes import Bare, Changes
from ..routing.routes import Route, is_owned
from ..runs.run import MAX_RUN_TIME


@dataclass(frozen=True, slots=True)
class Hold:
    """A prefix that a rollback put back. Its sources count again after a release.

    If it is `routed`, its route stays until then; if not, it is neither added, updated nor removed.
    `rollback_run_id` is the run that rolled back the run `rolled_back_run_id`. `open_since` is the
    start of this rollback, as long as nobody knows its end; it is None if the rollback has written.
    """

    prefix: str
    routed: bool
    rolled_back_run_id: str
    rollback_run_id: str
    open_since: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Whether the prefix is held now: an open rollback must have ended after some time."""
        return self.open_since is None or abs(now - self.open_since) < MAX_RUN_TIME


def open_holds(
    done: Changes, *, owner: str, rolled_back_run_id: str, rollback_run_id: str, since: datetime
) -> tuple[Hold, ...]:
    """Return the holds that keep these changes rolled back, if the rollback is going to write."""
    return tuple(
        Hold(
            prefix,
            _routed_by(done.by_prefix[prefix].before, owner),
            rolled_back_run_id,
            rollback_run_id,
            since,
        )
        for prefix in in_order(done.by_prefix)
    )


def held_at(holds: Iterable[Hold], now: datetime) -> tuple[Hold, ...]:
    """Return the hold of each prefix that is held now. A newer hold comes before an older one."""
    by_prefix = {hold.prefix: hold for hold in holds if hold.counts(now)}
    return tuple(by_prefix[prefix] for prefix in in_order(by_prefix))


def with_open(
    holds: Iterable[Hold], opened: Iterable[Hold], rollback_run_id: str
) -> tuple[Hold, ...]:
    """Add what this rollback is going to hold. An older hold on the same prefix waits behind."""
    return (*_of_others(holds, rollback_run_id), *opened)


def closed(holds: Iterable[Hold], rollback_run_id: str, *, failed: bool) -> tuple[Hold, ...]:
    """Return the holds after the end of this rollback: if it has failed, it holds nothing.

    A rollback ends once. Others may hold the same prefixes since, and go on.
    """
    known = tuple(holds)
    mine = [h for h in known if h.rollback_run_id == rollback_run_id and h.open_since is not None]
    if not mine:
        return known

    others = _of_others(known, rollback_run_id)
    if failed:
        return others
    replaced = {hold.prefix for hold in mine}
    kept = (hold for hold in others if hold.prefix not in replaced)
    return (*kept, *(replace(hold, open_since=None) for hold in mine))


def _of_others(holds: Iterable[Hold], rollback_run_id: str) -> tuple[Hold, ...]:
    return tuple(hold for hold in holds if hold.rollback_run_id != rollback_run_id)


def _routed_by(bare: Bare | None, owner: str) -> bool:
    if bare is None:
        return False
    route = Route.from_arm(bare)
    return is_owned(route, owner) and route.to_internet
