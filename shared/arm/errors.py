"""azure.core errors -> typed errors, by `error.code` and never by message.

Codes: recorded answers of Microsoft.Network and of the ARM gateway; "Resource Manager throttling".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
)

from ..domain.errors import PermanentError, PreconditionFailed, RouteSyncError, TransientError

# What passes though its status alone would not say so: NRP answers 409, 400 and, for a failed
# long-running operation, 200.
_PASSING = frozenset(
    {
        "AnotherOperationInProgress",
        "Canceled",
        "CanceledAndSupersededDueToAnotherOperation",
        "ExpiredAuthenticationToken",
        "GatewayTimeout",
        "InternalServerError",
        "OperationTimedOut",
        "ReferencedResourceNotProvisioned",
        "RetryableError",
        "ServerTimeout",
        "ServiceUnavailable",
        "SubscriptionRequestsThrottled",
        "TooManyRequests",
    }
)
# What lasts until somebody changes something, and what that is.
_WHAT_TO_DO = {
    "AuthorizationFailed": (
        "assign the app's identity a role with this action at this scope; "
        "a new assignment takes some minutes to hold"
    ),
    "LinkedAuthorizationFailed": (
        "assign the app's identity a role with this action on the linked scope, too"
    ),
    "ScopeLocked": "remove the management lock, or disable the table's registration",
    "RequestDisallowedByPolicy": (
        "ask for an exemption of this route table from the Azure Policy assignment that denies it; "
        "landing zones often deny routes with next hop Internet"
    ),
    "ReadOnlyDisabledSubscription": "enable the subscription again",
}
_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})


_NOT_FOUND = frozenset(
    {"NotFound", "ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"}
)


@contextmanager
def arm_errors(*, not_found: str | None = None) -> Iterator[None]:
    """Raise PermanentError, TransientError or PreconditionFailed instead of azure.core's.

    `not_found` is the code under which a report shows that there is no such resource.
    """
    try:
        yield
    except AzureError as error:
        found = typed(error)
        if not_found is not None and found.code in _NOT_FOUND:
            found = PermanentError(not_found, found.message, correlation_id=found.correlation_id)
        raise found from error


@contextmanager
def arm_answers(*, not_found: str | None = None) -> Iterator[None]:
    """The same around what reads an answer, too: one of another shape is a TransientError."""
    try:
        with arm_errors(not_found=not_found):
            yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        message = f"an answer that can't be understood: {error}"
        raise TransientError("UNEXPECTED_ANSWER", message) from error


def typed(error: AzureError) -> RouteSyncError:
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        # The identity endpoint may be down; that there is none looks the same.
        return TransientError("CREDENTIAL_UNAVAILABLE", error.message)
    if isinstance(error, DecodeError) or not isinstance(error, HttpResponseError):
        # No answer, or half of one: what was asked may have taken effect.
        return TransientError(type(error).__name__, error.message)
    code, message = _code_of(error)
    correlation_id = _header(error, "x-ms-correlation-request-id")
    if code == "PreconditionFailed" or error.status_code == HTTPStatus.PRECONDITION_FAILED:
        return PreconditionFailed(code, message, correlation_id=correlation_id)
    if code in _WHAT_TO_DO:
        message = f"{message} What to do: {_WHAT_TO_DO[code]}."
    passing = code in _PASSING or error.status_code in _PASSING_STATUS
    kind = TransientError if passing else PermanentError
    return kind(code, message, correlation_id=correlation_id)


def _code_of(error: HttpResponseError) -> tuple[str, str]:
    odata: Any = error.error
    code = getattr(odata, "code", None) or f"HTTP_{error.status_code}"
    message = getattr(odata, "message", None) or error.message
    details = getattr(odata, "details", None) or []
    if details and getattr(details[0], "code", None):
        message = f"{message} {details[0].code}: {details[0].message}"
    return str(code), str(message)


def _header(error: HttpResponseError, name: str) -> str | None:
    headers = getattr(error.response, "headers", None) or {}
    value = headers.get(name)
    return None if value is None else str(value)
