"""The signals that ask a command to end: Ctrl-C, and those of a system that ends processes."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from .errors import Ended

STATUS = 130
"""The exit status that shells use for Ctrl-C; here it stands for all of these signals."""
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # no system has all of them


class Interrupted(Ended):
    """Raised by a signal, wherever the main thread is."""

    def __init__(self) -> None:
        super().__init__(STATUS)


class Abandoned(Ended):
    """Somebody interrupted again: the process ends without the threads that still work."""

    def __init__(self) -> None:
        super().__init__(STATUS)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted for each of these signals from now on."""
    with _handled_by(_interrupt):
        yield


@contextmanager
def noted() -> Iterator[Sequence[int]]:
    """Within, note the first of these signals, and raise Interrupted at the end.

    An exception can come between any two steps of the main thread. If it waits for other threads,
    it may just have taken a lock that they need, and would never give it back. A second signal
    raises Interrupted at once.
    """
    signals: list[int] = []

    def note(number: int, frame: object) -> None:
        if signals:
            _interrupt(number, frame)
        signals.append(number)

    with _handled_by(note):
        yield signals
    if signals:
        raise Interrupted


@contextmanager
def _handled_by(handler: Callable[[int, Any], None]) -> Iterator[None]:
    # Only the main thread of a program may say what a signal does.
    is_main = threading.current_thread() is threading.main_thread()
    before = dict(_heeded()) if is_main else {}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


def _heeded() -> Iterator[tuple[int, Any]]:
    """Yield each signal that is not ignored, and what it does.

    A signal that is ignored stays so: `nohup` asks for that, and a shell for its background jobs.
    """
    for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
        handler = signal.getsignal(number)
        if handler is not signal.SIG_IGN:
            yield number, handler


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise Interrupted
