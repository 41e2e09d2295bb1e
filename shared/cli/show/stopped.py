"""Show what a run that was stopped has left as it was."""

from collections.abc import Sequence

from rich.text import Text

from ...domain.armid import RouteTableId


def not_begun(tables: Sequence[RouteTableId]) -> list[Text]:
    if not tables:
        return []
    named = ", ".join(f"{table.name} in {table.resource_group}" for table in tables)
    return [Text(f"\nNot begun ({len(tables)}):", style="yellow"), Text(f"  {named}")]
