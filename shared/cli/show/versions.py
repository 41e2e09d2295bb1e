"""Show the recorded versions of service tags, lists and environments."""

from collections.abc import Callable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain.addresses import Difference, Version, is_list
from .layout import Rows
from .parts import SIGN_COLOURS, moment, pairs, prefix_lines, signs


def versions(found: Sequence[tuple[Version, Difference]], *, wide: bool = False) -> RenderableType:
    if not found:
        return Text("No version is recorded yet: the first run records one.")

    columns = _WIDE if wide else _NARROW
    rows = [[cell(*pair) for cell in columns.values()] for pair in found]
    return Rows([*columns], rows)


def _changed(_: Version, change: Difference) -> Text:
    counts = [_count(sign, listed) for sign, listed in signs(change)]
    return Text(" ").join(counts)


def _count(sign: str, prefixes: Sequence[str]) -> Text:
    return Text(f"{sign}{len(prefixes)}", style=SIGN_COLOURS[sign] if prefixes else "dim")


type _Cell = Callable[[Version, Difference], Text]

_NARROW: Mapping[str, _Cell] = {
    "version": lambda one, _: Text(one.version_id),
    "recorded": lambda one, _: Text(moment(one.recorded_at)),
    "changed": _changed,
}
_WIDE: Mapping[str, _Cell] = {
    "version": _NARROW["version"],
    "change number": lambda one, _: Text(one.change_number),
    "recorded": _NARROW["recorded"],
    "prefixes": lambda one, _: Text(str(len(one.address_prefixes))),
    "changed": _changed,
}


def version(one: Version, change: Difference) -> RenderableType:
    number, place = ("Verified", "Source") if is_list(one.source) else ("Change number", "Asked")
    rows = [
        ("Version", one.version_id),
        (number, one.change_number),
        ("Recorded", moment(one.recorded_at)),
        (place, ", ".join(one.locations) or one.source),
        ("After", one.previous_version_id or "none"),
    ]
    head = pairs([*rows, ("API lacks", one.api_lacks)] if one.additions else rows)
    unchanged = [Text(f"    {p}") for p in one.address_prefixes if p not in change.added]
    return Group(head, Text(), *unchanged, *prefix_lines(signs(change)))


def difference(version: Version, other: Version, change: Difference) -> RenderableType:
    """Show what the other version has that the first has not, and the reverse."""
    head = Text(f"{version.version_id} → {other.version_id}", style="bold")
    lines = prefix_lines(signs(change)) or [Text("  no difference", style="dim")]
    count = f"{len(change.added)} added, {len(change.removed)} removed"
    return Group(head, *lines, Text(f"\n{count}"))
