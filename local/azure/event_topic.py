"""The system topic of each subscription, and its event subscription, which feeds a storage queue.

Sources: "Event Grid message delivery and retry" (at least once, in any order, the first retry after
10 s), "Storage queue as an event handler", "Understand event filtering" (no capitals count),
azure-docs#102923 (Base64), the samples of azure-sdk-for-python (one event in each message, without
the array around it).
"""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import BAD_REQUEST, CREATED
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from shared.transport import Transport

from .events import Event, make_event
from .timing import Timing

if TYPE_CHECKING:
    from .call import Call

QUEUE = "resource-events"
RETRY_SECONDS = 10.0
EVENT_TYPES = {
    "Microsoft.Resources.ResourceWriteSuccess",
    "Microsoft.Resources.ResourceDeleteSuccess",
}
OPERATIONS = {
    f"microsoft.network/{kind}/{verb}"
    for kind in ("routetables", "routetables/routes", "virtualnetworks/subnets")
    for verb in ("write", "delete")
}
"""In small letters, because Event Grid's filters ignore capitals."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """The ways in which the service may trouble whoever gets its events.

    The same seed draws the same. Without shares, each event comes once, at once and in order.
    """

    twice: float = 0.0
    """The share of the events that are delivered twice."""
    late: float = 0.0
    """The share of the deliveries that are late, so that later events overtake them."""
    late_seconds: float = 2.0
    """The longest delay of a late delivery, in simulated seconds."""
    seed: int = 1


PUNCTUAL = Delivery()


class EventTopic:
    """Sends no event until it has a queue. It works in the event loop of the server."""

    def __init__(self, timing: Timing, settle: Callable[[], None]) -> None:
        self._timing = timing
        self._settle = settle
        self._queue: QueueClient | None = None
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def send_to(self, connection_string: str, delivery: Delivery = PUNCTUAL) -> None:
        """Send every event from now on to the queue of this storage account."""
        queue = QueueClient.from_connection_string(
            connection_string,
            QUEUE,
            message_encode_policy=TextBase64EncodePolicy(),
            transport=Transport(),
            retry_total=0,
        )
        with suppress(ResourceExistsError):
            queue.create_queue()

        self._delivery = delivery
        self._random = random.Random(delivery.seed)  # noqa: S311
        self._queue = queue

    def note(self, call: "Call", status_code: int) -> None:
        """Send the event of this call when its operation has ended. A read has no event.

        UNCONFIRMED: a write that changes nothing and a delete of nothing have one.
        """
        has_event = call.request.method != "GET" and status_code < BAD_REQUEST
        never_ends = call.fate is not None and call.fate.hangs
        if self._queue is not None and has_event and not never_ends:
            self._begin(self._follow(call, self._queue, created=status_code == CREATED))

    def close(self) -> None:
        if self._queue is not None:
            self._queue.close()

    async def _follow(self, call: "Call", queue: QueueClient, *, created: bool) -> None:
        status = await self._end_of(call)
        event = make_event(call, status, created=created)
        if event["eventType"] in EVENT_TYPES and _operation(event) in OPERATIONS:
            for seconds in self._draw_delays():
                self._begin(self._deliver(event, queue, seconds))

    async def _end_of(self, call: "Call") -> str:
        """Return the status with which the operation of the call has ended."""
        operation = call.operation
        if operation is None:
            return "Succeeded"
        while operation.status == "InProgress":
            left = operation.ends_at - self._timing.now()
            await asyncio.sleep(self._timing.real(max(0.0, left)))
            self._settle()
        return operation.status

    def _draw_delays(self) -> Iterator[float]:
        """Yield the delay of each delivery of one event."""
        drawn, delivery = self._random, self._delivery
        for _ in range(2 if drawn.random() < delivery.twice else 1):
            is_late = drawn.random() < delivery.late
            yield drawn.uniform(0, delivery.late_seconds) if is_late else 0.0

    async def _deliver(self, event: Event, queue: QueueClient, seconds: float) -> None:
        """Try until the queue has the event."""
        message = json.dumps(event)
        await asyncio.sleep(self._timing.real(seconds))
        while True:
            async with self._sending:
                with suppress(AzureError):
                    await asyncio.to_thread(queue.send_message, message)
                    return
            await asyncio.sleep(self._timing.real(RETRY_SECONDS))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        """The event loop itself does not keep its tasks."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _operation(event: Event) -> str:
    name: str = event["data"]["operationName"]
    return name.lower()
