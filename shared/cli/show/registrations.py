"""Show registered route tables."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ...domain.registry.choices import AddressSource, RouteStyle
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.runs.report import Report
from .parts import NONE, coloured, moment, name_of, new_table, pairs
from .reports import report


def registered_tables(found: Sequence[RegisteredTable]) -> RenderableType:
    if not found:
        return Text(
            "No route table is registered. Find them with ase-route-sync discover --register."
        )

    table = new_table(
        "route table", "resource group", "environment", "wanted", "found right", "last"
    )
    for one in found:
        place, asked = one.route_table_id, one.registration
        cells = name_of(asked.ase_id), _wanted(asked), moment(one.status.verified_at)
        table.add_row(place.name, place.resource_group, *cells, _last_status(one))
    return table


def _last_status(one: RegisteredTable) -> Text:
    if one.unreadable is not None:
        return Text(one.unreadable.code.name, style="red")
    if not one.registration.enabled:
        return Text("disabled", style="dim")
    last = one.status.last_outcome
    return coloured(last.status) if last else Text(NONE)


def registered_table(one: RegisteredTable) -> RenderableType:
    asked = one.registration
    rows = [
        ("Route table", str(one.route_table_id)),
        ("Environment", str(asked.ase_id or NONE)),
        ("Wanted", _wanted(asked)),
        ("Policy", asked.apply_policy or "the app's"),
        *_state(one),
        *_remarks(asked),
    ]
    return pairs(rows)


def _state(one: RegisteredTable) -> list[tuple[str, str]]:
    held = ", ".join(hold.prefix for hold in one.status.held)
    since = one.status.contest.since
    return [("Held", held or "nothing"), ("Contested", moment(since) if since else "no")]


def _remarks(asked: Registration) -> list[tuple[str, str]]:
    exceptions = [f"{each.prefix} until {each.until}: {each.reason}" for each in asked.exceptions]
    return [
        *(("Exception", text) for text in exceptions),
        ("Note", asked.note or NONE),
        ("Enabled", "yes" if asked.enabled else "no"),
    ]


def _wanted(registration: Registration) -> str:
    tags = ", ".join(registration.service_tags)
    wanted = {
        AddressSource.SERVICE_TAG: tags,
        AddressSource.ASE: "the environment's own addresses",
        AddressSource.BOTH: f"{tags} and the environment's own addresses",
    }[registration.address_source]
    tag_routes = registration.route_style is RouteStyle.SERVICE_TAG
    return f"{wanted}, as service tag routes" if tag_routes else wanted


def removed(route_table: str, report_of_removal: Report | None) -> RenderableType:
    said = Text(f"Unregistered {route_table}")
    if report_of_removal is None:
        return said.append("; its routes stay.")
    return Group(report(report_of_removal), said)
