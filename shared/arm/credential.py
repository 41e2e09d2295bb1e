"""Whoever we are: managed identity in Azure, `az login` on a laptop."""

import logging
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential

PATIENCE_SECONDS = 0.5
"""An alert is answered at once, whether it is known or not who we are."""

_log = logging.getLogger("ase_route_sync")


class Credential:
    """azure-identity's own, that can sign in anew.

    By itself it would give a token that Azure refuses until the end that the token was made with.
    """

    def __init__(self, *, authority: str, client_id: str | None) -> None:
        self._authority = authority
        self._client_id = client_id
        self._current: DefaultAzureCredential | None = None

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return self._signed_in().get_token(*scopes, **options)

    def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        return self._signed_in().get_token_info(*scopes, options=options)

    def renew(self) -> None:
        """Forget every token."""
        self._current = None

    def _signed_in(self) -> "DefaultAzureCredential":
        current = self._current
        if current is None:
            from azure.identity import DefaultAzureCredential  # a tenth of a second

            self._current = current = DefaultAzureCredential(
                authority=self._authority, managed_identity_client_id=self._client_id
            )
        return current


class OwnIdentity:
    """Under which names Azure knows us, as our own token says.

    Source: "Access token claims reference" (oid, appid, azp).
    """

    def __init__(self, credential: Credential, scope: str) -> None:
        self._credential = credential
        self._scope = scope
        self._names: frozenset[str] = frozenset()
        self._asking: threading.Thread | None = None
        self._lock = threading.Lock()

    def names(self) -> frozenset[str]:
        """In lower case; none where that is not known soon."""
        if not self._names:
            self._begun().join(PATIENCE_SECONDS)
        return self._names

    def _begun(self) -> threading.Thread:
        """Whoever asks first begins; those who ask meanwhile wait for the same answer."""
        with self._lock:
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self._ask, daemon=True)
                self._asking.start()
            return self._asking

    def _ask(self) -> None:
        import jwt  # with all of cryptography

        try:
            token = self._credential.get_token(self._scope).token
            claims = jwt.decode(token, options={"verify_signature": False})
        except (AzureError, jwt.InvalidTokenError) as error:
            _log.warning("who we are is not known: %s", type(error).__name__)
            return
        ids = (claims.get(name) for name in ("oid", "appid", "azp"))
        self._names = frozenset(str(one).lower() for one in ids if one)


class RenewWhenRefused(SansIOHTTPPolicy[Any, Any]):
    """After a 401 the next request signs in anew."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    def on_response(
        self, _request: PipelineRequest[Any], response: PipelineResponse[Any, Any]
    ) -> None:
        if response.http_response.status_code == HTTPStatus.UNAUTHORIZED:
            self._credential.renew()
