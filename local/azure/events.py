"""The event of a write or a delete, in Event Grid's own schema.

Source: "Azure subscription as an Event Grid source". Each PUT, PATCH and DELETE has one event, and
it is about the resource of the path. So the PUT of a whole table has no event for its routes, and
the PUT of a virtual network has none for its subnets.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .call import Call

type Event = Mapping[str, Any]

_OUTCOMES = {"Succeeded": "Success", "Failed": "Failure"}
_ENTRA, _XML_SOAP = "http://schemas.microsoft.com", "http://schemas.xmlsoap.org/ws/2005/05"
_LONG_NAMES = {
    "name": "name",
    "oid": f"{_ENTRA}/identity/claims/objectidentifier",
    "scp": f"{_ENTRA}/identity/claims/scope",
    "sub": f"{_XML_SOAP}/identity/claims/nameidentifier",
    "tid": f"{_ENTRA}/identity/claims/tenantid",
    "unique_name": f"{_XML_SOAP}/identity/claims/name",
    "upn": f"{_XML_SOAP}/identity/claims/upn",
}
"""Claims that an event has under another name than the token."""


def make_event(call: Call, status: str, *, created: bool) -> Event:
    """Return the event of a call whose operation has ended. The status is that of the operation."""
    target, method = call.target, call.request.method
    verb = "Delete" if method == "DELETE" else "Write"
    # The documented events of writes have the segment `resourcegroups`, those of deletes have not.
    resource_id = target.resource_id
    if verb == "Write":
        resource_id = resource_id.replace("/resourceGroups/", "/resourcegroups/")

    operation = target.action(method)
    roles = call.principal.roles_at(target.resource_id)
    role = next(role for role in roles if role.allows(operation))
    data: dict[str, Any] = {
        "authorization": {
            "scope": resource_id,
            "action": operation,
            "evidence": {"role": role.name},
        },
        "claims": {_LONG_NAMES.get(k, k): str(v) for k, v in call.claims.items()},
        "correlationId": call.correlation_id,
        "resourceProvider": target.namespace,
        "resourceUri": resource_id,
        "operationName": operation,
        "status": status,
        "subscriptionId": target.subscription,
        "tenantId": call.claims["tid"],
    }
    if not created:
        data["httpRequest"] = _http_request(call)

    return {
        "id": str(uuid.uuid4()),
        "topic": target.subscription_id,
        "subject": resource_id,
        "eventType": f"Microsoft.Resources.Resource{verb}{_OUTCOMES[status]}",
        "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z",
        "data": data,
        "dataVersion": "2",
        "metadataVersion": "1",
    }


def _http_request(call: Call) -> Mapping[str, str]:
    request = call.request
    assert request.client is not None
    return {
        "clientRequestId": request.headers.get("x-ms-client-request-id", str(uuid.uuid4())),
        "clientIpAddress": request.client.host,
        "method": request.method,
        "url": str(request.url),
    }
