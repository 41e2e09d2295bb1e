"""Typed errors from azure.core's errors, decided by `error.code` and never by the message.

Sources of the codes: recorded answers of Microsoft.Network and of the ARM gateway; "Understand how
Azure Resource Manager throttles requests".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
)

from ..connections import no_connection
from ..domain import codes
from ..domain.codes import Code
from ..domain.errors import (
    PassesSoon,
    PermanentError,
    PreconditionFailed,
    RouteSyncError,
    TransientError,
)
from ..redaction import redacted
from .api_versions import unsupported_version
from .credential import reason_of

# These errors pass by themselves. The status does not always say so: Microsoft.Network answers
# some of them with 409 or 400, and a failed long-running operation with 200.
_PASSING_CODES = frozenset(
    {
        "AnotherOperationInProgress",
        "Canceled",
        "CanceledAndSupersededDueToAnotherOperation",
        "GatewayTimeout",
        "InternalServerError",
        "NetworkingInternalOperationError",
        "OperationTimedOut",
        "ReferencedResourceNotProvisioned",
        "RetryableError",
        "ServerTimeout",
        "ServiceUnavailable",
        "SubscriptionRequestsThrottled",
        "TooManyRequests",
    }
)
# Azure itself never redirects, so that a redirect comes from something in between.
_PASSING_STATUS = frozenset({301, 302, 303, 307, 308, 408, 429, 500, 502, 503, 504})
_NOT_FOUND_CODES = frozenset(
    {"NotFound", "ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"}
)


_SERVICE = "Azure Resource Manager"


@contextmanager
def arm_errors(*, not_found: Code | None = None) -> Iterator[None]:
    """Raise PermanentError, TransientError or PreconditionFailed instead of azure.core's errors.

    If the resource does not exist, the error has the code `not_found`.
    """
    try:
        yield
    except AzureError as error:
        found = typed_error(error)
        if not_found is not None and found.code.name in _NOT_FOUND_CODES:
            found = PermanentError(not_found, found.message, correlation_id=found.correlation_id)
        raise found from error


@contextmanager
def arm_answers(*, not_found: Code | None = None) -> Iterator[None]:
    """Do the same as `arm_errors`, and raise TransientError if the answer cannot be read."""
    try:
        with arm_errors(not_found=not_found):
            yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        message = redacted(f"Azure's answer has an unexpected form: {error}")
        raise TransientError(codes.UNEXPECTED_ANSWER, message) from error


def typed_error(error: AzureError) -> RouteSyncError:
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        # A missing identity looks the same as an identity endpoint that is down, which passes.
        return TransientError(codes.CREDENTIAL_UNAVAILABLE, redacted(reason_of(error)))
    if isinstance(error, DecodeError) or not isinstance(error, HttpResponseError):
        cut_off = no_connection(error, _SERVICE)
        if cut_off is not None:
            return TransientError(cut_off.code, cut_off.message)
        # The answer is missing or cut off, so the request may have taken effect.
        said = redacted(f"{_SERVICE}: {type(error).__name__}: {error.message}")
        return TransientError(codes.NO_ANSWER, said)
    return _typed_answer(error)


def _typed_answer(error: HttpResponseError) -> RouteSyncError:
    code, message = _code_and_message(error)
    if code.azure and code.name in codes.CODES:
        message = f"{message} {code.to_do}"

    # The next request signs in anew. Azure refuses good tokens, too, while it replicates itself.
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        said = f"HTTP 401: {message}" if code == codes.ANSWER_WITHOUT_CODE else f"{code}: {message}"
        return PassesSoon(codes.SIGN_IN_FAILED, said, correlation_id=_correlation_id(error))

    error_type = _error_type(error.status_code, code)
    return error_type(code, message, correlation_id=_correlation_id(error))


def _error_type(status: int | None, code: Code) -> type[RouteSyncError]:
    if code.name == "PreconditionFailed" or status == HTTPStatus.PRECONDITION_FAILED:
        return PreconditionFailed

    # Azure names what it does not find: a 404 without a code comes from something in between, too.
    strange = status == HTTPStatus.NOT_FOUND and code == codes.ANSWER_WITHOUT_CODE
    passes = strange or code.name in _PASSING_CODES or status in _PASSING_STATUS
    return TransientError if passes else PermanentError


def _code_and_message(error: HttpResponseError) -> tuple[Code, str]:
    odata = error.error
    message = str(getattr(odata, "message", None) or error.message)

    # The outer message is often general, and the first detail names the cause.
    details = getattr(odata, "details", None) or []
    if details and getattr(details[0], "code", None):
        message = f"{message} {details[0].code}: {details[0].message}"
    message = redacted(message)

    name = getattr(odata, "code", None)
    if not name:
        return codes.ANSWER_WITHOUT_CODE, f"HTTP {error.status_code}: {message}"

    unsupported = unsupported_version(str(name), message, _url(error))
    if unsupported is not None:
        return codes.API_VERSION_NOT_SUPPORTED, unsupported
    return codes.lookup(str(name)), message


def _url(error: HttpResponseError) -> str:
    request = getattr(error.response, "request", None)
    return str(getattr(request, "url", ""))


def _correlation_id(error: HttpResponseError) -> str | None:
    headers = getattr(error.response, "headers", None) or {}
    value = headers.get("x-ms-correlation-request-id")
    return None if value is None else str(value)
