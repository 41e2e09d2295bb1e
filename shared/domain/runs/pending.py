"""A route table whose outcome in a run is still open."""

from dataclasses import dataclass, field

from ..addresses import in_order
from ..armid import RouteTableId
from ..findings import Finding
from ..routing.changes import Changes
from .outcome import Outcome, OutcomeStatus


@dataclass(frozen=True, slots=True)
class Pending:
    """A table whose outcome in a run is still open, with what was last tried on it.

    `applied` took effect, `intended` was about to be written over the table with `etag`.
    `row_etag` is the row's own: of two workers on one table only one gets to say what became of it.
    """

    run_id: str
    route_table_id: RouteTableId
    applied: Changes = field(default_factory=Changes)
    intended: Changes = field(default_factory=Changes)
    etag: str = ""
    last_error: Finding | None = None
    correlation_id: str | None = None
    """ARM's, of what led to the last error."""
    row_etag: str = ""

    def failed(self, error: Finding) -> Outcome:
        """What is known to have been done is said; what may have been can be undone."""
        return Outcome(
            self.route_table_id,
            OutcomeStatus.FAILED,
            added=in_order(self.applied.added),
            removed=in_order(self.applied.removed),
            updated=in_order(self.applied.updated),
            error=error,
            correlation_id=self.correlation_id,
            changes=self.applied.then(self.intended),
        )
