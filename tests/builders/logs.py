"""What the app has logged."""

import json
from typing import Any

import pytest


def records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the app's own records, each of which is one line of JSON."""
    lines = [each.getMessage() for each in caplog.records if each.name == "ase_route_sync"]
    return [json.loads(line) for line in lines]
