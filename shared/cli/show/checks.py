"""Show what a check has found."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain.people.check_report import CheckedTable, CheckReport
from ...domain.people.health import Alarm
from ...domain.people.next_steps import About, step_for_code
from ...domain.registry.azure_tag import TagChange
from ...domain.runs.outcome import OutcomeStatus
from ...render import finding_text, since_right
from .layout import Lines, Rows
from .parts import distinct, in_group, moment


def checked(found: CheckReport) -> RenderableType:
    """Show the tables that are not right, the alarms, and what helps."""
    head = Text(f"Checked at {moment(found.at)}")
    alarms = [line for alarm in found.alarms for line in _alarm(alarm)]
    right = Text(f"{found.figures.right} of {found.figures.tables} route tables are right.")
    changed = [_tag_change(change) for change in found.tag_changes]
    return Group(head, *_wrong(found), *alarms, *_sources(found), *changed, right, *_help(found))


def _wrong(found: CheckReport) -> Iterator[RenderableType]:
    wrong = [table for table in found.tables if not table.right]
    if wrong:
        heads = "state", "route table", "what is wrong"
        names = distinct(table.route_table_id for table in found.tables)
        yield Rows(heads, [_row(table, names[table.route_table_id]) for table in wrong])
        yield Text()


def _row(table: CheckedTable, name: str) -> list[Text]:
    why = [finding_text(table.error)] if table.error else []
    why.append(since_right(table))
    cells = table.words, name, "; ".join(why)
    return [Text(cell) for cell in cells]


def _alarm(alarm: Alarm) -> Iterator[RenderableType]:
    about = f" ({in_group(alarm.route_table_id)})" if alarm.route_table_id else ""
    step = step_for_code(alarm.code, About(route_table_id=alarm.route_table_id))
    yield Lines(f"{alarm.code}: {alarm.message}{about}", "red", first="! ")
    if step.remedy not in alarm.message:
        yield Lines(step.remedy, first="    ")
    if step.command is not None:
        yield Lines(step.command, first="  → ")


def _tag_change(change: TagChange) -> Text:
    return Text(f"{change.effect} {in_group(change.route_table_id)}: {change.message}")


def _sources(found: CheckReport) -> Iterator[Text]:
    if found.differs:
        yield Text(f"Changed since the last recorded version: {', '.join(found.differs)}")
    for tag, why in found.unusable.items():
        yield Text(f"! {tag}: {finding_text(why)}", style="red")


def _help(found: CheckReport) -> Iterator[Text]:
    """Say what repairs the tables, because a check writes nothing, and what another run cannot."""
    wrong = [table for table in found.tables if not table.right]
    if found.run_id is not None:
        yield Text(f"It has started run {found.run_id}.")
    elif found.differs or any(table.status is OutcomeStatus.PLANNED for table in wrong):
        yield Text("To bring them to the newest versions: ase-route-sync apply", style="dim")
    if any(table.status is not OutcomeStatus.PLANNED for table in wrong):
        yield Text("What is in the way, and what to do: ase-route-sync plan", style="dim")
