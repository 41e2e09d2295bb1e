"""Clients of Azure Resource Manager.

A process has one client for each subscription and kind, and all clients share their connections.
"""

import functools
import gc
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.configuration import Configuration
from azure.core.exceptions import HttpResponseError
from azure.core.paging import ItemPaged
from azure.core.pipeline import PipelineResponse
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
from ..transport import Transport
from .budgets import Budgets, Request, Response, is_throttled, seconds_asked
from .credential import Credential, RenewWhenRefused
from .endpoint import OurEndpointOnly

if TYPE_CHECKING:
    from azure.mgmt.network import NetworkManagementClient
    from azure.mgmt.resourcegraph import ResourceGraphClient
    from azure.mgmt.web import WebSiteManagementClient

API_VERSION_NETWORK = "2026-03-01"
"""The version that azure-mgmt-network uses by default."""
API_VERSION_WEB = "2025-05-01"
"""The version that azure-mgmt-web uses by default."""
LONGEST_SLEEP_SECONDS = 30
"""If ARM asks for a longer wait, the message goes back to the queue instead."""


class ArmClients:
    def __init__(
        self,
        credential: Credential,
        cloud: Cloud,
        *,
        endpoint: str | None = None,
        api_version_network: str | None = None,
        api_version_web: str | None = None,
    ) -> None:
        self._credential = credential
        self._cloud = cloud
        self._endpoint = endpoint or cloud.arm_endpoint

        self._api_version_web = api_version_web or API_VERSION_WEB
        self.api_version_network = api_version_network or API_VERSION_NETWORK
        self.call_options: Mapping[str, str] = {"api_version": self.api_version_network}
        """Every call of a network operation needs these: the clients ignore the version if it is
        given to them.
        """

        # Every pipeline has these two, so that all threads share connections and budgets.
        self.budgets = Budgets()
        self._transport = Transport()

        self._reads = self._reading_client()
        self._network: dict[str, NetworkManagementClient] = {}
        self._web: dict[str, WebSiteManagementClient] = {}
        self._graph: dict[str, ResourceGraphClient] = {}
        self._lock = threading.Lock()

    def network(self, subscription_id: str) -> "NetworkManagementClient":
        return self._client_for(subscription_id, self._network, _network_client())

    def web(self, subscription_id: str) -> "WebSiteManagementClient":
        from azure.mgmt.web import WebSiteManagementClient  # only environments need it

        client = functools.partial(WebSiteManagementClient, api_version=self._api_version_web)
        return self._client_for(subscription_id, self._web, client)

    def graph(self) -> "ResourceGraphClient":
        from azure.mgmt.resourcegraph import ResourceGraphClient  # only discoveries need it

        return self._client_for("", self._graph, ResourceGraphClient)

    def wait(self, seconds: float) -> None:
        """Raise TransientError at once if the invocation has not so much time left."""
        if seconds:
            self._transport.sleep(seconds)

    def get(self, url: str, **options: float) -> HttpResponse:
        """Return the answer unparsed. The options are azure-core's own, for this request alone.

        Reads need neither the SDK's models, which cost 10 ms of processor time for a route table,
        nor the import of its clients, which takes a third of a second.
        Raise azure.core.exceptions.AzureError if the answer is an error.
        """
        return self._answer(HttpRequest("GET", self._reads.format_url(url)), **options)

    def post(self, url: str, body: Mapping[str, object]) -> HttpResponse:
        """Ask a question that needs a body. Return and raise the same as `get`."""
        return self._answer(HttpRequest("POST", self._reads.format_url(url), json=body))

    def _answer(self, request: HttpRequest, **options: float) -> HttpResponse:
        # The policies parse every answer that is not a stream.
        response: HttpResponse = self._reads.send_request(request, stream=True, **options)
        response.read()
        if response.status_code != HTTPStatus.OK:
            raise HttpResponseError(response=response)
        return response

    def pages(self, first_url: str) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a list, following each page's `nextLink`.

        Raise ValueError if a page is not an object, or if its link is no text or repeats.
        """
        url: str | None = first_url
        seen = {self._reads.format_url(first_url)}
        while url is not None:
            page = self.get(url).json()
            if not isinstance(page, Mapping):
                raise ValueError("a page is not an object")  # noqa: TRY004
            yield page
            url = next_link(page.get("nextLink"), seen)

    def _client_for[C](
        self, subscription_id: str, clients: dict[str, C], client_type: Callable[..., C]
    ) -> C:
        key = subscription_id.lower()
        with self._lock:  # several threads serve messages
            if key not in clients:
                clients[key] = self._new_client(subscription_id, client_type)
            return clients[key]

    def _new_client[C](self, subscription_id: str, client_type: Callable[..., C]) -> C:
        subscription = [subscription_id] if subscription_id else []
        return client_type(
            self._credential,
            *subscription,
            base_url=self._endpoint,
            credential_scopes=[self._cloud.credential_scope],
            retry_policy=_BoundedRetryPolicy(),
            redirect_policy=RedirectPolicy.no_redirects(),
            **self._pipeline_options(),
        )

    def _reading_client(self) -> "ARMPipelineClient[HttpRequest, HttpResponse]":
        """Make the client for `get`, with the same policies as the SDK's own clients."""
        config: Configuration[Any, Any] = Configuration()
        config.user_agent_policy = UserAgentPolicy(sdk_moniker="ase-route-sync")
        config.redirect_policy = RedirectPolicy.no_redirects()
        config.retry_policy = _BoundedRetryPolicy()
        config.custom_hook_policy = CustomHookPolicy()
        config.authentication_policy = ARMChallengeAuthenticationPolicy(
            self._credential, self._cloud.credential_scope
        )
        return ARMPipelineClient(self._endpoint, config=config, **self._pipeline_options())

    def _pipeline_options(self) -> dict[str, Any]:
        policies: list[SansIOHTTPPolicy[HttpRequest, HttpResponse]] = [
            RenewWhenRefused(self._credential)
        ]
        if urlsplit(self._endpoint).scheme == "http":
            policies.append(_AllowPlainHttp())
        return {
            "per_call_policies": policies,
            "per_retry_policies": [OurEndpointOnly(self._endpoint), self.budgets],
            "transport": self._transport,
        }


