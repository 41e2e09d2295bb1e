"""Errors in the two envelopes of the real service."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class ArmError(Exception):
    """Errors of a resource provider have `details`; the gateway's have a header instead."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[Mapping[str, Any]] | None = None,
        gateway: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"code": code, "message": message}
        self.headers: dict[str, str] = {}
        if gateway:
            self.headers["x-ms-failure-cause"] = "gateway"
        else:
            self.error["details"] = details or []
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def response(self) -> JSONResponse:
        return JSONResponse({"error": self.error}, self.status, self.headers)


def resource_not_found(kind: str, name: str, group: str) -> ArmError:
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
        gateway=True,
    )


def child_not_found(resource_id: str) -> ArmError:
    return ArmError(404, "NotFound", f"Resource {resource_id} not found.")


def etag_mismatch(given: str, actual: str, resource_id: str) -> ArmError:
    return ArmError(
        412,
        "PreconditionFailed",
        "Precondition failed.",
        details=[
            {
                "code": "PreconditionFailedEtagMismatch",
                "message": f"Etag provided in if-match header {given} does not match etag "
                f"{actual} of resource {resource_id} in NRP data store.",
            }
        ],
    )


def busy(operation: str, resource_id: str, seconds: int) -> ArmError:
    return ArmError(
        429,
        "RetryableError",
        "A retryable error occurred.",
        details=[
            {
                "code": "RetryableErrorDueToAnotherOperation",
                "message": f"Operation {operation} is updating resource {resource_id}. "
                f"The call can be retried in {seconds} seconds.",
            }
        ],
        retry_after=seconds,
    )


def invalid_json(message: str) -> ArmError:
    return ArmError(
        400,
        "InvalidRequestFormat",
        "Cannot parse the request.",
        details=[{"code": "InvalidJson", "message": message}],
    )
