"""Times as people read them."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

_UNITS = (
    ("min", timedelta(minutes=1), timedelta(minutes=90)),
    ("h", timedelta(hours=1), timedelta(hours=36)),
    ("days", timedelta(days=1), timedelta.max),
)
"""Each up to which length it is used."""


def ago(passed: timedelta) -> str:
    """`just now`, `3 h ago`, `in 2 days`."""
    length = abs(passed)
    if length < timedelta(seconds=45):
        return "just now"
    unit, one = next((unit, one) for unit, one, below in _UNITS if length < below)
    number = f"{round(length / one)} {unit}"
    return f"{number} ago" if passed > timedelta() else f"in {number}"


def moment(at: datetime) -> "Markup":
    """For people and for machines."""
    from markupsafe import Markup

    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M}"
    )
