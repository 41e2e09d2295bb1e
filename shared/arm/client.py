"""Clients of one subscription, one each a process: building one takes a second."""

import threading
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import RetryPolicy, SansIOHTTPPolicy
from azure.mgmt.network import NetworkManagementClient

from shared.domain.clouds import Cloud

from .credential import Credential, RenewWhenRefused

LONGEST_SLEEP_SECONDS = 30
"""Where ARM asks for more, the message goes back to the queue instead."""


class NetworkClients:
    def __init__(
        self,
        credential: Credential,
        cloud: Cloud,
        *,
        endpoint: str | None = None,
        api_version: str | None = None,
    ) -> None:
        self._credential = credential
        self._cloud = cloud
        self._endpoint = endpoint or cloud.arm_endpoint
        self.call_options: dict[str, Any] = {"api_version": api_version} if api_version else {}
        """What every call of an operation takes: the clients themselves ignore it."""
        self._clients: dict[str, NetworkManagementClient] = {}
        self._lock = threading.Lock()

    def of(self, subscription_id: str) -> NetworkManagementClient:
        key = subscription_id.lower()
        with self._lock:  # messages are served by several threads
            if key not in self._clients:
                self._clients[key] = self._build(subscription_id)
            return self._clients[key]

    def owns(self, url: str) -> bool:
        """Whether a link is on our ARM endpoint: our token goes nowhere else."""
        ours, theirs = urlsplit(self._endpoint), urlsplit(url)
        return (ours.scheme, ours.netloc.lower()) == (theirs.scheme, theirs.netloc.lower())

    def _build(self, subscription_id: str) -> NetworkManagementClient:
        policies: list[SansIOHTTPPolicy[Any, Any]] = [RenewWhenRefused(self._credential)]
        if urlsplit(self._endpoint).scheme == "http":
            policies.append(_AllowPlainHttp())
        return NetworkManagementClient(
            self._credential,
            subscription_id,
            base_url=self._endpoint,
            credential_scopes=[self._cloud.credential_scope],
            retry_policy=_BoundedRetryPolicy(),
            per_call_policies=policies,
        )


def raw_json(response: PipelineResponse[Any, Any], _model: object, _headers: object) -> Any:
    """As a call's `cls`: the answer as it came, instead of as the SDK's model of it."""
    return response.http_response.json()


def correlation_id_of(response: PipelineResponse[Any, Any]) -> str | None:
    """Under which Azure's support finds the request."""
    found = response.http_response.headers.get("x-ms-correlation-request-id")
    return None if found is None else str(found)


class _BoundedRetryPolicy(RetryPolicy[Any, Any]):
    """The standard policy sleeps as long as `Retry-After` says, inside the call."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        asked = self.get_retry_after(response)
        if asked is not None and asked > LONGEST_SLEEP_SECONDS:
            return False
        # A write without retries must not be repeated because of a Retry-After either.
        return bool(settings["total"]) and super().is_retry(settings, response)


class _AllowPlainHttp(SansIOHTTPPolicy[Any, Any]):
    """Only the settings' check lets an endpoint be plain http: on loopback."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context.options["enforce_https"] = False
