"""Every HTTP call of the SDKs, to ARM and to storage, in the hands of a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.core.pipeline.transport import HttpTransport, RequestsTransport


class Killed(BaseException):
    """Nothing catches this, as nothing catches a power cut."""


@contextmanager
def in_hand(before: Callable[[Any], None], after: Callable[[Any], None]) -> Iterator[None]:
    """Call these around each call, on the thread of whoever makes it; nobody really waits.

    Calls that these make themselves are let through.
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
        patch.setattr(HttpTransport, "sleep", lambda _transport, _seconds: None)
        yield


def pass_by(_request: object) -> None:
    """Do nothing before or after a call."""


def _hooked(within: threading.local, hook: Callable[[Any], None], request: Any) -> None:
    within.hook = True
    try:
        hook(request)
    finally:
        within.hook = False
