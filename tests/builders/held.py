"""Requests to Azure that are not answered before a test lets them go on."""

import asyncio
import threading

from local.azure.call import Call
from local.azure.faults import Delay, InjectedFault
from local.azure.state import State

from .clocks import LONGEST_SECONDS


class Held:
    """Holds every read of a route table, or each request that these find, from now on."""

    def __init__(self, state: State, path: str = "routeTables/", method: str = "GET") -> None:
        self._begun, self._may_go_on = threading.Semaphore(0), threading.Event()
        effect = _holding(self._begun, self._may_go_on)
        fault = InjectedFault(method=method, path=path, effect=effect, times=10**6)
        state.faults.append(fault)

    def wait_for(self, count: int) -> None:
        """Wait until so many more requests have begun."""
        for _ in range(count):
            assert self._begun.acquire(timeout=LONGEST_SECONDS)

    @property
    def none_begun(self) -> bool:
        """Whether no request has begun since `wait_for`."""
        return not self._begun.acquire(blocking=False)

    def let_go(self) -> None:
        self._may_go_on.set()


def _holding(begun: threading.Semaphore, may_go_on: threading.Event) -> Delay:
    class Holding(Delay):
        async def before(self, call: Call) -> None:
            begun.release()
            # The event is set by another thread.
            while not may_go_on.is_set():  # noqa: ASYNC110
                await asyncio.sleep(self.seconds)

    return Holding(seconds=0.01)
