"""The calls to a storage account, read from Azurite's access log, as the price list names them."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from local.azure.event_topic import QUEUE as EVENTS

FUNCTIONS: Mapping[str, str] = {
    "route-table-runs": "start_run",
    "route-table-sync": "sync_route_table",
    EVENTS: "resource_events",
}
"""The function of each queue. Nothing is poisoned here."""
METERS = ("queueOperations", "tableOperations", "blobWrites", "blobReads")
_CALL = re.compile(r'"([A-Z]+) /devstoreaccount1/([^? ]*)(\S*) HTTP/1\.1" (\d+)')
_TABLE = re.compile(r"\$batch|Tables|ServiceTagVersions|RouteTables|SyncRuns|SyncOutcomes")


@dataclass(frozen=True, slots=True)
class StorageCall:
    method: str
    path: str
    query: str = ""
    status: int = HTTPStatus.OK
    at: float = 0.0
    """By the clock `time.monotonic`, in seconds."""

    @property
    def queue(self) -> str:
        """The queue whose messages the call is about, or an empty text."""
        name, _, rest = self.path.partition("/")
        return name if rest.startswith("messages") else ""

    @property
    def sends(self) -> bool:
        return self._is_done("POST")

    @property
    def ends(self) -> bool:
        """Whether it deletes a message, as the host does when its function has succeeded."""
        return self._is_done("DELETE")

    @property
    def looks(self) -> bool:
        """Whether it asks a queue for messages."""
        return bool(self.queue) and self.method == "GET"

    @property
    def changes(self) -> bool:
        """Whether the storage account logs it: its log has writes and deletions only."""
        return self.method not in ("GET", "HEAD")

    def _is_done(self, method: str) -> bool:
        """The first message to a queue is refused, because the queue is not there yet."""
        has_succeeded = self.status < HTTPStatus.MULTIPLE_CHOICES
        return bool(self.queue) and self.method == method and has_succeeded

    @property
    def meter(self) -> str:
        if self.queue or self.path in FUNCTIONS:
            return "queueOperations"
        if _TABLE.match(self.path):
            return "tableOperations"
        is_write = self.method == "PUT" and "comp=lease" not in self.query
        return "blobWrites" if is_write or "comp=list" in self.query else "blobReads"


def read_call(line: str) -> StorageCall | None:
    """Read a line of the access log, now. Return None if it tells of no call."""
    found = _CALL.search(line)
    if found is None:
        return None
    return StorageCall(found[1], found[2], found[3], int(found[4]), time.monotonic())


def operations(calls: Iterable[StorageCall]) -> Counter[str]:
    """Count the operations by meter.

    A look at a queue counts only if it brought messages. The others depend on the time for which an
    instance is awake, and not on its work. A look can bring several messages, so one for each
    message is the most.
    """
    counts = Counter(dict.fromkeys(METERS, 0))
    for call in calls:
        if not call.looks:
            counts[call.meter] += 1
        if call.ends:
            counts[call.meter] += 1
    return counts


def executions(calls: Iterable[StorageCall]) -> Counter[str]:
    """Count the executions of each function that a queue triggers."""
    return Counter(FUNCTIONS[call.queue] for call in calls if call.ends)


def are_settled(calls: Iterable[StorageCall]) -> bool:
    """Return whether each message that was sent has been deleted."""
    left: Counter[str] = Counter()
    for call in calls:
        if call.sends or call.ends:
            left[call.queue] += 1 if call.sends else -1
    return not any(left.values())


def busy_seconds(calls: Iterable[StorageCall], queue: str) -> float:
    """Return the time from the first message of a queue until its last message has been deleted."""
    times = [call.at for call in calls if call.queue == queue and (call.sends or call.ends)]
    return max(times) - min(times) if times else 0.0
