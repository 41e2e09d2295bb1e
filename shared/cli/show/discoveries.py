"""Show what a discovery has found."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain.surroundings.search import Found, FoundEnvironment, StampedTable
from .layout import Rows
from .parts import NONE, fault_line, name_of


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


def _environments(found: Iterable[FoundEnvironment]) -> Rows:
    rows = []
    for one in found:
        registered = Text("yes") if one.registered else Text("no", style="yellow")
        place, table = one.environment_id, name_of(one.route_table_id)
        texts = place.name, one.kind or NONE, table
        where = f"{one.location or NONE}, {place.subscription_id}"
        rows.append([registered, *map(Text, texts), Text(where)])

    headings = ("registered", "environment", "kind", "route table", "location and subscription")
    return Rows(headings, rows)


def _stamped(found: Iterable[StampedTable]) -> Rows:
    rows = []
    for one in found:
        texts = "yes" if one.registered else "no", str(one.owned_routes), one.route_table_id.name
        rows.append([*map(Text, texts), Text(name_of(one.ase_id))])
    return Rows(("registered", "our routes", "route table with the stamp", "environment"), rows)
