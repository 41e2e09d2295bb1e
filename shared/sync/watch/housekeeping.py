"""Remove old runs and checks. Versions stay, because they tell when a prefix left a tag."""

from dataclasses import dataclass
from datetime import timedelta

from ...domain.errors import TransientError
from ...domain.findings import Finding
from ..policy import Policy
from ..ports import Clock, Store


@dataclass(frozen=True, slots=True)
class Housekeeping:
    store: Store
    policy: Policy
    clock: Clock

    def remove_old(self) -> list[Finding]:
        """Remove old runs with what they found, and old checks. Safe to interrupt and to repeat.

        Also forget the tables that were unregistered so long ago that no route of theirs is in its
        grace. Return what kept runs from being removed: they are tried again tomorrow.
        """
        kept: list[Finding] = []
        moment = self.clock() - timedelta(days=self.policy.run_retention_days)

        # The claims go first, so that no alert has the id of a run that is gone.
        self.store.claims.remove_claims(before=moment)
        for run_id in self.store.runs.begun_before(moment):
            try:
                self.store.outcomes.remove(run_id)
                self.store.searches.remove(run_id)
                self.store.runs.remove(run_id)
            except TransientError:
                raise
            except Exception as error:  # one run that cannot be removed keeps no other
                found = Finding.of(error)
                kept.append(Finding(found.code, f"run {run_id}: {found.message}"))
        self.store.checks.remove_before(moment)

        # The grace counts in days, so a table is remembered for one day more.
        grace = timedelta(days=self.policy.grace_days + 1)
        self.store.registrations.forget(before=self.clock() - grace)
        return kept
