"""The number of routes that a table may hold. Right: Microsoft.Network/locations/usages/read."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..deadline import seconds_left
from ..domain.errors import RouteSyncError
from ..questions import Questions
from .client import ArmClients
from .errors import arm_answers

REMEMBERED_SECONDS = 300
"""A run over a thousand tables of one subscription reads the limit once."""
type _Key = tuple[str, str]
"""A subscription and a location."""

_ROUTES = "RoutesPerRouteTable"
_TAG_ROUTES = "RoutesWithServiceTagPerRouteTable"


class SubscriptionRouteLimits:
    def __init__(self, clients: ArmClients, *, override: int | None = None) -> None:
        self._clients = clients
        self._override = override
        self._read: dict[_Key, tuple[float, Mapping[str, int]]] = {}
        self._questions = Questions[_Key, Mapping[str, int]]()

    def routes(self, subscription_id: str, location: str | None) -> int | None:
        """Return None if the limit is unknown: Azure still refuses a table that exceeds it."""
        if self._override is not None:
            return self._override
        return self._limits(subscription_id, location).get(_ROUTES)

    def tag_routes(self, subscription_id: str, location: str | None) -> int | None:
        """Return the limit of routes whose prefix is a service tag, or None if it is unknown."""
        return self._limits(subscription_id, location).get(_TAG_ROUTES)

    def read(self, subscription_id: str, location: str) -> Mapping[str, int]:
        """Ask Azure for every limit, by its name. Raise what Azure refuses."""
        with arm_answers():
            usages = self._usages(subscription_id, location)
            return {str(usage["name"]["value"]): int(usage["limit"]) for usage in usages}

    def _limits(self, subscription_id: str, location: str | None) -> Mapping[str, int]:
        if location is None:
            return {}
        key = subscription_id.lower(), location.lower()
        return self._questions.ask(key, lambda: self._remembered(key))

    def _remembered(self, key: _Key) -> Mapping[str, int]:
        now = time.monotonic()
        read_at, limits = self._read.get(key, (-math.inf, {}))
        if now - read_at >= REMEMBERED_SECONDS:
            limits = self._read_limits(*key)
            self._read[key] = now, limits
        return limits

    def _read_limits(self, subscription_id: str, location: str) -> Mapping[str, int]:
        try:
            return self.read(subscription_id, location)
        except RouteSyncError:
            if seconds_left() <= 0:
                raise  # nothing was found out that others could build on
            return {}

    def _usages(self, subscription_id: str, location: str) -> Iterator[Any]:
        for page in self._clients.pages(usages_url(self._clients, subscription_id, location)):
            yield from page["value"]


def usages_url(clients: ArmClients, subscription_id: str, location: str) -> str:
    return (
        f"/subscriptions/{subscription_id}/providers/Microsoft.Network/locations/{location}"
        f"/usages?api-version={clients.api_version_network}"
    )
