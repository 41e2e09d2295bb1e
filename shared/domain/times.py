"""Times as text."""

from datetime import datetime, timedelta

_UNITS = (
    ("min", timedelta(minutes=1), timedelta(minutes=90)),
    ("h", timedelta(hours=1), timedelta(hours=36)),
    ("days", timedelta(days=1), timedelta.max),
)
"""Each up to which length it is used."""


def utc_text(at: datetime) -> str:
    """Return a UTC time in ISO 8601 with microseconds and `Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc_minute(at: datetime) -> str:
    """Return a UTC time as people read it, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def ago(passed: timedelta) -> str:
    """`just now`, `3 h ago`, `in 2 days`."""
    length = abs(passed)
    if length < timedelta(seconds=45):
        return "just now"
    unit, one = next((unit, one) for unit, one, below in _UNITS if length < below)
    number = f"{round(length / one)} {unit}"
    return f"{number} ago" if passed > timedelta() else f"in {number}"
