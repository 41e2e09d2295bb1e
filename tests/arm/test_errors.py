"""Azure's recorded errors and their types."""

import json
from types import SimpleNamespace

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.arm.errors import typed_error
from shared.domain.errors import PassesSoon, PermanentError, PreconditionFailed, TransientError
from tests.builders.recorded import RECORDINGS, needs_recordings


def _error(status, body, headers=None):
    response = SimpleNamespace(
        status_code=status,
        reason="",
        headers=headers or {},
        text=lambda *_: json.dumps(body),
        body=lambda: json.dumps(body).encode(),
        content_type="application/json",
    )
    return HttpResponseError(response=response)


_EXPECTED = {
    "err_400_InUseRouteTableCannotBeDeleted": PermanentError,
    "err_400_InvalidResourceName": PermanentError,
    "err_400_InvalidResourceReference": PermanentError,
    "err_400_RouteConflict_duplicate_prefix": PermanentError,
    "err_403_AuthorizationFailed": PermanentError,
    "err_409_ScopeLocked_delete": PermanentError,
    "err_409_ScopeLocked_write": PermanentError,
    "err_412_PreconditionFailed_routetable_production": PreconditionFailed,
    "err_429_OperationNotAllowed_TooManyRequests_compute": TransientError,
    "err_429_RetryableErrorDueToTooManyCalls": TransientError,
    "err_429_RetryableErrorDueTooHighReadDataSize": TransientError,
    "err_429_RetryableError_DueToAnotherOperation_route": TransientError,
    "err_429_RetryableError_ReferencedResourceNotProvisioned_routetable": TransientError,
    "err_429_SubscriptionRequestsThrottled_backend_storage": TransientError,
    "err_429_SubscriptionRequestsThrottled_read": TransientError,
    "routetable_put_ifmatch_412_PreconditionFailed": PreconditionFailed,
    "xplat_network_delete_409_AnotherOperationInProgress": TransientError,
    "xplat_network_put_400_InvalidRequestFormat": PermanentError,
    "xplat_network_put_400_ParentResourceIsInFailedState": PermanentError,
    "xplat_route_put_400_InvalidCIDRNotation": PermanentError,
    "xplat_network_async_poll_200_Failed_InternalServerError": TransientError,
}


@needs_recordings
def test_every_recorded_error_is_expected_here():
    recorded = {file.stem for file in RECORDINGS.glob("err_*.json")}
    assert recorded <= _EXPECTED.keys()


@needs_recordings
@pytest.mark.parametrize("name", _EXPECTED)
def test_recorded_errors_are_typed_by_code(name):
    response = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
    error = typed_error(_error(response["status"], response["body"]))
    assert type(error) is _EXPECTED[name]
    assert error.code.name == response["body"]["error"]["code"]


def test_the_code_counts_and_not_the_message():
    misleading = {"error": {"code": "ScopeLocked", "message": "RetryableError, try again"}}
    assert type(typed_error(_error(409, misleading))) is PermanentError
    passing = {"error": {"code": "AnotherOperationInProgress", "message": "ScopeLocked"}}
    assert type(typed_error(_error(409, passing))) is TransientError


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (ServiceRequestError("no route to host"), TransientError, "NoAnswer"),
        (ServiceResponseError("connection dropped"), TransientError, "NoAnswer"),
        (ClientAuthenticationError("no token"), TransientError, "CredentialUnavailable"),
        (_error(503, {}), TransientError, "AnswerWithoutCode"),
        (_error(400, {}), PermanentError, "AnswerWithoutCode"),
        (_error(401, {}), PassesSoon, "SignInFailed"),
        (_error(403, {}), PermanentError, "AnswerWithoutCode"),
        (_error(404, {}), TransientError, "AnswerWithoutCode"),
        (_error(307, {}), TransientError, "AnswerWithoutCode"),
        (_error(418, "text"), PermanentError, "AnswerWithoutCode"),
    ],
)
def test_errors_without_a_code_are_typed_by_what_they_are(error, kind, code):
    found = typed_error(error)
    assert (type(found), found.code.name) == (kind, code)


def test_arms_correlation_id_stays_with_the_error():
    body = {"error": {"code": "ScopeLocked", "message": "locked"}}
    error = typed_error(_error(409, body, {"x-ms-correlation-request-id": "abc"}))
    assert error.correlation_id == "abc"
