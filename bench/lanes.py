"""How long the hosts take to serve a queue whose messages only wait, and use no processor.

A host asks its queue for `batchSize` messages, and asks again as soon as at most
`newBatchThreshold` of them are in hand. The source is QueueListener.cs in
sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Common of Azure/azure-sdk-for-net.
"""

import heapq
from collections.abc import Callable
from random import Random

from .world import BATCH_SIZE, NEW_BATCH_THRESHOLD, POLL_SECONDS


def first_look(workers: int, draw: Random) -> float:
    """Return the seconds until the first of these idle hosts asks its queue.

    The hosts look at moments that have nothing to do with each other.
    """
    return min(draw.uniform(0, POLL_SECONDS) for _ in range(workers))


def time_of_queue(
    messages: int, *, workers: int, seconds_of_one: Callable[[], float], draw: Random
) -> float:
    """Return the seconds from the moment at which all messages come to the end of the last one."""
    looks = [(draw.uniform(0, POLL_SECONDS), worker) for worker in range(workers)]
    heapq.heapify(looks)
    in_hand: list[list[float]] = [[] for _ in range(workers)]
    last_end = 0.0

    while messages:
        now, worker = heapq.heappop(looks)
        batch = min(BATCH_SIZE, messages)
        messages -= batch
        ends = [end for end in in_hand[worker] if end > now]
        ends += [now + seconds_of_one() for _ in range(batch)]
        in_hand[worker] = ends
        last_end = max(last_end, *ends)

        too_many = len(ends) - NEW_BATCH_THRESHOLD
        looks_again = now if too_many <= 0 else heapq.nsmallest(too_many, ends)[-1]
        heapq.heappush(looks, (looks_again, worker))
    return last_end
