"""Times as people read them."""

from datetime import datetime
from typing import TYPE_CHECKING

from ..domain.times import ago

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["ago", "moment"]


def moment(at: datetime) -> "Markup":
    """For people and for machines."""
    from markupsafe import Markup

    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M}"
    )
