"""The small parts that all answers share: tables, pairs, moments, names, signs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain.addresses import Difference
from ...domain.armid import EnvironmentId, RouteTableId, ignoring_case
from ...domain.findings import Finding
from ...domain.people.overview import Mood, State
from ...domain.runs.outcome import Outcome, OutcomeStatus
from ...domain.runs.run import RunStatus
from ...render import finding_text, needs_nobody
from .layout import Lines

SIGN_COLOURS = {"+": "green", "~": "yellow", "-": "red"}
_MOOD_COLOURS = {Mood.WATCH: "yellow", Mood.BAD: "red"}
NONE = "-"
PAUSED = (
    "Nothing is written while PAUSED is true. To let runs write, set it to false in the app's "
    "settings."
)
MOST_PREFIXES = 3
"""So many prefixes are named in a short text, and the rest is counted."""
_COLOURS: dict[OutcomeStatus | RunStatus, str] = {
    RunStatus.RUNNING: "yellow",
    RunStatus.SUCCEEDED: "green",
    RunStatus.FAILED: "red",
    OutcomeStatus.UNCHANGED: "dim",
    OutcomeStatus.PLANNED: "yellow",
    OutcomeStatus.CHANGED: "green",
    OutcomeStatus.CONFLICT: "red",
    OutcomeStatus.BLOCKED: "red",
    OutcomeStatus.FAILED: "red",
}


def pairs(rows: Sequence[tuple[str, str]]) -> Group:
    width = width_of(rows)
    return Group(*(Lines(value, first=name.ljust(width)) for name, value in rows))


def width_of(rows: Sequence[tuple[str, str]]) -> int:
    """Return how wide the names of these pairs are, with the gap after them."""
    return max(len(name) for name, _ in rows) + 2


def moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def mood_colour(state: State) -> str:
    return _MOOD_COLOURS.get(state.mood, "")


def counted(counts: Mapping[OutcomeStatus, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items() if number)


def section(head: str, lines: Iterable[RenderableType]) -> list[RenderableType]:
    shown = [*lines]
    return [Text(f"\n{head}", style="bold"), *shown] if shown else []


def by_reason[T](prefixes: Iterable[tuple[T, str]]) -> Iterable[tuple[T, str]]:
    """Return each reason once, with all prefixes that have it as one text."""
    groups: dict[T, list[str]] = {}
    for reason, prefix in prefixes:
        groups.setdefault(reason, []).append(prefix)
    return ((reason, ", ".join(found)) for reason, found in groups.items())


def shortened(prefixes: Sequence[str]) -> str:
    named = ", ".join(prefixes[:MOST_PREFIXES])
    more = len(prefixes) - MOST_PREFIXES
    return f"{named} and {more} more" if more > 0 else named


def coloured(status: OutcomeStatus | RunStatus, width: int = 0) -> Text:
    return Text(status.ljust(width), style=_COLOURS[status])


def name_of(resource_id: RouteTableId | EnvironmentId | None) -> str:
    return resource_id.name if resource_id else NONE


def in_group(table: RouteTableId) -> str:
    """Return the table's name with its group, which a command takes as well."""
    return f"{table.resource_group}/{table.name}"


def distinct(tables: Iterable[RouteTableId]) -> Mapping[RouteTableId, str]:
    """Return the name of each of these tables by which a command knows it from the others.

    Two of them may have one name and one group, in two subscriptions.
    """
    names = {table: in_group(table) for table in tables}
    number = Counter(map(ignoring_case, names.values()))
    return {
        table: name if number[ignoring_case(name)] == 1 else f"{table.subscription_id}/{name}"
        for table, name in names.items()
    }


def place_of(table: RouteTableId) -> str:
    return f"{table.name} in {table.resource_group} ({table.subscription_id})"


def fault_line(found: Finding) -> Text:
    if needs_nobody(found.code):
        return Text(f"  · {finding_text(found)}", style="dim")
    return Text(f"  ! {finding_text(found)}", style="yellow")


def signs(change: Difference) -> tuple[tuple[str, Sequence[str]], ...]:
    return (("+", change.added), ("-", change.removed))


def was_and_is(found: Outcome) -> Mapping[str, str]:
    """Return from what to what each prefix is updated, or would be if nothing withheld it."""
    return {one.prefix: f"{one.before} → {one.after}" for one in found.updates}


def prefix_lines(
    signs: Iterable[tuple[str, Sequence[str]]], more: Mapping[str, str] = MappingProxyType({})
) -> list[Text]:
    """Return a line for each prefix, with what there is `more` to say of it."""
    return [
        Text(f"  {sign} {prefix}  {more.get(prefix, '')}".rstrip(), style=SIGN_COLOURS[sign])
        for sign, prefixes in signs
        for prefix in prefixes
    ]
