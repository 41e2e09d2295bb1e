"""How long the simulated Azure takes: no time at all, unless one asks for the real one's."""

import random
import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Timing:
    """All in its own seconds, `speedup` of which pass in a real one: so long it waits, so long its
    throttles and operations last, and so long it asks others to wait.
    """

    speedup: float = 1.0
    read_seconds: float = 0.0
    write_seconds: float = 0.0
    operation_seconds: tuple[float, float] = (0.0, 0.0)
    """The shortest and the longest, with everything in between."""
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    def now(self) -> float:
        return time.monotonic() * self.speedup

    def answer_seconds(self, method: str) -> float:
        return self.read_seconds if method == "GET" else self.write_seconds

    def draw_operation(self) -> float:
        return self._random.uniform(*self.operation_seconds)

    def real(self, seconds: float) -> float:
        """As many as the world around it counts."""
        return seconds / self.speedup
