"""Remove old runs and checks. Versions stay, because they tell when a prefix left a tag."""

from dataclasses import dataclass
from datetime import timedelta

from ..policy import Policy
from ..ports import Clock, Store


@dataclass(frozen=True, slots=True)
class Housekeeping:
    store: Store
    policy: Policy
    clock: Clock

    def remove_old(self) -> None:
        """Remove old runs with their outcomes, and old checks. Safe to interrupt and to repeat."""
        moment = self.clock() - timedelta(days=self.policy.run_retention_days)
        # The claims go first, so that no alert has the id of a run that is gone.
        self.store.claims.remove_claims(before=moment)
        for run_id in self.store.runs.begun_before(moment):
            self.store.outcomes.remove(run_id)
            self.store.runs.remove(run_id)
        self.store.checks.remove_before(moment)
