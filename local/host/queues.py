"""Queue triggers and output bindings over a real queue service, with the options of host.json.

Sources: QueueListener.cs, QueueProcessor.cs and UpdateQueueMessageVisibilityCommand.cs in
sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Common, and QueueServiceClientProvider.cs in
sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues, of Azure/azure-sdk-for-net.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage
from azure_functions_runtime.bindings.datumdef import Datum

from shared.transport import Transport

from .backoff import Backoff
from .config import QueueOptions
from .outputs import texts_of
from .worker import Function, InvocationFailed

LEASE_SECONDS = 600
"""How long a message stays hidden while its function runs. The lease is renewed half way."""
SHORTEST_RENEWAL_SECONDS = 60
POISON = "-poison"

type Invoke = Callable[[Function, Datum, Mapping[str, Datum]], Awaitable[object]]
type Sleep = Callable[[float], Awaitable[None]]

_log = logging.getLogger("local.host")


class Queues:
    def __init__(
        self, connection_string: str, options: QueueOptions, invoke: Invoke, sleep: Sleep
    ) -> None:
        self._connection_string = connection_string
        self._options = options
        self._invoke = invoke
        self._sleep = sleep
        self._woken: dict[str, asyncio.Event] = {}
        self._clients: dict[str, QueueClient] = {}
        self._in_hand: set[asyncio.Task[None]] = set()

    async def listen(self, function: Function) -> None:
        """Serve one queue trigger until cancelled. An output to its queue does not wake it."""
        name = function.trigger["queueName"]
        queue = self._client(name)
        woken = self._woken.setdefault(name, asyncio.Event())
        backoff = Backoff(self._options.max_polling_interval.total_seconds())
        running: set[asyncio.Task[None]] = set()

        while True:
            woken.clear()
            messages = await self._receive(queue)
            for message in messages:
                self._begin(self._process(function, queue, message), running)

            if messages:
                backoff.found()
                await self._wait_for_lanes(running)
            else:
                await self._rest(backoff.next_wait(), woken)

    async def drain(self) -> None:
        """Wait until the messages in hand are done. Nobody may listen any more."""
        await asyncio.gather(*self._in_hand)

    async def send(self, binding: Mapping[str, Any], value: Datum) -> None:
        """Send through an output binding.

        Raise InvocationFailed at the first message that cannot be sent. Earlier ones are sent.
        """
        queue = self._client(binding["queueName"])
        try:
            encoded = [base64.b64encode(text.encode()).decode() for text in texts_of(value)]
            await asyncio.to_thread(_send, queue, encoded)
        except (AzureError, ValueError) as error:
            raise InvocationFailed(f"output binding: {error}") from error

    def _begin(self, processing: Awaitable[None], running: set[asyncio.Task[None]]) -> None:
        task = asyncio.ensure_future(processing)
        for tasks in (running, self._in_hand):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _wait_for_lanes(self, running: set[asyncio.Task[None]]) -> None:
        """Wait until the next batch may come.

        At most batchSize + newBatchThreshold messages run side by side. If batchSize is larger than
        newBatchThreshold, the first batch has to end in part before a second one comes, so messages
        that take equally long run in waves of batchSize.
        """
        while len(running) > self._options.new_batch_threshold:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)

    async def _rest(self, seconds: float, woken: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(self._sleep(seconds)), asyncio.create_task(woken.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _receive(self, queue: QueueClient) -> Sequence[QueueMessage]:
        """Return the next messages. One that is not Base64 goes to the poison queue at once."""
        messages = await asyncio.to_thread(self._receive_encoded, queue)
        readable = []
        for message in messages:
            if _is_base64(message.content):
                readable.append(message)
            else:
                await self._move_to_poison(queue, message)
        return readable

    def _receive_encoded(self, queue: QueueClient) -> Sequence[QueueMessage]:
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

    async def _process(self, function: Function, queue: QueueClient, message: QueueMessage) -> None:
        # This happens if the host died in each delivery. On a poison queue the function is not
        # called any more, and the message is hidden until it expires.
        if _deliveries(message) > self._options.max_dequeue_count:
            await self._move_to_poison(queue, message)
            return

        ended = asyncio.Event()
        renewing = asyncio.create_task(self._keep_lease(queue, message, ended))
        succeeded = await self._succeeds(function, message)
        ended.set()
        await renewing

        try:
            await (self._delete if succeeded else self._give_back)(queue, message)
        except AzureError as error:
            # The message comes again when its lease ends.
            _log.warning("queue %s: %s", queue.queue_name, error.message)

    async def _succeeds(self, function: Function, message: QueueMessage) -> bool:
        try:
            text = base64.b64decode(message.content).decode()
            await self._invoke(function, Datum(text, "string"), _metadata(message))
        except (InvocationFailed, UnicodeDecodeError) as error:
            _log.error("%s failed (delivery %s):\n%s", function.name, message.dequeue_count, error)
            return False
        return True

    async def _keep_lease(
        self, queue: QueueClient, message: QueueMessage, ended: asyncio.Event
    ) -> None:
        """Renew the lease until the function has ended. If storage fails, try again sooner."""
        wait = LEASE_SECONDS / 2
        while True:
            await self._rest(wait, ended)
            if ended.is_set():
                return
            try:
                await self._hide(queue, message, LEASE_SECONDS)
                wait = LEASE_SECONDS / 2
            except AzureError:
                wait = max(wait / 2, SHORTEST_RENEWAL_SECONDS)

    async def _give_back(self, queue: QueueClient, message: QueueMessage) -> None:
        """Show the message again after the timeout, or move it to the poison queue at the end.

        A message of a poison queue comes again when its lease ends.
        """
        if _is_poison(queue):
            return
        if _deliveries(message) < self._options.max_dequeue_count:
            timeout = self._options.visibility_timeout
            await self._hide(queue, message, int(timeout.total_seconds()))
        else:
            await self._move_to_poison(queue, message)

    async def _move_to_poison(self, queue: QueueClient, message: QueueMessage) -> None:
        """Wake the function of the poison queue, as nothing else does."""
        if _is_poison(queue):
            return
        name = f"{queue.queue_name}{POISON}"
        most = self._options.max_dequeue_count
        # The real host also says this of a message that it could not read.
        _log.warning("Message has reached MaxDequeueCount of %s. Moving it to '%s'.", most, name)
        await asyncio.to_thread(_send, self._client(name), [message.content])
        await self._delete(queue, message)
        self._woken.setdefault(name, asyncio.Event()).set()

    async def _hide(self, queue: QueueClient, message: QueueMessage, seconds: int) -> None:
        hidden = await asyncio.to_thread(
            queue.update_message, message.id, message.pop_receipt, visibility_timeout=seconds
        )
        message.pop_receipt = hidden.pop_receipt

    async def _delete(self, queue: QueueClient, message: QueueMessage) -> None:
        with suppress(ResourceNotFoundError):
            await asyncio.to_thread(queue.delete_message, message)

    def _client(self, name: str) -> QueueClient:
        """Each queue has one client, which keeps its connections."""
        if name not in self._clients:
            self._clients[name] = QueueClient.from_connection_string(
                self._connection_string, name, transport=Transport()
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


def _is_poison(queue: QueueClient) -> bool:
    return queue.queue_name.endswith(POISON)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return False
    return True


def _deliveries(message: QueueMessage) -> int:
    return message.dequeue_count or 0


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
