"""Show the recorded versions of service tags."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain.addresses import Difference, Version
from .parts import SIGN_COLOURS, moment, new_table, pairs, prefix_lines, signs


def versions(found: Sequence[tuple[Version, Difference]]) -> RenderableType:
    if not found:
        return Text("No version is recorded yet: the first run records one.")

    table = new_table("version", "change number", "recorded", "prefixes", "added", "removed")
    for one, change in found:
        recorded, prefixes = moment(one.recorded_at), str(len(one.address_prefixes))
        counts = [_count(sign, listed) for sign, listed in signs(change)]
        table.add_row(one.version_id, one.change_number, recorded, prefixes, *counts)
    return table


def _count(sign: str, prefixes: Sequence[str]) -> Text:
    return Text(f"{sign}{len(prefixes)}", style=SIGN_COLOURS[sign] if prefixes else "dim")


def version(one: Version, change: Difference) -> RenderableType:
    head = pairs(
        [
            ("Version", one.version_id),
            ("Change number", one.change_number),
            ("Recorded", moment(one.recorded_at)),
            ("Asked", ", ".join(one.locations) or one.source),
            ("After", one.previous_version_id or "none"),
        ]
    )
    unchanged = [Text(f"    {p}") for p in one.address_prefixes if p not in change.added]
    return Group(head, Text(), *unchanged, *prefix_lines(signs(change)))


def difference(version: Version, other: Version, change: Difference) -> RenderableType:
    """Show what the other version has that the first has not, and the reverse."""
    head = Text(f"{version.version_id} → {other.version_id}", style="bold")
    lines = prefix_lines(signs(change)) or [Text("  no difference", style="dim")]
    count = f"{len(change.added)} added, {len(change.removed)} removed"
    return Group(head, *lines, Text(f"\n{count}"))
