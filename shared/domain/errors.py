"""What can go wrong, by what the caller does about it.

RouteSyncError                  a code and a message for the report
├── UnusableSource              its tables fail, or lose nothing; others go on
│   ├── UnusableServiceTag      this tag cannot be believed now
│   └── UnusableEnvironment     what this environment's API says cannot be believed now
├── PermanentError              trying again does not help: becomes an outcome
└── TransientError              raised on, so that the queue delivers the message again
    ├── PreconditionFailed      the route table changed since it was read: read and plan again
    └── ConcurrentUpdate        a row changed since it was read
"""

TAG_UNAVAILABLE = "TAG_UNAVAILABLE"
ASE_UNAVAILABLE = "ASE_UNAVAILABLE"
ROUTE_TABLE_NOT_FOUND = "RouteTableNotFound"
ENVIRONMENT_NOT_FOUND = "EnvironmentNotFound"
SUBNET_NOT_FOUND = "SubnetNotFound"
SECURITY_GROUP_NOT_FOUND = "SecurityGroupNotFound"


class RouteSyncError(Exception):
    """An error with the code under which a report shows it."""

    def __init__(self, code: str, message: str, *, correlation_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.correlation_id = correlation_id

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class UnusableSource(RouteSyncError):
    pass


class UnusableServiceTag(UnusableSource):
    """`cause` is the code of the error for which it can't be read, where there was one."""

    def __init__(self, message: str, cause: str | None = None) -> None:
        super().__init__(TAG_UNAVAILABLE, message)
        self.cause = cause


class UnusableEnvironment(UnusableSource):
    def __init__(self, message: str) -> None:
        super().__init__(ASE_UNAVAILABLE, message)


class PermanentError(RouteSyncError):
    pass


class TransientError(RouteSyncError):
    pass


class PreconditionFailed(TransientError):
    pass


class ConcurrentUpdate(TransientError):
    pass
