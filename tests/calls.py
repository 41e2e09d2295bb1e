"""Every HTTP call of the SDKs, to ARM and to storage, in the hands of a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline.transport import HttpTransport, RequestsTransport

LONGEST_FOLLOWED = 20
"""Waits, after which an operation that is followed counts as one that does not end."""


class Killed(BaseException):
    """Nothing catches this, as nothing catches a power cut."""


class _NotEnded(BaseException):
    pass


@contextmanager
def in_hand(before: Callable[[Any], None], after: Callable[[Any], None]) -> Iterator[None]:
    """Call these around each call, on the thread of whoever makes it; nobody really waits.

    Operations are followed on that thread, too, so that they die with it. Calls that these make
    themselves are let through.
    """
    send = RequestsTransport.send
    within = threading.local()

    def handed(self: RequestsTransport, request: Any, **options: Any) -> Any:
        if getattr(within, "hook", False):
            return send(self, request, **options)
        _hooked(within, before, request)
        answer = send(self, request, **options)
        _hooked(within, after, request)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestsTransport, "send", handed)
        patch.setattr(HttpTransport, "sleep", _no_sleep)
        threads = SimpleNamespace(Thread=_NoThread, Event=threading.Event)
        patch.setattr("azure.core.polling._poller.threading", threads)
        patch.setattr("azure.core.polling._poller.LROPoller.wait", _follow)
        yield


def pass_by(_request: object) -> None:
    """Do nothing before or after a call."""


def _hooked(within: threading.local, hook: Callable[[Any], None], request: Any) -> None:
    within.hook = True
    try:
        hook(request)
    finally:
        within.hook = False


_following = threading.local()


def _no_sleep(_transport: object, _seconds: float) -> None:
    if getattr(_following, "waits", None) is None:
        return
    _following.waits += 1
    if _following.waits > LONGEST_FOLLOWED:
        raise _NotEnded


class _NoThread:
    def __init__(self, **_: object) -> None:
        self.daemon = True
        self.started = False
        self.runs_on = False

    def start(self) -> None:
        return

    def is_alive(self) -> bool:
        return self.runs_on


def _follow(poller: Any, _timeout: float | None = None) -> None:
    thread = poller._thread
    if thread is not None and not thread.started:
        thread.started = True
        _following.waits = 0
        try:
            poller._start()
        except _NotEnded:
            thread.runs_on = True
        finally:
            _following.waits = None
    if poller._exception is not None:
        raise poller._exception
