"""Queue triggers and output bindings over a real queue service, with the options of host.json."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import (
    QueueClient,
    QueueMessage,
    TextBase64DecodePolicy,
    TextBase64EncodePolicy,
)
from azure_functions_runtime.bindings.datumdef import Datum

from shared.transport import Transport

from .config import QueueOptions
from .worker import Function, InvocationFailed

LEASE_SECONDS = 600
"""How long a message stays hidden while its function runs. The real host renews this lease."""
SHORTEST_POLL_SECONDS = 0.05

type Invoke = Callable[[Function, Datum, Mapping[str, Datum]], Awaitable[object]]

_log = logging.getLogger("local.host")


class Queues:
    def __init__(self, connection_string: str, options: QueueOptions, invoke: Invoke) -> None:
        self._connection_string = connection_string
        self._options = options
        self._invoke = invoke
        self._sent: dict[str, asyncio.Event] = {}
        self._clients: dict[str, QueueClient] = {}

    async def listen(self, function: Function) -> None:
        """Serve one queue trigger until cancelled."""
        name = function.trigger["queueName"]
        queue = self._client(name)
        sent = self._sent.setdefault(name, asyncio.Event())
        longest_wait = self._options.max_polling_interval.total_seconds()
        running: set[asyncio.Task[None]] = set()

        wait = SHORTEST_POLL_SECONDS
        while True:
            if len(running) > self._options.new_batch_threshold:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                continue

            # Clear the event before receiving: a message sent meanwhile must end the wait below.
            sent.clear()
            messages = await asyncio.to_thread(self._receive, queue)
            for message in messages:
                task = asyncio.create_task(self._process(function, queue, message))
                running.add(task)
                task.add_done_callback(running.discard)

            # An empty queue is asked less and less often.
            if messages:
                wait = SHORTEST_POLL_SECONDS
            else:
                wait = min(wait * 2, longest_wait)
                with suppress(TimeoutError):
                    await asyncio.wait_for(sent.wait(), wait)

    async def send(self, binding: Mapping[str, Any], value: Datum) -> None:
        """Send through an output binding. A JSON list sends one message for each item."""
        texts = [value.value] if value.type == "string" else json.loads(value.value)
        await self._send(binding["queueName"], texts)

    async def _process(self, function: Function, queue: QueueClient, message: QueueMessage) -> None:
        try:
            await self._invoke(function, Datum(message.content, "string"), _metadata(message))
        except InvocationFailed as error:
            _log.error("%s failed (delivery %s):\n%s", function.name, message.dequeue_count, error)
            await self._put_back(queue, message)
        else:
            await asyncio.to_thread(_delete, queue, message)

    def _receive(self, queue: QueueClient) -> list[QueueMessage]:
        size = self._options.batch_size
        try:
            messages = queue.receive_messages(
                messages_per_page=size, max_messages=size, visibility_timeout=LEASE_SECONDS
            )
            return list(messages)
        except ResourceNotFoundError:
            return []  # the first sender makes the queue
        except AzureError as error:
            _log.warning("queue %s: %s", queue.queue_name, error.message)
            return []

    async def _put_back(self, queue: QueueClient, message: QueueMessage) -> None:
        """Show the message again after the timeout, or move it to the poison queue at the end."""
        if (message.dequeue_count or 0) < self._options.max_dequeue_count:
            seconds = int(self._options.visibility_timeout.total_seconds())
            await asyncio.to_thread(queue.update_message, message, visibility_timeout=seconds)
        elif not queue.queue_name.endswith("-poison"):
            await self._send(f"{queue.queue_name}-poison", [message.content])
            await asyncio.to_thread(_delete, queue, message)

    async def _send(self, name: str, texts: Sequence[str]) -> None:
        await asyncio.to_thread(_send, self._client(name), texts)
        self._sent.setdefault(name, asyncio.Event()).set()

    def _client(self, name: str) -> QueueClient:
        """Each queue has one client, which keeps its connections."""
        if name not in self._clients:
            self._clients[name] = QueueClient.from_connection_string(
                self._connection_string,
                name,
                message_encode_policy=TextBase64EncodePolicy(),
                message_decode_policy=TextBase64DecodePolicy(),
                transport=Transport(),
            )
        return self._clients[name]


def _send(queue: QueueClient, texts: Sequence[str]) -> None:
    for text in texts:
        try:
            queue.send_message(text)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                queue.create_queue()
            queue.send_message(text)


def _delete(queue: QueueClient, message: QueueMessage) -> None:
    try:
        queue.delete_message(message)
    except ResourceNotFoundError:
        return


def _metadata(message: QueueMessage) -> dict[str, Datum]:
    def text(at: datetime | None) -> Datum:
        return Datum(json.dumps("" if at is None else at.isoformat()), "json")

    return {
        "Id": Datum(message.id, "string"),
        "DequeueCount": Datum(json.dumps(message.dequeue_count), "json"),
        "InsertionTime": text(message.inserted_on),
        "ExpirationTime": text(message.expires_on),
        "NextVisibleTime": text(message.next_visible_on),
        "PopReceipt": Datum(message.pop_receipt, "string"),
    }
