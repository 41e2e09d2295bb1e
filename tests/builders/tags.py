"""Azure tags on the route tables of the simulated Azure."""

from local.azure.resources import RouteTable

OTHER_TAG = "ApiManagement"


def tag_table(table: RouteTable, value: str | None, name: str = "aseRouteSync") -> None:
    """Give the table this tag, or take the tag away if the value is None. Other tags stay."""
    kept = {k: v for k, v in (table.tags or {}).items() if k.lower() != name.lower()}
    table.tags = kept if value is None else {**kept, name: value}
