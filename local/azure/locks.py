"""Management locks. A lock applies at its scope and everywhere below it.

Source: "Lock your resources to protect your infrastructure". A ReadOnly lock refuses every write. A
CanNotDelete lock refuses the DELETE of a resource and of its children, but not the PUT of a whole
table that leaves a route out.
"""

from enum import StrEnum

from .authorization import within
from .errors import scope_locked

_REFUSED = {"PUT": "write", "PATCH": "write", "DELETE": "delete"}


class Lock(StrEnum):
    READ_ONLY = "ReadOnly"
    CAN_NOT_DELETE = "CanNotDelete"


class Locks(dict[str, Lock]):
    """The lock of each scope."""

    def check(self, method: str, scope: str) -> None:
        if method not in _REFUSED:
            return
        refusing = {Lock.READ_ONLY}
        if method == "DELETE":
            refusing.add(Lock.CAN_NOT_DELETE)

        locked = [
            locked_scope
            for locked_scope, lock in self.items()
            if lock in refusing and within(scope, locked_scope)
        ]
        if locked:
            raise scope_locked(scope, _REFUSED[method], locked)
