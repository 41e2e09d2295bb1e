"""Prefixes that a rollback put back, which stay so until a release."""

from dataclasses import dataclass

from ..addresses import in_order
from ..routing.changes import Bare, Changes
from ..routing.routes import Route, is_owned


@dataclass(frozen=True, slots=True)
class Hold:
    """A prefix that a rollback put back: what the tags say of it counts again after a release.

    `routed` has its route for as long; the others are neither added, updated nor removed. The
    rollback undid a run, and was one itself.
    """

    prefix: str
    routed: bool
    undone_run_id: str
    rollback_run_id: str


def holds_of(
    done: Changes, *, owner: str, undone_run_id: str, rollback_run_id: str
) -> tuple[Hold, ...]:
    """What undoing these changes has to hold: that they are undone."""
    return tuple(
        Hold(
            prefix,
            _routed_by(done.by_prefix[prefix].before, owner),
            undone_run_id,
            rollback_run_id,
        )
        for prefix in in_order(done.by_prefix)
    )


def _routed_by(bare: Bare | None, owner: str) -> bool:
    if bare is None:
        return False
    route = Route.from_arm(bare)
    return is_owned(route, owner) and route.to_internet
