from collections.abc import Iterator

import pytest

from tests import described


@pytest.fixture(autouse=True)
def _checked() -> Iterator[None]:
    with described.checked_in_process():
        yield
