"""The report of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..armid import RouteTableId
from ..surroundings.search import Found
from .outcome import Outcome, OutcomeStatus
from .run import Run


class Result:
    """A result that is not about subscriptions: the report of a check is one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A run with the outcomes of its route tables, the worst outcome first.

    A run that is not about tables has a result instead: what it has found so far. `not_begun` are
    the tables that a run had not begun when it was stopped.
    """

    run: Run
    outcomes: tuple[Outcome, ...]
    result: Found | Result | None = None
    not_begun: tuple[RouteTableId, ...] = ()

    @classmethod
    def of(
        cls,
        run: Run,
        outcomes: Iterable[Outcome],
        result: Found | Result | None = None,
        not_begun: Iterable[RouteTableId] = (),
    ) -> "Report":
        worst_first = sorted(outcomes, key=_worst_first)
        return cls(run, tuple(worst_first), result, tuple(not_begun))

    @property
    def counts(self) -> Mapping[OutcomeStatus, int]:
        """The number of route tables with each status: so far, if the run has not ended."""
        counts = self.run.counts if self.run.ended else Counter(o.status for o in self.outcomes)
        return {status: counts.get(status, 0) for status in OutcomeStatus}


def _worst_first(outcome: Outcome) -> tuple[int, bool, int, str]:
    """Return the place in a report: what is bad, then what waits for a person, then the rest."""
    order = -list(OutcomeStatus).index(outcome.status)
    bad = order if outcome.status.is_bad else 1
    return bad, not outcome.waiting, order, outcome.route_table_id.key
