"""How long a listener waits after it has found its queue empty.

Source: RandomizedExponentialBackoffStrategy.cs of Azure/azure-webjobs-sdk, with the shortest
interval of QueuePollingIntervals.cs.
"""

import random

SHORTEST_SECONDS = 0.1
_DEVIATION = 0.2


class Backoff:
    """Each wait adds about twice as much as the one before, until the longest wait is reached."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._wait = 0.0
        self._step = 0.0

    def found(self) -> None:
        """After a message the waits begin anew."""
        self._wait = self._step = 0.0

    def next_wait(self) -> float:
        """Return the seconds to wait after an empty answer. The longest wait is exact."""
        if self._wait < self._longest:
            deviation = random.uniform(1 - _DEVIATION, 1 + _DEVIATION)  # noqa: S311
            self._wait = min(SHORTEST_SECONDS + self._step * deviation, self._longest)
            self._step = 2 * self._step or SHORTEST_SECONDS
        return self._wait
