"""The tables of each run that this process is working on."""

import threading
import time
from collections import defaultdict

LONGEST_SECONDS = 240.0
"""By then the invocation of a table has failed, and its message comes again. If its thread still
hangs, it has nothing in hand any more.
"""


class InHand:
    """Knows since when the tables of each run are in hand, in all threads of this process.

    A run is not complete while one of its tables is in hand, so only the last one looks at the run.
    """

    def __init__(self) -> None:
        self._since: defaultdict[str, list[float]] = defaultdict(list)
        self._lock = threading.Lock()

    def take(self, run_id: str) -> float:
        """Return since when the table is in hand."""
        since = time.monotonic()
        with self._lock:
            self._since[run_id].append(since)
        return since

    def put_down(self, run_id: str, since: float) -> bool:
        """Return whether no other table of the run is in hand."""
        now = time.monotonic()
        with self._lock:
            others = self._since[run_id]
            others.remove(since)
            if not others:
                del self._since[run_id]
            return all(now - other >= LONGEST_SECONDS for other in others)
