import logging
from collections.abc import Callable, Iterator

import pytest

from local.azure.server import SimulatedAzure

from .world import Site


@pytest.fixture(scope="session")
def kept_site(azurite: Callable[[], str]) -> Iterator[Site]:
    with SimulatedAzure() as azure:
        yield Site(azure, azurite())


@pytest.fixture
def site(kept_site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    for name, value in kept_site.azure.environment().items():
        monkeypatch.setenv(name, value)
    return kept_site


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The product logs each fault that it meets, and pytest would write out every traceback."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
