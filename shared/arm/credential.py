"""The app's identity: a managed identity in Azure, `az login` on a laptop."""

import logging
import math
import os
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse

from ..deadline import time_limit
from ..domain.errors import TransientError
from ..transport import Transport
from .budgets import Request, Response

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential

PATIENCE_SECONDS = 1.0
"""An alert must be answered at once, even if our own names are not known yet."""
WAIT_SECONDS = 60.0
"""The time without questions after one that failed, so that a storm of alerts is not held up."""

_TRIED = re.compile(r"^\t(\w+): (.*)$", re.MULTILINE)

_log = logging.getLogger("ase_route_sync")


class Credential:
    """A DefaultAzureCredential that can sign in again.

    azure-identity alone would return a token from its cache until the token expires, even if Azure
    refuses it.
    """

    def __init__(self, *, authority: str, client_id: str | None) -> None:
        self._authority = authority
        self._client_id = client_id
        self._transport = Transport()
        self._current: DefaultAzureCredential | None = None
        self.has_token = False
        """It stays true after the first token."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        token = self._signed_in().get_token(*scopes, **options)
        self.has_token = True
        return token

    def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        token = self._signed_in().get_token_info(*scopes, options=options)
        self.has_token = True
        return token

    def renew(self) -> None:
        """Forget every token."""
        self._current = None

    def _signed_in(self) -> "DefaultAzureCredential":
        current = self._current
        if current is None:
            from azure.identity import DefaultAzureCredential  # a tenth of a second

            self._current = current = DefaultAzureCredential(
                authority=self._authority,
                managed_identity_client_id=self._client_id,
                transport=self._transport,
            )
        return current


def reason_of(error: Exception) -> str:
    """Return why there is no token: the line of the credential that should have given one.

    azure-identity lists every way to sign in that it has tried, each on a line of its own.
    """
    text = str(error)
    tried: dict[str, str] = dict(_TRIED.findall(text))
    expected = (
        "ManagedIdentityCredential" if "IDENTITY_ENDPOINT" in os.environ else "AzureCliCredential"
    )

    if tried:
        name = expected if expected in tried else list(tried)[-1]
        return f"{name}: {tried[name]}"
    return next(iter(text.splitlines()), type(error).__name__)


class OwnIdentity:
    """The names by which Azure knows the app, read from its own token.

    On a laptop, the token is a person's. Its application is then the Azure CLI or another tool,
    which other people use as well.

    Source: "Access token claims reference" (oid, appid, azp; scp is in the tokens of people only).
    """

    def __init__(self, credential: Credential, scope: str) -> None:
        self._credential = credential
        self._scope = scope
        self._names: frozenset[str] = frozenset()
        self._waits_until = -math.inf

    def names(self) -> frozenset[str]:
        """Return them in lower case, or nothing if the answer takes longer than a second."""
        if not self._names and time.monotonic() >= self._waits_until:
            with time_limit(PATIENCE_SECONDS):
                self._names = self._ask()
            if not self._names:
                self._waits_until = time.monotonic() + WAIT_SECONDS
        return self._names

    @property
    def is_signed_in(self) -> bool:
        """It stays true after the first token."""
        return self._credential.has_token

    def name(self) -> str | None:
        """Return the sign-in name of a person, or else the object id; None if it is not known."""
        claims = self._claims()
        names = (claims.get(claim) for claim in ("upn", "unique_name", "preferred_username", "oid"))
        return next((str(name) for name in names if name), None)

    def _ask(self) -> frozenset[str]:
        claims = self._claims()
        others = ("upn", "unique_name") if "scp" in claims else ("appid", "azp")
        names = [claims.get(claim) for claim in ("oid", *others)]
        return frozenset(str(name).lower() for name in names if name)

    def _claims(self) -> Mapping[str, Any]:
        """Return nothing if nobody is signed in."""
        import jwt  # it imports all of cryptography

        try:
            token = self._credential.get_token(self._scope).token
            claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        except (AzureError, TransientError, jwt.InvalidTokenError) as error:
            _log.warning("the app's own identity could not be read: %s", type(error).__name__)
            return {}
        return claims


class RenewWhenRefused(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """After a 401, the next request signs in again."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    def on_response(self, _request: Request, response: Response) -> None:
        if response.http_response.status_code == HTTPStatus.UNAUTHORIZED:
            self._credential.renew()
