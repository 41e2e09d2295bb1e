"""The callers: App Service Authentication vouches for them, or they only have a key."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus

import azure.functions as func
from pydantic import BaseModel

from ..app import App
from ..domain import codes
from ..domain.codes import Code
from ..domain.runs.run import Trigger
from ..http import HttpError
from ..settings import Settings
from ..sync.requester import Requester

UNVERIFIED = "unverified"
"""`requestedBy` of a caller who has a key alone: a key does not say who uses it."""

# Source: "Work with user identities in Azure App Service authentication".
_PRINCIPAL = "X-MS-CLIENT-PRINCIPAL"
_OBJECT_ID = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_ROLES = ("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "roles")


class Role(IntEnum):
    """App roles of the app's registration in Entra; each may do what the roles before it may."""

    READER = 1
    OPERATOR = 2
    APPROVER = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """The name that a report shows as `requestedBy`, and the highest role of the caller."""

    requested_by: str
    role: Role | None

    @property
    def requester(self) -> Requester:
        return Requester(Trigger.HTTP, self.requested_by, is_approver=self.role is Role.APPROVER)

    def needs(self, role: Role) -> None:
        """Raise HttpError if the caller has a lower role or none."""
        if self.role is None or self.role < role:
            message = f"this needs a token with the app role {role.name.title()}"
            raise HttpError(HTTPStatus.FORBIDDEN, codes.ROLE_NEEDED, message)


class _Claim(BaseModel):
    typ: str
    val: str


class _Principal(BaseModel):
    claims: list[_Claim]

    def values(self, names: Iterable[str]) -> list[str]:
        return [claim.val for claim in self.claims if claim.typ in names]


def caller_of(context: App, request: func.HttpRequest, *, needs_token: bool = True) -> Caller:
    """Believe the principal in the header only if App Service Authentication is on.

    If it is on, App Service removes such a header from each request and sets its own. If it is off,
    anybody can send that header. A caller without a principal has a key alone, which opens nothing
    if REQUIRE_TOKENS is true and the function `needs_token`. Raise HttpError if the caller is
    refused, or if the header cannot be read.
    """
    settings = context.settings
    is_required = settings.require_tokens and needs_token
    if is_required and not settings.website_auth_enabled:
        raise _refused(HTTPStatus.FORBIDDEN, codes.AUTHENTICATION_NOT_IN_FRONT)

    header = request.headers.get(_PRINCIPAL) if settings.website_auth_enabled else None
    if header is not None:
        return _believed(header)
    if is_required:
        raise _refused(HTTPStatus.UNAUTHORIZED, codes.TOKEN_NEEDED)
    return _with_key_alone(settings)


def _refused(status: HTTPStatus, code: Code) -> HttpError:
    return HttpError(status, code, code.advice)


def _believed(header: str) -> Caller:
    try:
        return _caller(header)
    except ValueError:
        message = f"{_PRINCIPAL} does not name one principal"
        raise HttpError(HTTPStatus.UNAUTHORIZED, codes.PRINCIPAL_UNREADABLE, message) from None


def _with_key_alone(settings: Settings) -> Caller:
    """If callers can have tokens, only one with a token can be an approver."""
    tokens = settings.website_auth_enabled or settings.require_tokens
    return Caller(UNVERIFIED, Role.OPERATOR if tokens else Role.APPROVER)


def _caller(header: str) -> Caller:
    """Raise ValueError if this is not one principal in Base64."""
    principal = _Principal.model_validate_json(base64.b64decode(header, validate=True))
    [object_id] = set(principal.values(_OBJECT_ID))
    names = {name.casefold() for name in principal.values(_ROLES)}
    roles = (role for role in Role if role.name.casefold() in names)
    return Caller(object_id, max(roles, default=None))
