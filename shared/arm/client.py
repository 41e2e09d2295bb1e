"""Clients of one subscription, one of a kind a process; all over the same connections."""

import functools
import gc
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.configuration import Configuration
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    CustomHookPolicy,
    RedirectPolicy,
    RetryPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from ..domain.clouds import Cloud
from ..transport import transport
from .budgets import Budgets, is_throttled
from .credential import Credential, RenewWhenRefused

if TYPE_CHECKING:
    from azure.mgmt.network import NetworkManagementClient
    from azure.mgmt.web import WebSiteManagementClient

API_VERSION_NETWORK = "2026-03-01"
"""What azure-mgmt-network itself asks for."""
LONGEST_SLEEP_SECONDS = 30
"""Where ARM asks for more, the message goes back to the queue instead."""


class ArmClients:
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
        self.budgets = Budgets()
        self._endpoint = endpoint or cloud.arm_endpoint
        self.api_version_network = api_version or API_VERSION_NETWORK
        self.call_options: dict[str, Any] = {"api_version": self.api_version_network}
        """What every call of a network operation takes: the clients themselves ignore it."""
        self._transport = transport()
        self._reads = self._reading_client()
        self._network: dict[str, NetworkManagementClient] = {}
        self._web: dict[str, WebSiteManagementClient] = {}
        self._lock = threading.Lock()

    def network(self, subscription_id: str) -> "NetworkManagementClient":
        return self._of(self._network, _network_client(), subscription_id)

    def web(self, subscription_id: str) -> "WebSiteManagementClient":
        from azure.mgmt.web import WebSiteManagementClient  # only where environments are registered

        return self._of(self._web, WebSiteManagementClient, subscription_id)

    def get(self, url: str) -> HttpResponse:
        """Return the answer as it came.

        Reads need neither the SDK's models, which cost 10 ms of processor time for a route table,
        nor the import of its clients, which takes a third of a second.
        Raise azure.core.exceptions.AzureError if the answer is an error.
        """
        request = HttpRequest("GET", self._reads.format_url(url))
        # The policies parse an answer unless it is a stream.
        response: HttpResponse = self._reads.send_request(request, stream=True)
        response.read()
        response.raise_for_status()
        return response

    def pages(self, first_url: str) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a list as they came, each with the `nextLink` of the one before.

        Raise ValueError if a page is not an object, or if its link repeats or leaves the endpoint.
        """
        url, seen = first_url, {first_url}
        while True:
            page = self.get(url).json()
            if not isinstance(page, Mapping):
                raise ValueError("a page is not an object")  # noqa: TRY004
            yield page
            link = page.get("nextLink")
            if not link:
                return
            if not isinstance(link, str) or link in seen or not self._owns(link):
                raise ValueError("bad nextLink")
            seen.add(link)
            url = link

    def _of[C](self, clients: dict[str, C], kind: Callable[..., C], subscription_id: str) -> C:
        key = subscription_id.lower()
        with self._lock:  # messages are served by several threads
            if key not in clients:
                clients[key] = self._build(kind, subscription_id)
            return clients[key]

    def _owns(self, url: str) -> bool:
        """Whether a link is on our ARM endpoint: our token goes nowhere else."""
        ours, theirs = urlsplit(self._endpoint), urlsplit(url)
        return (ours.scheme, ours.netloc.lower()) == (theirs.scheme, theirs.netloc.lower())

    def _build[C](self, kind: Callable[..., C], subscription_id: str) -> C:
        return kind(
            self._credential,
            subscription_id,
            base_url=self._endpoint,
            credential_scopes=[self._cloud.credential_scope],
            retry_policy=_BoundedRetryPolicy(),
            **self._pipeline_options(),
        )

    def _reading_client(self) -> "ARMPipelineClient[HttpRequest, HttpResponse]":
        """Make the client of `get`, with the policies that the SDK's own clients have."""
        config: Configuration[Any, Any] = Configuration()
        config.user_agent_policy = UserAgentPolicy(sdk_moniker="ase-route-sync")
        config.redirect_policy = RedirectPolicy()
        config.retry_policy = _BoundedRetryPolicy()
        config.custom_hook_policy = CustomHookPolicy()
        config.authentication_policy = ARMChallengeAuthenticationPolicy(
            self._credential, self._cloud.credential_scope
        )
        return ARMPipelineClient(self._endpoint, config=config, **self._pipeline_options())

    def _pipeline_options(self) -> dict[str, Any]:
        policies: list[SansIOHTTPPolicy[Any, Any]] = [RenewWhenRefused(self._credential)]
        if urlsplit(self._endpoint).scheme == "http":
            policies.append(_AllowPlainHttp())
        return {
            "per_call_policies": policies,
            "per_retry_policies": [self.budgets],
            "transport": self._transport,
        }


@functools.cache
def _network_client() -> "type[NetworkManagementClient]":
    """A third of a second and 45 MiB when first needed, which stay: no collection of garbage need
    look at them again.
    """
    from azure.mgmt.network import NetworkManagementClient

    gc.freeze()
    return NetworkManagementClient


def raw_json(response: PipelineResponse[Any, Any], _model: object, _headers: object) -> Any:
    """As a call's `cls`: the answer as it came, instead of as the SDK's model of it."""
    return response.http_response.json()


def correlation_id_of(response: HttpResponse) -> str | None:
    """Under which Azure's support finds the request."""
    found = response.headers.get("x-ms-correlation-request-id")
    return None if found is None else str(found)


class _BoundedRetryPolicy(RetryPolicy[Any, Any]):
    """The standard policy sleeps as long as `Retry-After` says, inside the call.

    A write is sent again only where the subscription was throttled: then it had no effect.
    """

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        asked = super().get_retry_after(response)
        if asked is not None and asked > LONGEST_SLEEP_SECONDS:
            return False
        if response.http_request.method != "GET":
            return asked is not None and is_throttled(response)
        return bool(super().is_retry(settings, response))

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        """A little longer than asked: those who were refused together do not come together."""
        asked = super().get_retry_after(response)
        return None if asked is None else asked * random.uniform(1, 1.25)  # noqa: S311


class _AllowPlainHttp(SansIOHTTPPolicy[Any, Any]):
    """Only the settings' check lets an endpoint be plain http: on loopback."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context.options["enforce_https"] = False
