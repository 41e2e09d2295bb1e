"""Limits of requests: Resource Manager's token buckets, and Microsoft.Network's own quota.

Sources: "Understand how Azure Resource Manager throttles requests"; the recorded 429s.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import subscription_throttled, too_many_calls, too_much_data_read

OPERATIONS = {"GET": "read", "DELETE": "delete"}
"""The operation of each method. Every other method is a write."""
BUCKET_RETRY_AFTER = 10
"""Seconds, as recorded. The gateway does not look at how fast its bucket refills."""
NETWORK_WINDOW_SECONDS = 300
NETWORK_RETRY_AFTER = (39, 64)
"""Seconds: the shortest and the longest wait recorded of Microsoft.Network."""


@dataclass(frozen=True, slots=True)
class BucketSize:
    tokens: int
    per_second: float


@dataclass(kw_only=True)
class Limits:
    buckets: dict[str, BucketSize] = field(
        default_factory=lambda: {
            "read": BucketSize(250, 25),
            "write": BucketSize(200, 10),
            "delete": BucketSize(200, 10),
        }
    )
    """The buckets of each subscription and principal, by operation."""
    global_factor: int = 15
    """A subscription's bucket for all principals together is so many times larger."""
    network_reads: int = 10_000
    network_writes: int = 1_000
    """The calls of a subscription in five minutes."""
    network_read_bytes: int = 200_000_000
    """The recorded answers show a limit. UNCONFIRMED: its size."""


class Throttles:
    def __init__(self, clock: Callable[[], float]) -> None:
        self.limits = Limits()
        self._clock = clock
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}
        self._network: dict[tuple[str, str], deque[tuple[float, int]]] = {}

    def admit(self, method: str, subscription: str, object_id: str) -> dict[str, str]:
        """Take a token, and return the headers with the number of tokens left.

        Raise ArmError (429) if there is no token.
        """
        operation = OPERATIONS.get(method, "write")
        size = self.limits.buckets[operation]
        factor = self.limits.global_factor
        global_size = BucketSize(size.tokens * factor, size.per_second * factor)

        own_left = self._take((operation, subscription, object_id), size)
        global_left = self._take((operation, subscription), global_size)
        if own_left < 0 or global_left < 0:
            raise subscription_throttled(operation, subscription, object_id, BUCKET_RETRY_AFTER)

        prefix = "x-ms-ratelimit-remaining-subscription"
        return {
            f"{prefix}-{operation}s": str(own_left),
            f"{prefix}-global-{operation}s": str(global_left),
        }

    def admit_to_network(self, method: str, subscription: str) -> None:
        """Raise ArmError (429) if Microsoft.Network's quota is used up."""
        is_read = method == "GET"
        limit = self.limits.network_reads if is_read else self.limits.network_writes
        calls = self._calls(method, subscription)
        if len(calls) >= limit:
            raise too_many_calls(subscription, self._network_retry_after(calls))
        if is_read and sum(size for _, size in calls) >= self.limits.network_read_bytes:
            raise too_much_data_read(subscription, self._network_retry_after(calls))

    def count_for_network(self, method: str, subscription: str, size: int) -> None:
        """Count an admitted call and the bytes of its answer."""
        self._calls(method, subscription).append((self._clock(), size))

    def _take(self, key: tuple[str, ...], size: BucketSize) -> int:
        """Take one token. Return the number of tokens left, or -1 if there was none."""
        now = self._clock()
        tokens, updated_at = self._buckets.get(key, (float(size.tokens), now))
        tokens = min(float(size.tokens), tokens + (now - updated_at) * size.per_second)
        left = int(tokens) - 1
        self._buckets[key] = (tokens - 1 if left >= 0 else tokens, now)
        return left

    def _calls(self, method: str, subscription: str) -> deque[tuple[float, int]]:
        kind = "read" if method == "GET" else "write"
        calls = self._network.setdefault((subscription, kind), deque())
        while calls and calls[0][0] <= self._clock() - NETWORK_WINDOW_SECONDS:
            calls.popleft()
        return calls

    def _network_retry_after(self, calls: deque[tuple[float, int]]) -> int:
        shortest, longest = NETWORK_RETRY_AFTER
        oldest_at, _ = calls[0]
        seconds = oldest_at + NETWORK_WINDOW_SECONDS - self._clock()
        return min(longest, max(shortest, round(seconds)))
