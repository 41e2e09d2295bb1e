"""Holds: a rollback keeps prefixes as it left them, until a release."""

from dataclasses import dataclass

from ..addresses import in_order
from ..routing.changes import Bare, Changes
from ..routing.routes import Route, is_owned


@dataclass(frozen=True, slots=True)
class Hold:
    """A prefix that a rollback put back. Its sources count again after a release.

    If it is `routed`, its route stays until then; if not, it is neither added, updated nor removed.
    `rollback_run_id` is the run that rolled back the run `rolled_back_run_id`.
    """

    prefix: str
    routed: bool
    rolled_back_run_id: str
    rollback_run_id: str


def holds_of(
    done: Changes, *, owner: str, rolled_back_run_id: str, rollback_run_id: str
) -> tuple[Hold, ...]:
    """Return the holds that keep these changes rolled back."""
    return tuple(
        Hold(
            prefix,
            _routed_by(done.by_prefix[prefix].before, owner),
            rolled_back_run_id,
            rollback_run_id,
        )
        for prefix in in_order(done.by_prefix)
    )


def _routed_by(bare: Bare | None, owner: str) -> bool:
    if bare is None:
        return False
    route = Route.from_arm(bare)
    return is_owned(route, owner) and route.to_internet
