"""How times are written."""

from datetime import datetime


def utc_text(at: datetime) -> str:
    """ISO 8601 with Z, in microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
