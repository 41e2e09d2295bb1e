"""Times as text."""

from datetime import datetime


def utc_text(at: datetime) -> str:
    """Return a UTC time in ISO 8601 with microseconds and `Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
