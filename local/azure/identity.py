"""Managed identities: the endpoints that issue tokens, and the check of tokens.

Sources: "How to use managed identities for App Service" (REST endpoint reference, 2019-08-01),
"How to use managed identities on a virtual machine" (IMDS, 2018-02-01).
"""

import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .authorization import OWNER, Principal
from .errors import authentication_failed, expired_token

TENANT = "99999999-9999-4999-8999-999999999999"
HEADER = "simulated-identity-header"
LIFETIME_SECONDS = 24 * 3600
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The id by which every Azure CLI signs people in."""
_AUDIENCES = {
    "AzureCloud": {"127.0.0.1", "management.azure.com", "management.core.windows.net"},
    "AzureUSGovernment": {"management.core.usgovcloudapi.net"},
    "AzureChinaCloud": {"management.chinacloudapi.cn", "management.core.chinacloudapi.cn"},
}
"""Tokens for another cloud are refused. Azure Government also refuses tokens for ARM's own name."""
# A test may have moved the clock since the token was made.
_JWT_OPTIONS: jwt.types.Options = {"verify_aud": False, "verify_iat": False, "verify_nbf": False}


class Identities:
    """The principals of one tenant: first the app's system-assigned identity, then a person."""

    def __init__(self, cloud: str) -> None:
        self._audiences = _AUDIENCES[cloud]
        self._key = secrets.token_bytes(32)
        self._expired: set[str] = set()
        self.principals = [
            Principal(
                object_id="00000000-0000-4000-8000-0000000000a1",
                client_id="00000000-0000-4000-8000-0000000000c1",
                assignments=[("/", OWNER)],
            ),
            Principal(
                object_id="00000000-0000-4000-8000-0000000000a2",
                client_id=AZURE_CLI,
                sign_in_name="colleague@example.com",
                assignments=[("/", OWNER)],
            ),
        ]

    @property
    def app(self) -> Principal:
        """Return the identity of the product."""
        return self.principals[0]

    @property
    def person(self) -> Principal:
        """Return somebody who has signed in with the Azure CLI, and who is not the product."""
        return self.principals[1]

    def find(self, client_id: str | None) -> Principal | None:
        if client_id is None:
            return self.app
        found = (one for one in self.principals if one.client_id == client_id)
        return next(found, None)

    def token(self, principal: Principal | None = None, audience: str | None = None) -> str:
        principal = principal or self.app
        audience = audience or f"https://{max(self._audiences)}"

        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
            "appid": principal.client_id,
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": TENANT,
            "jti": str(uuid.uuid4()),
            "ver": "1.0",
            **_claims_of_kind(principal),
        }
        return jwt.encode(claims, self._key, algorithm="HS256")

    def expire(self, headers: Mapping[str, str]) -> None:
        """Treat the token of this request as expired from now on."""
        self._expired.add(_bearer(headers))

    def authenticate(self, headers: Mapping[str, str]) -> tuple[Principal, Mapping[str, Any]]:
        """Return the principal and the claims of the request's token.

        Raise ArmError if the token is not valid.
        """
        claims = self._claims(_bearer(headers))
        principal = self.find(claims["appid"])
        if principal is None or urlsplit(claims["aud"]).hostname not in self._audiences:
            raise authentication_failed()
        return principal, claims

    def _claims(self, token: str) -> Mapping[str, Any]:
        if token in self._expired:
            raise expired_token()
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key, algorithms=["HS256"], options=_JWT_OPTIONS
            )
        except jwt.ExpiredSignatureError:
            raise expired_token() from None
        except jwt.InvalidTokenError:
            raise authentication_failed() from None
        return claims


class IdentityApi:
    """The endpoints of App Service and of IMDS."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def app_service(self, request: Request) -> Response:
        if request.headers.get("x-identity-header") != HEADER:
            return _app_service_error(401, "No access.")
        if not request.query_params.get("resource"):
            return _app_service_error(400, "resource is missing.")
        principal = self._identities.find(request.query_params.get("client_id"))
        if principal is None:
            return _app_service_error(400, "No User Assigned Identity found for specified ClientId")
        return self._answer(request, principal)

    def imds(self, request: Request) -> Response:
        if request.headers.get("metadata", "").lower() != "true":
            return _imds_error("invalid_request", "Required metadata header not specified")
        if "api-version" not in request.query_params or "resource" not in request.query_params:
            return _imds_error("invalid_request", "Required query variable is missing")
        principal = self._identities.find(request.query_params.get("client_id"))
        if principal is None:
            return _imds_error("invalid_request", "Identity not found")
        return self._answer(request, principal)

    def _answer(self, request: Request, principal: Principal) -> Response:
        resource = request.query_params["resource"]
        now = int(time.time())

        body: dict[str, Any] = {
            "access_token": self._identities.token(principal, resource),
            "expires_on": str(now + LIFETIME_SECONDS),
            "expires_in": str(LIFETIME_SECONDS),
            "not_before": str(now),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": principal.client_id,
        }
        return JSONResponse(body)


def _claims_of_kind(principal: Principal) -> Mapping[str, str]:
    """Return the claims that only people have, or only managed identities."""
    if principal.sign_in_name:
        name = principal.sign_in_name
        return {"name": name, "upn": name, "unique_name": name, "scp": "user_impersonation"}
    return {"xms_mirid": "/subscriptions/s/resourcegroups/g/providers/Microsoft.Web/sites/app"}


def _bearer(headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise authentication_failed()
    return token


def _app_service_error(status: int, message: str) -> Response:
    return JSONResponse({"statusCode": status, "message": message}, status)


def _imds_error(error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, 400)
