"""The tables of each run that this process is working on."""

import threading
from collections import Counter


class InHand:
    """Counts the tables of each run that are in hand, in all threads of this process.

    A run is not complete while one of its tables is in hand, so only the last one looks at the run.
    """

    def __init__(self) -> None:
        self._tables: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, run_id: str) -> None:
        with self._lock:
            self._tables[run_id] += 1

    def put_down(self, run_id: str) -> bool:
        """Return whether no other table of the run is in hand."""
        with self._lock:
            self._tables[run_id] -= 1
            if self._tables[run_id]:
                return False
            del self._tables[run_id]
            return True
