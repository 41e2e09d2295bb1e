"""Whoever we are: managed identity in Azure, `az login` on a laptop."""

from http import HTTPStatus
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.identity import DefaultAzureCredential


class Credential:
    """azure-identity's own, that can sign in anew.

    By itself it would give a token that Azure refuses until the end that the token was made with.
    """

    def __init__(self, *, authority: str, client_id: str | None) -> None:
        self._authority = authority
        self._client_id = client_id
        self._current = self._build()

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return self._current.get_token(*scopes, **options)

    def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        return self._current.get_token_info(*scopes, options=options)

    def renew(self) -> None:
        """Forget every token."""
        self._current = self._build()

    def _build(self) -> DefaultAzureCredential:
        return DefaultAzureCredential(
            authority=self._authority, managed_identity_client_id=self._client_id
        )


class RenewWhenRefused(SansIOHTTPPolicy[Any, Any]):
    """After a 401 the next request signs in anew."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    def on_response(
        self, _request: PipelineRequest[Any], response: PipelineResponse[Any, Any]
    ) -> None:
        if response.http_response.status_code == HTTPStatus.UNAUTHORIZED:
            self._credential.renew()
