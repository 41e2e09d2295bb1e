"""The speed of the simulated Azure. By default it takes no time, unlike the real one."""

import random
import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Timing:
    """All times are simulated seconds, and `speedup` of them pass in a real second.

    This holds for answers, operations and throttles, and for the waits that callers are asked for.
    """

    speedup: float = 1.0
    read_seconds: float = 0.0
    write_seconds: float = 0.0
    operation_seconds: tuple[float, float] = (0.0, 0.0)
    """The shortest and the longest duration. Each operation takes a random time between them."""
    replication_seconds: float = 0.0
    """The time for which reads answer 404 after a resource was made."""
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    def now(self) -> float:
        return time.monotonic() * self.speedup

    def answer_seconds(self, method: str) -> float:
        return self.read_seconds if method == "GET" else self.write_seconds

    def draw_operation(self) -> float:
        return self._random.uniform(*self.operation_seconds)

    def real(self, seconds: float) -> float:
        """Convert simulated seconds to real ones."""
        return seconds / self.speedup
