"""One App for each process, whose building keeps nobody beyond the deadline."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from shared import app as wiring
from shared.deadline import time_limit
from shared.domain.errors import TransientError
from shared.settings import Settings
from tests.builders.clocks import Slow

SECONDS = 30


def test_threads_that_begin_together_build_one_and_no_lock_is_held_meanwhile(monkeypatch):
    """The tables of storage are made while the app is built: storage may not answer."""
    slow = Slow()
    monkeypatch.setattr(wiring, "App", lambda _settings: slow())
    read = SimpleNamespace(secrets=(), wrong_schedules={}, website_hostname=None)
    monkeypatch.setattr(Settings, "read", lambda _environment: read)
    wiring._app.cache_clear()
    try:
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(wiring.app)
            assert slow.begun.wait(SECONDS)
            with time_limit(0), pytest.raises(TransientError, match="OutOfTime"):
                wiring.app()
            second = threads.submit(wiring.app)
            slow.may_end.set()
            assert first.result(SECONDS) is second.result(SECONDS)
    finally:
        slow.may_end.set()
        wiring._app.cache_clear()
    assert slow.asked == 1
