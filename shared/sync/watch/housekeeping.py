"""Remove old runs and checks. Versions stay, because they tell when a prefix left a tag."""

from datetime import timedelta

from ..ports import Checks, Claims, Clock, Outcomes, Runs


class Housekeeping:
    def __init__(
        self,
        runs: Runs,
        claims: Claims,
        outcomes: Outcomes,
        checks: Checks,
        clock: Clock,
        *,
        days: int,
    ) -> None:
        self._runs = runs
        self._claims = claims
        self._outcomes = outcomes
        self._checks = checks
        self._clock = clock
        self._kept = timedelta(days=days)

    def remove_old(self) -> None:
        """Remove old runs with their outcomes, and old checks. Safe to interrupt and to repeat."""
        moment = self._clock() - self._kept
        for run_id in self._runs.begun_before(moment):
            self._outcomes.remove(run_id)
            self._runs.remove(run_id)
        self._claims.remove_claims(before=moment)
        self._checks.remove_before(moment)
