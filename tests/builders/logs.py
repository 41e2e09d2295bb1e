"""What the app has logged, as Application Insights shows it."""

import json
import logging
from typing import Any

import pytest

MOST_UNITS = 32_768
"""Application Insights keeps so many UTF-16 units of a message, and cuts the rest off.

Source: `MaxMessageLength` in the SDK for .NET, which compares it with `String.Length`.
"""


def received(record: logging.LogRecord) -> str:
    """Return the message that Application Insights shows, which may be cut."""
    units = record.getMessage().encode("utf-16-le", errors="surrogatepass")
    return units[: 2 * MOST_UNITS].decode("utf-16-le", errors="replace")


def records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the app's own records, each of which is one line of JSON."""
    lines = [received(each) for each in caplog.records if each.name == "ase_route_sync"]
    return [json.loads(line) for line in lines]
