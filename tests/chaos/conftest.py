import logging
import os
from collections.abc import Callable, Iterator

import pytest

from local.azure.server import SimulatedAzure

from .world import Site


@pytest.fixture(scope="session")
def site(azurite: Callable[[], str]) -> Iterator[Site]:
    with SimulatedAzure() as azure, pytest.MonkeyPatch.context() as patch:
        for name, value in azure.environment().items():
            patch.setitem(os.environ, name, value)
        yield Site(azure, azurite())


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The product logs each fault that it meets, and pytest would write out every traceback."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
