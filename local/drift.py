"""Somebody deletes a route by hand, and the seconds count until it is back."""

import time
from typing import Any

import httpx

from .azure.server import SimulatedAzure
from .plain_http import http

_VERSION = {"api-version": "2025-05-01"}
_PAUSE_SECONDS = 0.05


class HandDeletion:
    """A person who is not the app deletes this route."""

    def __init__(self, azure: SimulatedAzure, route_id: str) -> None:
        self._url = azure.url + route_id
        token = azure.state.identities.token(azure.state.identities.person)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._gone_at = 0.0

    def delete(self) -> None:
        """Delete the route, and wait until Azure's operation has ended.

        The route is gone when Azure accepts the request, so the seconds count from then on.
        """
        accepted = self._ask("DELETE", self._url, params=_VERSION).raise_for_status()
        self._gone_at = time.monotonic()
        operation = accepted.headers["Azure-AsyncOperation"]
        while self._ask("GET", operation).json()["status"] == "InProgress":
            time.sleep(_PAUSE_SECONDS)

    def wait_until_back(self, within: float) -> float:
        """Return the seconds until a read shows the route, and that its write has succeeded.

        Raise TimeoutError after `within` seconds.
        """
        ends = time.monotonic() + within
        while time.monotonic() < ends:
            answer = self._ask("GET", self._url, params=_VERSION)
            if (
                answer.is_success
                and answer.json()["properties"]["provisioningState"] == "Succeeded"
            ):
                return time.monotonic() - self._gone_at
            time.sleep(_PAUSE_SECONDS)
        raise TimeoutError(f"the route was not back within {within:g} s")

    def _ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        return http().request(method, url, headers=self._headers, **options)
