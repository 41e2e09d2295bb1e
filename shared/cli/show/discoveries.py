"""Show what a discovery has found."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain import codes
from ...domain.surroundings.search import Found, FoundEnvironment, FoundService, StampedTable
from ...render import finding_text, needs_nobody
from .layout import Lines, Rows
from .needs import needs_around
from .parts import NONE, by_reason, fault_line, name_of, section

_HELD_BACK = {
    codes.NOT_NEEDED,
    codes.ON_OTHER_SUBNETS,
    codes.SERVICE_NOT_ALLOWED,
    codes.SUBNET_WITHOUT_OUTBOUND,
}
"""With one of these, a discovery does not register the table."""


def discovered(found: Found) -> RenderableType:
    lines: list[RenderableType] = []
    if found.environments or not found.services:
        lines += [_environments(found.environments), Text()]
    if found.services:
        lines += [_services(found.services), Text()]
    lines.pop()  # the empty line is only between the two

    lines += _around([*found.environments, *found.services])
    if found.route_tables:
        lines += [Text(), _stamped(found.route_tables)]
    for subscription, fault in found.errors:
        lines.append(Text(f"\n{subscription}\n").append(fault_line(fault)))
    return Group(*lines)


def _around(every: Sequence[FoundEnvironment | FoundService]) -> Iterator[RenderableType]:
    """Yield what is to be done about what was found."""
    yield from section("To look at:", needs_around(every))
    yield from section("Good to know:", _remarks(every))
    if any(map(_can_be_registered, every)):
        yield Text("\nTo register what is not: ase-route-sync discover --register", "dim")


def _can_be_registered(one: FoundEnvironment | FoundService) -> bool:
    parts = one.subnets if isinstance(one, FoundService) else (one,)
    return _HELD_BACK.isdisjoint(finding.code for finding in one.findings) and any(
        part.route_table_id is not None and not part.registered for part in parts
    )


def _remarks(found: Iterable[FoundEnvironment | FoundService]) -> Iterator[Lines]:
    """Yield each finding that needs nobody once, with what has it."""
    about = by_reason(
        (finding_text(finding), one.resource_id.name)
        for one in found
        for finding in one.findings
        if needs_nobody(finding.code)
    )
    for said, names in about:
        yield Lines(said, "dim", first="  · ")
        yield Lines(names, first="      ")


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


def _services(found: Iterable[FoundService]) -> Rows:
    rows = []
    for one in found:
        registered = Text("yes") if one.registered else Text("no", style="yellow")
        tables = ", ".join(table.name for table in one.table_ids) or NONE
        where = f"{one.location or NONE}, {one.resource_id.subscription_id}"
        texts = one.resource_id.name, one.service, tables, where
        rows.append([registered, *map(Text, texts)])

    headings = ("registered", "resource", "service", "route tables", "location and subscription")
    return Rows(headings, rows)


def _stamped(found: Iterable[StampedTable]) -> Rows:
    rows = []
    for one in found:
        texts = "yes" if one.registered else "no", str(one.owned_routes), one.route_table_id.name
        rows.append([*map(Text, texts), Text(name_of(one.ase_id))])
    return Rows(("registered", "our routes", "route table with the stamp", "environment"), rows)
