"""The compiler, for the tests of the infrastructure."""

import os
from collections.abc import Iterator

import pytest

from local.bicep import HOW_TO_GET_IT, Bicep, installed


@pytest.fixture(scope="session")
def bicep() -> Iterator[Bicep]:
    """One process serves all tests. `.ci/run` sets BICEP=none if there is no way to install it."""
    program = installed()
    if program is None:
        if os.environ.get("CI") and os.environ.get("BICEP") != "none":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
    with Bicep(program) as running:
        yield running
