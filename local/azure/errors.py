"""Every error of the simulated Azure, in the two envelopes of the real one.

Codes and messages are recorded or cited. If no text of the real service is known, the docstring
says UNCONFIRMED.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from .target import Target


class ArmError(Exception):
    """Errors of a resource provider have `details`. Errors of the gateway have a header instead."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[Mapping[str, Any]] | None = None,
        gateway: bool = False,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"code": code, "message": message}
        self.headers: dict[str, str] = dict(headers or {})

        if gateway:
            self.headers["x-ms-failure-cause"] = "gateway"
        else:
            self.error["details"] = details or []
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def response(self) -> JSONResponse:
        return JSONResponse({"error": self.error}, self.status, self.headers)


# -- The gateway: identity, path and rights -------------------------------------------------------


def authentication_failed() -> ArmError:
    return ArmError(
        401,
        "AuthenticationFailed",
        "Authentication failed. The 'Authorization' header is missing or not valid.",
        gateway=True,
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def expired_token() -> ArmError:
    return ArmError(
        401,
        "ExpiredAuthenticationToken",
        "The access token expiry UTC time is earlier than current UTC time.",
        gateway=True,
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def missing_api_version() -> ArmError:
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
        gateway=True,
    )


def unknown_api_version(target: "Target", api_version: str, newest: str) -> ArmError:
    """Answer a version that the cloud does not have, with the list of those that it has.

    Sources: azure-cli issues 26639 and 28496 for a resource, whose location is in the answer;
    azure-cli 26827 and Azure-MG-Sub-Governance-Reporting 244 for everything without a location.
    """
    namespace, _, types = target.kind.partition("/")
    known = [*(version for version in _OLDER_API_VERSIONS if version < newest), newest]
    if target.is_collection:
        said = f"{_not_found_in(types, namespace, api_version)} The supported api-versions are "
        message = f"{said}'{','.join(reversed(known))}'."
        return ArmError(404, "InvalidResourceType", message, gateway=True)

    return ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location 'westeurope' and API version "
        f"'{api_version}' for type '{types}'. The supported api-versions are "
        f"'{', '.join(known)}'. The supported locations are 'westeurope, northeurope'.",
        gateway=True,
    )


_OLDER_API_VERSIONS = ("2016-08-01", "2020-06-01", "2022-09-01", "2023-01-01-preview")


def _not_found_in(types: str, namespace: str, api_version: str) -> str:
    return (
        f"The resource type '{types}' could not be found in the namespace '{namespace}' for api "
        f"version '{api_version}'."
    )


def unknown_type(kind: str, api_version: str) -> ArmError:
    namespace, _, types = kind.partition("/")
    return ArmError(
        404,
        "InvalidResourceType",
        _not_found_in(types, namespace, api_version),
        gateway=True,
    )


def method_not_allowed(method: str) -> ArmError:
    return ArmError(
        405, "HttpMethodNotAllowed", f"The http method '{method}' is not supported.", gateway=True
    )


def subscription_not_found(subscription: str) -> ArmError:
    return ArmError(
        404,
        "SubscriptionNotFound",
        f"The subscription '{subscription}' could not be found.",
        gateway=True,
    )


def group_not_found(group: str) -> ArmError:
    return ArmError(
        404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", gateway=True
    )


def group_being_deleted(group: str) -> ArmError:
    return ArmError(
        409,
        "ResourceGroupBeingDeleted",
        f"The resource group '{group}' is in deprovisioning state and cannot perform this "
        "operation.",
        gateway=True,
    )


def authorization_failed(object_id: str, action: str, scope: str) -> ArmError:
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{object_id}' with object id '{object_id}' does not have authorization to "
        f"perform action '{action}' over scope '{scope}' or the scope is invalid. If access was "
        "recently granted, please refresh your credentials.",
        gateway=True,
    )


def linked_authorization_failed(
    object_id: str, action: str, scope: str, linked_action: str, linked_scope: str
) -> ArmError:
    return ArmError(
        403,
        "LinkedAuthorizationFailed",
        f"The client '{object_id}' with object id '{object_id}' has permission to perform action "
        f"'{action}' on scope '{scope}'; however, it does not have permission to perform action "
        f"'{linked_action}' on the linked scope(s) '{linked_scope}' or the linked scope(s) are "
        "invalid.",
        gateway=True,
    )


def scope_locked(scope: str, operation: str, locked: Iterable[str]) -> ArmError:
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {operation} operation because following scope(s) are "
        f"locked: '{','.join(locked)}'. Please remove the lock and try again.",
        gateway=True,
    )


def resource_not_found(kind: str, name: str, group: str) -> ArmError:
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
        gateway=True,
    )


def parent_not_found(parent_id: str) -> ArmError:
    """UNCONFIRMED for a route of a table that does not exist."""
    return ArmError(
        404,
        "ParentResourceNotFound",
        f"Can not perform requested operation on nested resource. Parent resource '{parent_id}' "
        "not found.",
        gateway=True,
    )


def location_required() -> ArmError:
    return ArmError(400, "LocationRequired", "The location property is required.", gateway=True)


def other_location(name: str, location: str) -> ArmError:
    return ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{name}' already exists in location '{location}'.",
        gateway=True,
    )


