"""Management locks: what is locked at a scope is locked below it.

Source: "Lock your resources to protect your infrastructure". A ReadOnly lock refuses every write;
a CanNotDelete lock refuses a DELETE, of a child as well, but not the PUT of a whole table that
leaves a route out.
"""

from enum import StrEnum

from .authorization import within
from .errors import scope_locked

_REFUSED = {"PUT": "write", "PATCH": "write", "DELETE": "delete"}


class Lock(StrEnum):
    READ_ONLY = "ReadOnly"
    CAN_NOT_DELETE = "CanNotDelete"


class Locks(dict[str, Lock]):
    """Scope -> lock."""

    def check(self, method: str, scope: str) -> None:
        if method not in _REFUSED:
            return
        refusing = {Lock.READ_ONLY} | ({Lock.CAN_NOT_DELETE} if method == "DELETE" else set())
        locked = [at for at, lock in self.items() if lock in refusing and within(scope, at)]
        if locked:
            raise scope_locked(scope, _REFUSED[method], locked)