@functools.cache
def _network_client() -> "type[NetworkManagementClient]":
    """Import the client when it is first needed, which takes a third of a second and 45 MiB."""
    from azure.mgmt.network import NetworkManagementClient

    # The imported modules stay for good, so the garbage collector need not look at them again.
    gc.freeze()
    return NetworkManagementClient


def items[T](paged: ItemPaged[T]) -> Iterator[T]:
    """Yield the items of the SDK's list, page by page.

    Raise ValueError if a page names one that was read before: the SDK would follow it for ever.
    """
    pages, seen = paged.by_page(), set[str]()
    for page in pages:
        yield from page
        next_link(getattr(pages, "continuation_token", None), seen)


def next_link(link: object, seen: set[str]) -> str | None:
    """Return the link or the token of the next page, and note it.

    Raise ValueError if it was noted before.
    """
    if not link:
        return None
    if not isinstance(link, str) or link in seen:
        raise ValueError("bad nextLink: no text, or a page that was read before")
    seen.add(link)
    return link


def raw_json(response: Response, _model: object, _headers: object) -> Any:
    """Return the answer's JSON instead of the SDK's model; pass this as a call's `cls`."""
    return response.http_response.json()


def correlation_id_of(response: HttpResponse) -> str | None:
    """Return the id by which Azure's support finds the request."""
    found = response.headers.get("x-ms-correlation-request-id")
    return None if found is None else str(found)


class _BoundedRetryPolicy(RetryPolicy[Any, Any]):
    """Retries unless the wait is long: the standard policy sleeps inside the call for as long as
    `Retry-After` says.

    A write is sent again only if Azure throttled the subscription, because then it had no effect.
    """

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        seconds = seconds_asked(response)
        if seconds is not None and seconds > LONGEST_SLEEP_SECONDS:
            return False
        if response.http_request.method != "GET":
            return seconds is not None and is_throttled(response)
        return bool(super().is_retry(settings, response))

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        """Add up to a quarter, so that requests refused together do not return together."""
        seconds = seconds_asked(response)
        return None if seconds is None else seconds * random.uniform(1, 1.25)  # noqa: S311


class _AllowPlainHttp(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """The settings have already been checked: an endpoint is plain http on loopback only."""

    def on_request(self, request: Request) -> None:
        request.context.options["enforce_https"] = False
