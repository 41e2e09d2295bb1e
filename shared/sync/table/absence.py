"""Whether a route table that Azure does not find is gone.

ARM replicates between regions. A table that was just made is not found everywhere for up to some
minutes, and sometimes one that has long been there is not found once. Source: reports of people who
use Terraform, Pulumi or the Azure SDKs. So a table that was there is asked for again, by the queue.
"""

from ...domain import codes
from ...domain.errors import PassesSoon, PermanentError, RouteSyncError
from ...domain.registry.registered_table import RegisteredTable
from ...domain.runs.pending import Pending

_NOT_FOUND = frozenset({codes.ROUTE_TABLE_NOT_FOUND.name, "InvalidResourceReference"})
"""The second one is the answer to a subnet that is to refer to a table which is not found."""


def is_absence(error: RouteSyncError) -> bool:
    """Return whether Azure did not find the table."""
    return error.code.name in _NOT_FOUND


def is_expected(pending: Pending, entry: RegisteredTable | None) -> bool:
    """Return whether the table was there: this run made it, or the last run or check read it."""
    return pending.created or (_was_read(entry) and not _is_known_to_be_gone(entry))


def error_of_absence(
    error: PermanentError, pending: Pending, entry: RegisteredTable | None
) -> RouteSyncError:
    """Return the error with which the delivery ends: PassesSoon if the table may come back."""
    was_there = pending.created or _was_read(entry)
    gone = was_there and error.code == codes.ROUTE_TABLE_NOT_FOUND

    error_type = PassesSoon if is_expected(pending, entry) else PermanentError
    code = codes.ROUTE_TABLE_GONE if gone else error.code
    return error_type(code, error.message, correlation_id=error.correlation_id)


def _was_read(entry: RegisteredTable | None) -> bool:
    return entry is not None and entry.status.reading is not None


def _is_known_to_be_gone(entry: RegisteredTable | None) -> bool:
    """Return whether the last run has asked for it long enough."""
    last = entry.status.last_outcome if entry else None
    return last is not None and last.error is not None and last.error.code == codes.ROUTE_TABLE_GONE
