"""Who calls: whom App Service Authentication vouches for, or whoever has a key."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus

import azure.functions as func
from pydantic import BaseModel, ValidationError

from ..app import App
from ..http import HttpFault

UNVERIFIED = "unverified"
"""`requestedBy` of whoever came with a key alone: it says what they have, not who they are."""

# Source: "Work with user identities in Azure App Service authentication".
_PRINCIPAL = "X-MS-CLIENT-PRINCIPAL"
_OBJECT_ID = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_ROLES = ("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "roles")


class Role(IntEnum):
    """App roles of the app's registration in Entra; each may do what those before it may."""

    READER = 1
    OPERATOR = 2
    APPROVER = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom `requested_by` names, and the most that they may do."""

    requested_by: str
    role: Role | None

    def needs(self, role: Role) -> None:
        """Raise HttpFault where they have not this role."""
        if self.role is None or self.role < role:
            message = f"this needs a token with the app role {role.name.title()}"
            raise HttpFault(HTTPStatus.FORBIDDEN, "RoleNeeded", message)


class _Claim(BaseModel):
    typ: str
    val: str


class _Principal(BaseModel):
    claims: list[_Claim]

    def values(self, names: Iterable[str]) -> list[str]:
        return [claim.val for claim in self.claims if claim.typ in names]


def caller_of(context: App, request: func.HttpRequest) -> Caller:
    """Where authentication is off a key opens everything, and the header is anybody's claim.

    Where it is on, App Service removes such a header from what comes in and sets its own.
    Raise HttpFault where that can't be read.
    """
    if not context.settings.website_auth_enabled:
        return Caller(UNVERIFIED, Role.APPROVER)
    header = request.headers.get(_PRINCIPAL)
    if header is None:
        return Caller(UNVERIFIED, Role.OPERATOR)
    try:
        principal = _Principal.model_validate_json(base64.b64decode(header, validate=True))
        [object_id] = set(principal.values(_OBJECT_ID))
    except (ValidationError, ValueError):
        message = f"{_PRINCIPAL} does not name one principal"
        raise HttpFault(HTTPStatus.UNAUTHORIZED, "PrincipalUnreadable", message) from None
    held = {role.casefold() for role in principal.values(_ROLES)}
    return Caller(
        object_id, max((role for role in Role if role.name.casefold() in held), default=None)
    )
