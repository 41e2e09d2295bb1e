"""Show what a discovery has found."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...domain.surroundings.search import Found, FoundEnvironment, StampedTable
from .parts import NONE, fault_line, name_of, new_table


def discovered(found: Found) -> RenderableType:
    lines: list[RenderableType] = [_environments(found.environments)]
    for one in found.environments:
        if one.findings:
            lines.append(Text(f"\n{one.environment_id.name}", style="bold"))
            lines += [fault_line(finding) for finding in one.findings]

    if found.route_tables:
        lines += [Text(), _stamped(found.route_tables)]
    for subscription, fault in found.errors:
        lines.append(Text(f"\n{subscription}\n").append(fault_line(fault)))
    return Group(*lines)


def _environments(found: Iterable[FoundEnvironment]) -> Table:
    table = new_table(
        "environment", "location", "kind", "route table", "registered", "subscription"
    )
    for one in found:
        registered = "yes" if one.registered else Text("no", style="yellow")
        place, kind = one.environment_id, (one.location or NONE, one.kind or NONE)
        route_table = name_of(one.route_table_id)
        table.add_row(place.name, *kind, route_table, registered, place.subscription_id)
    return table


def _stamped(found: Iterable[StampedTable]) -> Table:
    table = new_table("route table with the stamp", "our routes", "environment", "registered")
    for one in found:
        registered = "yes" if one.registered else "no"
        table.add_row(
            one.route_table_id.name, str(one.owned_routes), name_of(one.ase_id), registered
        )
    return table
