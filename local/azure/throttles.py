"""How much may be asked: Resource Manager's token buckets, and Microsoft.Network's own quota.

Sources: "Understand how Azure Resource Manager throttles requests"; the recorded 429s.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import subscription_throttled, too_many_calls, too_much_data_read

OPERATIONS = {"GET": "read", "DELETE": "delete"}
"""The kind of each method; every other one is a write."""
BUCKET_RETRY_AFTER = 10
"""Seconds that the gateway was recorded to ask for, whatever its bucket refills in."""
NETWORK_WINDOW_SECONDS = 300
NETWORK_RETRY_AFTER = (39, 64)
"""Seconds: the span of what Microsoft.Network was seen to ask for."""


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
    """Per subscription, principal and operation."""
    global_factor: int = 15
    """A subscription's own bucket, over all principals, in buckets of one."""
    network_reads: int = 10_000
    network_writes: int = 1_000
    """Per subscription and five minutes."""
    network_read_bytes: int = 200_000_000
    """UNCONFIRMED: that there is a limit is recorded, its size is not."""


class Throttles:
    def __init__(self, clock: Callable[[], float]) -> None:
        self.limits = Limits()
        self._clock = clock
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}
        self._network: dict[tuple[str, str], deque[tuple[float, int]]] = {}

    def admit(self, method: str, subscription: str, object_id: str) -> dict[str, str]:
        """Take a token; return the headers that say how many are left, or raise 429."""
        operation = OPERATIONS.get(method, "write")
        size = self.limits.buckets[operation]
        whole = BucketSize(
            size.tokens * self.limits.global_factor, size.per_second * self.limits.global_factor
        )
        own = self._take((operation, subscription, object_id), size)
        everyones = self._take((operation, subscription), whole)
        if own < 0 or everyones < 0:
            raise subscription_throttled(operation, subscription, object_id, BUCKET_RETRY_AFTER)
        prefix = "x-ms-ratelimit-remaining-subscription"
        return {f"{prefix}-{operation}s": str(own), f"{prefix}-global-{operation}s": str(everyones)}

    def admit_to_network(self, method: str, subscription: str) -> None:
        """Raise Microsoft.Network's 429 where its quota is used up."""
        reads = method == "GET"
        allowed = self.limits.network_reads if reads else self.limits.network_writes
        calls = self._calls(method, subscription)
        if len(calls) >= allowed:
            raise too_many_calls(subscription, self._network_retry_after(calls))
        if reads and sum(size for _, size in calls) >= self.limits.network_read_bytes:
            raise too_much_data_read(subscription, self._network_retry_after(calls))

    def count_for_network(self, method: str, subscription: str, size: int) -> None:
        """Count an admitted call and the bytes it answered."""
        self._calls(method, subscription).append((self._clock(), size))

    def _take(self, key: tuple[str, ...], size: BucketSize) -> int:
        """The tokens left after one is taken; -1 where there is none."""
        now = self._clock()
        tokens, at = self._buckets.get(key, (float(size.tokens), now))
        tokens = min(float(size.tokens), tokens + (now - at) * size.per_second)
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
        oldest_leaves_in = calls[0][0] + NETWORK_WINDOW_SECONDS - self._clock()
        return min(longest, max(shortest, round(oldest_leaves_in)))
