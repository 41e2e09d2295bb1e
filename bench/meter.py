"""The processor time of processes, and the peak of their memory."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import psutil

_SAMPLE_SECONDS = 0.1
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """The processor time of all processes, and the memory of the largest with its children."""

    cpu_seconds: float
    peak_mib: int


class Meter:
    """Measures these processes and their children as a context."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._peak = 0
        self._stop = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._began = self._cpu()
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._sampler.join()

    def usage(self) -> Usage:
        """Return the usage since the context was entered."""
        return Usage(round(self._cpu() - self._began, 2), self._peak // _MIB)

    def _cpu(self) -> float:
        total = 0.0
        for process in self._processes:
            times = process.cpu_times()
            total += times.user + times.system
            # The system counts a child's time when the child has ended.
            total += getattr(times, "children_user", 0) + getattr(times, "children_system", 0)
        return total

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self._peak = max([self._peak, *(_memory(process) for process in self._processes)])


def _memory(process: psutil.Process) -> int:
    """Return the resident bytes of a process with its children."""
    total = 0
    for member in (process, *process.children(recursive=True)):
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it has just ended
    return total
