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
from ..settings import FrontSettings, Settings
from ..sync.requester import Requester

UNVERIFIED = "unverified"
"""`requestedBy` of a caller who has a key alone: a key does not say who uses it."""

# Source: "Work with user identities in Azure App Service authentication".
PRINCIPAL = "X-MS-CLIENT-PRINCIPAL"
_OBJECT_ID = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_ROLES = ("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "roles")

SENDERS = ("ActionGroupsSecureWebhook", "AzureEventGridSecureWebhookSubscriber")
"""The app roles of whoever sends alerts and may do nothing else: action groups, and Event Grid.

Microsoft chose both names. Sources: "Action groups", section "Configure authentication for Secure
webhook", and "Deliver events to Microsoft Entra protected endpoints".
"""


class Role(IntEnum):
    """App roles of the app's registration in Entra; each may do what the roles before it may."""

    READER = 1
    OPERATOR = 2
    APPROVER = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """The name that a report shows as `requestedBy`, and what the caller's app roles let it do.

    `role` is the highest of its roles, and `is_sender` says whether it has one of `SENDERS`.
    """

    requested_by: str
    role: Role | None
    is_sender: bool = False

    @property
    def requester(self) -> Requester:
        return Requester(Trigger.HTTP, self.requested_by, is_approver=self.role is Role.APPROVER)

    def needs(self, role: Role, *, or_sender: bool = False) -> None:
        """Raise HttpError if the caller has a lower role or none, and no sender will do instead."""
        has_role = self.role is not None and self.role >= role
        if has_role or (or_sender and self.is_sender):
            return
        names = " or ".join([role.name.title(), *(SENDERS if or_sender else ())])
        message = f"this needs a token with the app role {names}"
        raise HttpError(HTTPStatus.FORBIDDEN, codes.ROLE_NEEDED, message)


class _Claim(BaseModel):
    typ: str
    val: str


class _Principal(BaseModel):
    claims: list[_Claim]

    def values(self, names: Iterable[str]) -> list[str]:
        return [claim.val for claim in self.claims if claim.typ in names]


def caller_of(context: App, request: func.HttpRequest, *, needs_token: bool = True) -> Caller:
    """Return who calls. A caller whom App Service Authentication does not name has a key alone.

    A key alone opens nothing if REQUIRE_TOKENS is true and the function `needs_token`. Raise
    HttpError if the caller is refused, or if the principal cannot be read.
    """
    settings = context.settings
    if settings.require_tokens and needs_token:
        return signed_in(settings, request)
    return _vouched_for(settings, request) or _with_key_alone(settings)


def signed_in(front: FrontSettings, request: func.HttpRequest) -> Caller:
    """Return the caller whom App Service Authentication names. Raise HttpError for anybody else."""
    if not front.website_auth_enabled:
        raise _refused(HTTPStatus.FORBIDDEN, codes.AUTHENTICATION_NOT_IN_FRONT)
    caller = _vouched_for(front, request)
    if caller is None:
        raise _refused(HTTPStatus.UNAUTHORIZED, codes.TOKEN_NEEDED)
    return caller


def _vouched_for(front: FrontSettings, request: func.HttpRequest) -> Caller | None:
    """Believe the principal in the header only if App Service Authentication is on.

    If it is on, App Service removes such a header from each request and sets its own. If it is off,
    anybody can send that header.
    """
    header = request.headers.get(PRINCIPAL) if front.website_auth_enabled else None
    return None if header is None else _believed(header)


def _refused(status: HTTPStatus, code: Code) -> HttpError:
    return HttpError(status, code, code.advice)


def _believed(header: str) -> Caller:
    try:
        return _caller(header)
    except ValueError:
        message = f"{PRINCIPAL} does not name one principal"
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
    is_sender = any(sender.casefold() in names for sender in SENDERS)
    return Caller(object_id, max(roles, default=None), is_sender=is_sender)
