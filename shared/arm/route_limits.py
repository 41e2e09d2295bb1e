"""How many routes a table may hold (Microsoft.Network/locations/usages/read)."""

import threading
import time

from shared.domain.errors import RouteSyncError

from .client import NetworkClients
from .errors import arm_errors

REMEMBERED_SECONDS = 300
"""A thousand tables of one subscription are not a thousand readings of one limit."""
_USAGE = "RoutesPerRouteTable"


class SubscriptionRouteLimits:
    def __init__(self, clients: NetworkClients, *, override: int | None = None) -> None:
        self._clients = clients
        self._override = override
        self._read: dict[tuple[str, str], tuple[float, int | None]] = {}
        self._lock = threading.Lock()

    def limit(self, subscription_id: str, location: str | None) -> int | None:
        """None where it can't be known now: what Azure would refuse it refuses all the same."""
        if self._override is not None or location is None:
            return self._override
        key = subscription_id.lower(), location.lower()
        with self._lock:
            read_at, limit = self._read.get(key, (-float(REMEMBERED_SECONDS), None))
            if time.monotonic() - read_at >= REMEMBERED_SECONDS:
                read_at, limit = time.monotonic(), self._usage(*key)
                self._read[key] = read_at, limit
        return limit

    def _usage(self, subscription_id: str, location: str) -> int | None:
        client = self._clients.of(subscription_id)
        try:
            with arm_errors():
                usages = client.usages.list(location, **self._clients.call_options)
                found = [usage.limit for usage in usages if usage.name.value == _USAGE]
        except RouteSyncError:
            return None
        return found[0] if found else None