# -- Throttling, and resources that are busy ------------------------------------------------------


def subscription_throttled(
    operation: str, subscription: str, object_id: str, seconds: int
) -> ArmError:
    return ArmError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of '{operation}' requests for subscription '{subscription}' actor '{object_id}' "
        f"exceeded. Please try again after '{seconds}' seconds.",
        gateway=True,
        retry_after=seconds,
    )


def backend_storage_throttled(operation: str, subscription: str, seconds: int) -> ArmError:
    return ArmError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of requests for subscription '{subscription}' and operation '{operation}' "
        f"exceeded the backend storage limit. Please try again after '{seconds}' seconds.",
        gateway=True,
        retry_after=seconds,
    )


def too_many_calls(subscription: str, seconds: int) -> ArmError:
    return _retryable(
        "RetryableErrorDueToTooManyCalls",
        f"Subscription {subscription} was used to perform too many calls within last 5 minutes. "
        "The number of calls exceeds Microsoft.Network throttling limit. The call can be retried "
        f"in {seconds} seconds.",
        seconds,
    )


def too_much_data_read(subscription: str, seconds: int) -> ArmError:
    return _retryable(
        "RetryableErrorDueTooHighReadDataSize",
        f"Subscription '{subscription}' retrieved a very large amount of data within last 5 "
        "minutes. The size of the data exceeds Microsoft.Network throttling limit. The call can "
        f"be retried in {seconds} seconds.",
        seconds,
    )


def busy(operation: str, resource_id: str, seconds: int) -> ArmError:
    return _retryable(
        "RetryableErrorDueToAnotherOperation",
        f"Operation {operation} is updating resource {resource_id}. The call can be retried in "
        f"{seconds} seconds.",
        seconds,
    )


def reference_not_provisioned(
    referenced_id: str, resource_id: str, state: str, operation: str
) -> ArmError:
    return _retryable(
        "ReferencedResourceNotProvisioned",
        f"Cannot proceed with operation because resource {referenced_id} used by resource "
        f"{resource_id} is not in Succeeded state. Resource is in {state} state and the last "
        f"operation that updated/is updating the resource is {operation}.",
        None,
    )


def _retryable(code: str, message: str, seconds: int | None) -> ArmError:
    return ArmError(
        429,
        "RetryableError",
        "A retryable error occurred.",
        details=[{"code": code, "message": message}],
        retry_after=seconds,
    )


def another_operation(operation_id: str) -> ArmError:
    return ArmError(
        409,
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress. To retrieve status of "
        f"the operation use uri: {operation_id}.",
    )


# -- Microsoft.Network ----------------------------------------------------------------------------


def child_not_found(resource_id: str) -> ArmError:
    return ArmError(404, "NotFound", f"Resource {resource_id} not found.")


def etag_mismatch(given: str, actual: str, resource_id: str) -> ArmError:
    detail = {
        "code": "PreconditionFailedEtagMismatch",
        "message": f"Etag provided in if-match header {given} does not match etag {actual} of "
        f"resource {resource_id} in NRP data store.",
    }
    return ArmError(412, "PreconditionFailed", "Precondition failed.", details=[detail])


def parent_failed(method: str, child_id: str, operation_id: str) -> ArmError:
    """UNCONFIRMED for DELETE."""
    return ArmError(
        400,
        "ParentResourceIsInFailedState",
        f"{method} operation on child resource {child_id} is blocked because last operation "
        f"({operation_id}) on parent resource failed leaving it in failed state. Run PUT operation "
        "on the parent, then retry operation on the child.",
    )


def in_use(code: str, text: str) -> ArmError:
    return ArmError(400, code, f"{text} is in use and cannot be deleted.")


def invalid_json(*messages: str) -> ArmError:
    return ArmError(
        400,
        "InvalidRequestFormat",
        "Cannot parse the request.",
        details=[{"code": "InvalidJson", "message": message} for message in messages],
    )


def invalid_name(name: str) -> ArmError:
    return ArmError(
        400,
        "InvalidResourceName",
        f"Resource name {name} is invalid. The name can be up to 80 characters long. It must "
        "begin with a word character, and it must end with a word character or with '_'. The "
        "name may contain word characters or '.', '-', '_'.",
    )


def invalid_reference(referenced_id: str, resource_id: str) -> ArmError:
    return ArmError(
        400,
        "InvalidResourceReference",
        f"Resource {referenced_id} referenced by resource {resource_id} was not found. Please "
        "make sure that the referenced resource exists, and that both resources are in the same "
        "region.",
    )


def invalid_prefix(prefix: str, resource_id: str) -> ArmError:
    return ArmError(
        400,
        "InvalidAddressPrefixFormat",
        f"Address prefix {prefix} of resource {resource_id} is not formatted correctly. It should "
        "follow CIDR notation, for example 10.0.0.0/24.",
    )


def host_bits_set(prefix: str, resource_id: str, right: str) -> ArmError:
    return ArmError(
        400,
        "InvalidCIDRNotation",
        f"The address prefix {prefix} in resource {resource_id} has an invalid CIDR notation. For "
        f"the given prefix length, the address prefix should be {right}.",
    )


def refused(code: str, message: str) -> ArmError:
    """Make the error of a rule that concerns only one kind of resource."""
    return ArmError(400, code, message)
