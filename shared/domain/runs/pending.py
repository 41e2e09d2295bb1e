"""A route table whose outcome in a run is still open."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from .. import codes
from ..addresses import in_order
from ..armid import RouteTableId
from ..findings import Finding
from ..routing.changes import Changes
from ..routing.routes import RouteTable
from .outcome import Outcome, OutcomeStatus


@dataclass(frozen=True, slots=True)
class Written:
    """The changes of one or more writes, and the findings of the judgements that let them pass."""

    changes: Changes = field(default_factory=Changes)
    findings: tuple[Finding, ...] = ()

    def then(self, later: "Written") -> "Written":
        """Return the net effect of both."""
        findings = dict.fromkeys((*self.findings, *later.findings))
        return Written(self.changes.then(later.changes), tuple(findings))


@dataclass(frozen=True, slots=True)
class Pending:
    """A route table whose outcome in a run is still open, with the last attempt on it.

    The changes in `applied` took effect. The changes in `intended` were judged, and were about to
    be written over the table with the ETag `etag`, which is empty for a table that is to be made.
    `steps` are what provisioning does besides, each noted before it begins, except that the table
    counts as made when Azure has accepted it. `correlation_id` is Azure's, for the call that ended
    in `last_error`, whose code has been the same since `error_since`. `row_etag` belongs to the
    stored row: if two workers have the same table, only one of them can settle it. If the row
    cannot be read, `unreadable` says why, and nothing is known of what this run has done.
    """

    run_id: str
    route_table_id: RouteTableId
    applied: Written = field(default_factory=Written)
    intended: Written = field(default_factory=Written)
    etag: str = ""
    steps: tuple[Finding, ...] = ()
    last_error: Finding | None = None
    error_since: datetime | None = None
    correlation_id: str | None = None
    row_etag: str = ""
    unreadable: Finding | None = None

    @property
    def begun(self) -> bool:
        """Whether the run has noted anything about the table, such as a write or an error.

        Nothing is sent that changes the table before it is noted.
        """
        untouched = Pending(self.run_id, self.route_table_id, row_etag=self.row_etag)
        return self != untouched

    def written_by(self, table: RouteTable) -> Written:
        """Return what this run has done to the table; a write whose answer was lost counts too.

        A write takes effect whole, but others may have undone a part of it since.
        """
        # The intent has the ETag that the write had to match. While the table still has this ETag,
        # nothing has been written.
        if table.etag == self.etag:
            return self.applied
        standing = self.intended.changes.standing_in(table)
        if self.intended.changes and not standing:
            return self.applied
        return self.applied.then(replace(self.intended, changes=standing))

    def with_step(self, step: Finding) -> "Pending":
        """Note the step in the place of an earlier attempt at it."""
        others = [other for other in self.steps if other.code != step.code]
        return self if step in self.steps else replace(self, steps=(*others, step))

    def made(self, table: RouteTable) -> bool:
        """Return whether this run made the table that was found.

        Its worker may have died before it noted that. The table then has every route that was sent.
        """
        if self.created:
            return True
        sent = Changes() if self.etag else self.intended.changes
        return bool(sent) and sent.standing_in(table) == sent

    @property
    def created(self) -> bool:
        """Whether Azure has accepted the table from this run."""
        return bool(self._made)

    @property
    def _made(self) -> tuple[Finding, ...]:
        return tuple(step for step in self.steps if step.code == codes.ROUTE_TABLE_CREATED)

    def failed(self, error: Finding) -> Outcome:
        """Return a failed outcome that reports what took effect.

        Its `changes` include what may have taken effect, so that a rollback undoes that too, and a
        finding names it. If the row cannot be read, that is the error.
        """
        applied = self.applied.changes

        return Outcome(
            self.route_table_id,
            OutcomeStatus.FAILED,
            added=in_order(applied.added),
            removed=in_order(applied.removed),
            updated=in_order(applied.updated),
            updates=applied.updates,
            findings=(*self.applied.findings, *self._made, *_unconfirmed(self.intended.changes)),
            error=self.unreadable or error,
            correlation_id=self.correlation_id,
            changes=applied.then(self.intended.changes),
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
