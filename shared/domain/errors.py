"""The errors of this app, arranged by how the caller reacts.

RouteSyncError                  has a code and a message for the report
├── UnusableSource              tables that use it fail or lose no route; other tables continue
│   ├── UnusableServiceTag      this service tag cannot be trusted now
│   ├── UnusableList            this list of CUSTOM_LISTS cannot be trusted now
│   └── UnusableEnvironment     the answer of this environment's API cannot be trusted now
├── UnusableWeeklyFile          it adds no address, and the API's answer counts alone
├── InvalidRequest              the caller has to ask for something else
├── NotFound                    there is nothing with the id that the caller gave
├── Outdated                    it is no longer as the caller has read it
├── NotAllowed                  the caller may not ask for this
├── PermanentError              a retry does not help, so the error becomes an outcome
│   └── RowUnreadable           the row of this registered table cannot be read
└── TransientError              passes through, so that the queue delivers the message again
    ├── PassesSoon              lasts if it has not passed within ten minutes
    ├── PreconditionFailed      the route table changed since it was read: read and plan again
    ├── UnconfirmedWrite        Azure accepted a write, and its end is not known: what stands counts
    │   └── FailedWrite         Azure says that it has failed; all the same it may stand
    └── ConcurrentUpdate        a row changed since it was read
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import codes
from .codes import Code

PASSES_WITHIN = timedelta(minutes=10)


class RouteSyncError(Exception):
    """An error with the code that reports show."""

    def __init__(self, code: Code, message: str, *, correlation_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.correlation_id = correlation_id

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class UnusableSource(RouteSyncError):
    """`cause` is the code of the error that stopped the read, if it is known."""

    cause: Code | None = None


class UnusableServiceTag(UnusableSource):
    def __init__(self, message: str, cause: Code | None = None) -> None:
        super().__init__(codes.TAG_UNAVAILABLE, message)
        self.cause = cause


class UnusableList(UnusableSource):
    def __init__(self, message: str) -> None:
        super().__init__(codes.LIST_UNAVAILABLE, message)


class UnusableEnvironment(UnusableSource):
    def __init__(self, message: str) -> None:
        super().__init__(codes.ASE_UNAVAILABLE, message)


class UnusableWeeklyFile(RouteSyncError):
    def __init__(self, message: str, code: Code = codes.WEEKLY_FILE_UNUSABLE) -> None:
        super().__init__(code, message)


@dataclass(frozen=True, slots=True)
class Fault:
    """One part of a request that is wrong: its place, for example `routeTables.0`, and why."""

    target: str
    message: str


class InvalidRequest(RouteSyncError):
    """`faults` lists every part that is wrong. It is empty if the code says all there is to say."""

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        code: Code = codes.INVALID_BODY,
        message: str = "the request is not valid",
    ) -> None:
        super().__init__(code, message)
        self.faults = tuple(faults)


class NotFound(RouteSyncError):
    pass


class Outdated(RouteSyncError):
    pass


class NotAllowed(RouteSyncError):
    pass


class PermanentError(RouteSyncError):
    pass


class RowUnreadable(PermanentError):
    pass


class TransientError(RouteSyncError):
    pass


class PassesSoon(TransientError):
    """An error that passes within `PASSES_WITHIN` or not at all. Its code says what lasts then."""

    def lasting(self, since: datetime | None, now: datetime) -> PermanentError | None:
        """Return what it has become, if it has gone on for so long."""
        if since is None or now - since < PASSES_WITHIN:
            return None
        return PermanentError(self.code, self.message, correlation_id=self.correlation_id)


class PreconditionFailed(TransientError):
    pass


class UnconfirmedWrite(TransientError):
    pass


class FailedWrite(UnconfirmedWrite):
    pass


class ConcurrentUpdate(TransientError):
    pass
