"""A route table whose outcome in a run is still open."""

from dataclasses import dataclass, field
from datetime import datetime

from .. import codes
from ..addresses import in_order
from ..armid import RouteTableId
from ..findings import Finding
from ..routing.changes import Changes
from .outcome import Outcome, OutcomeStatus


@dataclass(frozen=True, slots=True)
class Pending:
    """A route table whose outcome in a run is still open, with the last attempt on it.

    The changes in `applied` took effect. The changes in `intended` were about to be written over
    the table with the ETag `etag`. `correlation_id` is Azure's, for the call that ended in
    `last_error`, whose code has been the same since `error_since`. `row_etag` belongs to the stored
    row: if two workers have the same table, only one of them can settle it.
    """

    run_id: str
    route_table_id: RouteTableId
    applied: Changes = field(default_factory=Changes)
    intended: Changes = field(default_factory=Changes)
    etag: str = ""
    last_error: Finding | None = None
    error_since: datetime | None = None
    correlation_id: str | None = None
    row_etag: str = ""

    def failed(self, error: Finding) -> Outcome:
        """Return a failed outcome that reports what took effect.

        Its `changes` include what may have taken effect, so that a rollback undoes that too, and a
        finding names it.
        """
        return Outcome(
            self.route_table_id,
            OutcomeStatus.FAILED,
            added=in_order(self.applied.added),
            removed=in_order(self.applied.removed),
            updated=in_order(self.applied.updated),
            findings=_unconfirmed(self.intended),
            error=error,
            correlation_id=self.correlation_id,
            changes=self.applied.then(self.intended),
        )


def _unconfirmed(intended: Changes) -> tuple[Finding, ...]:
    if not intended:
        return ()
    parts = [
        f"{kind}: {', '.join(in_order(prefixes))}"
        for kind, prefixes in intended.by_kind.items()
        if prefixes
    ]
    message = f"it is not known whether the last write took effect; {'; '.join(parts)}"
    return (Finding(codes.WRITE_UNCONFIRMED, message),)
