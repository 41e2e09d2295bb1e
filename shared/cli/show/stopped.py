"""Show what a run that was stopped has left as it was."""

from collections.abc import Sequence

from rich.text import Text

from ...domain.armid import RouteTableId
from .parts import distinct


def not_begun(tables: Sequence[RouteTableId]) -> list[Text]:
    if not tables:
        return []
    named = ", ".join(distinct(tables).values())
    return [Text(f"\nNot begun ({len(tables)}):", style="yellow"), Text(f"  {named}")]
