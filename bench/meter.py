"""What processes use of the machine: processor time, and memory at its peak."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import psutil

_SAMPLED_EVERY_SECONDS = 0.1
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Used:
    """Together; `peak_mib` is the largest that one process with its children came to."""

    cpu_seconds: float
    peak_mib: int


class Meter:
    """Of these processes, and what they start, from one look to the next."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._peak = 0
        self._ended = threading.Event()
        self._sampling = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._began = self._cpu()
        self._sampling.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._sampling.join()

    def used(self) -> Used:
        """Since the context was entered."""
        return Used(round(self._cpu() - self._began, 2), self._peak // _MIB)

    def _cpu(self) -> float:
        total = 0.0
        for process in self._processes:
            times = process.cpu_times()
            total += times.user + times.system
            # Of children that have ended; those that run are counted once they have.
            total += getattr(times, "children_user", 0) + getattr(times, "children_system", 0)
        return total

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLED_EVERY_SECONDS):
            self._peak = max([self._peak, *(_memory(process) for process in self._processes)])


def _memory(process: psutil.Process) -> int:
    """Resident, with its children; one may end while it is looked at."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
