"""What becomes of a test if a program that it needs is missing."""

import os
from typing import NoReturn

import pytest


def without(why: str, *, variable: str | None = None) -> NoReturn:
    """Skip the test. In CI it fails, unless this variable is `none` there."""
    if os.environ.get("CI") and (variable is None or os.environ.get(variable) != "none"):
        pytest.fail(why)
    pytest.skip(why)
