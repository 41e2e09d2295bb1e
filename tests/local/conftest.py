from collections.abc import Iterator

import pytest

from local.host.clock import Clock


@pytest.fixture
def host_clock() -> Iterator[Clock]:
    """A clock that a test sets in its own process."""
    clock = Clock()
    yield clock
    clock.reset()
