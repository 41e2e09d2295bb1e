"""Times as text."""

from datetime import datetime


def utc_text(at: datetime) -> str:
    """Return a UTC time in ISO 8601 with microseconds and `Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc_minute(at: datetime) -> str:
    """Return a UTC time as people read it, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
