"""List, register, change and unregister route tables."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import typer
from rich.text import Text

from .. import answers
from ..deadline import time_limit
from ..domain.armid import RouteTableId
from ..domain.errors import Fault, InvalidRequest, RouteSyncError, RowUnreadable
from ..domain.people.overview import Mood, Standpoint
from ..domain.registry.azure_tag import AZURE_TAG
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import RouteException
from ..domain.runs.report import Report
from ..domain.runs.run import Mode
from ..json_shapes import registered_table_json, report_json
from ..sync.asking import RemoveRequest
from ..sync.registering import PinRequest, RegisterRequest, nothing
from . import names, show
from .actions import confirm, exit_status, signed_in
from .agreement import app_for_writing
from .commands.options import Output
from .contact import PATIENCE_SECONDS, app, app_with_azure, ask_azure
from .errors import Ended, Refused
from .lists import Listed, answer_list
from .shell import answer, answer_report, ask, carried_out, need_somebody, say
from .show import Seen
from .show.one_table import coming, existing, standing

_LANES = 8

_ASKS_AZURE = {"ase", "service", "region", "service_tags", "address_source", "route_style"}
"""Azure is asked about these parts of a registration."""


def list_registered(output: Output | None) -> None:
    found, newest_of = answers.registered_tables(app()), answers.newest_versions(app())
    seen = _worst_first(found)
    listed = Listed(
        {"value": [registered_table_json(one, newest_of) for one in found]},
        [str(one.table.route_table_id) for one in seen],
        show.registered_tables(seen),
        show.registered_tables(seen, wide=True),
    )
    answer_list(listed, output)


def _worst_first(found: Sequence[RegisteredTable]) -> list[Seen]:
    standpoint = answers.standpoint(app(), found)
    with ThreadPoolExecutor(_LANES) as lanes:
        seen = [*lanes.map(lambda table: _seen(table, standpoint), found)]
    return sorted(seen, key=lambda one: -one.state.rank)


def _seen(table: RegisteredTable, standpoint: Standpoint) -> Seen:
    """Read the table's outcome if it needs somebody, and if the outcome is kept."""
    state, run_id = standpoint.state_of(table), standpoint.run_behind(table)
    if state.mood in {Mood.NEUTRAL, Mood.GOOD} or run_id is None:
        return Seen(table, state)
    return Seen(table, state, app().outcomes.get(run_id, table.route_table_id))


def show_one(route_table: str, *, as_json: bool) -> None:
    entry = app().registering.get(names.table(route_table))
    seen = _seen(entry, answers.standpoint(app(), [entry]))
    body = registered_table_json(entry, answers.newest_versions(app()))
    answer(body, standing(seen, body["status"]), as_json=as_json)


def register(request: RegisterRequest, *, looks: bool, as_json: bool) -> None:
    """Refuse a table that is registered already, and if it `looks`, one that does not exist."""
    # People write an id with or without its leading slash. A name is no id.
    if "/" in request.resource_id:
        request = replace(request, resource_id="/" + request.resource_id.strip("/"))
    if looks:
        _look_at(request.resource_id)

    context = app_for_writing(as_json=as_json)
    # If nobody has looked, Azure may not answer.
    with time_limit(math.inf if looks else PATIENCE_SECONDS):
        done = context.registering.register(request, signed_in(), nothing)
    _show(done.table, as_json=as_json)
    if request.enabled:
        say(coming("Registered", done.table.route_table_id))


def _look_at(resource_id: str) -> None:
    """Say what Azure has under this id. Raise Refused if it has none, or does not tell.

    Other ids are left to the registration: it names their faults, and finds an environment's table.
    """
    try:
        ask_azure(app())
        if RouteTableId.matches(resource_id):
            found = app().azure.route_tables.read(RouteTableId.parse(resource_id))
            say(existing(RouteTableId.parse(resource_id), found, owner=app().policy.owner))
    except RouteSyncError as error:
        said = error.message.rstrip(".")
        message = f"{said}. To register the table without a look at it, say --no-check"
        raise Refused(error.code, message) from None


def change(
    route_table: str, wishes: Mapping[str, Any], *, no_exceptions: bool, as_json: bool
) -> None:
    """Change what a person has named: the fields of a `RegisterRequest` that have a value here.

    An empty text stands for none. An exception replaces the one of its prefix, and the others stay
    unless `no_exceptions` is true.
    """
    given = {name: value for name, value in wishes.items() if value is not None}
    # A note can be changed while Azure cannot be asked.
    if _ASKS_AZURE & given.keys():
        app_with_azure()

    edit = partial(_edited, given=given, no_exceptions=no_exceptions)
    known_id = names.table(route_table, whole=True)
    context = app_for_writing(as_json=as_json)
    _show(context.registering.change(known_id, edit, signed_in()).table, as_json=as_json)


def _edited(
    known: RegisterRequest, *, given: Mapping[str, Any], no_exceptions: bool
) -> RegisterRequest:
    changed = replace(known, **{name: _without_empty(value) for name, value in given.items()})
    named = {exception.prefix for exception in changed.exceptions}
    kept = () if no_exceptions else known.exceptions
    others = [exception for exception in kept if exception.prefix not in named]
    return replace(changed, exceptions=(*others, *changed.exceptions))


def _without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return [one for one in value if one != ""]
    return None if value == "" else value


def _show(entry: RegisteredTable, *, as_json: bool) -> None:
    body = registered_table_json(entry, answers.newest_versions(app()))
    answer(body, show.registered_table(entry), as_json=as_json)


def unregister(
    route_table: str, reason: str | None, *, with_routes: bool, yes: bool, as_json: bool
) -> None:
    """Take our routes out first if that is asked for; if it fails, the table stays registered."""
    if not yes:
        need_somebody(as_json=as_json)
    known = _registered(names.table(route_table, whole=yes), with_routes=with_routes)
    if app().policy.discovers_by_tag:
        say(Text(f"If the table has the Azure tag {AZURE_TAG}, the next check registers it again."))

    report, removal = None, RemoveRequest(route_table=known, reason=reason or None)
    if with_routes:
        report = _take_routes_out(removal, yes=yes, as_json=as_json)
    else:
        _leave_routes(known, yes=yes, as_json=as_json)
    _unregister(known, report, as_json=as_json)


def _registered(route_table: str, *, with_routes: bool) -> str:
    """Return its id as it is registered.

    A table that is not registered is an error before anything is asked or done. A row that cannot
    be read is one only for the run that takes the routes out.
    """
    try:
        return str(app().registering.get(route_table).route_table_id)
    except RowUnreadable:
        if with_routes:
            raise
        return route_table


def _leave_routes(route_table: str, *, yes: bool, as_json: bool) -> None:
    if not yes:
        ask(f"Unregister {route_table}? It keeps its routes.")
    app_for_writing(yes=yes, shown=not yes, as_json=as_json)


def _unregister(route_table: str, report: Report | None, *, as_json: bool) -> None:
    app().registering.unregister(route_table, signed_in())
    body = report_json(report) if report else {"routeTableId": route_table}
    answer(body, show.removed(route_table, report), as_json=as_json)


def _take_routes_out(removal: RemoveRequest, *, yes: bool, as_json: bool) -> Report:
    """Return the report of the removal, or raise Ended if it failed.

    A person who is asked sees its plan first.
    """
    app_with_azure()
    if not yes:
        _ask_about_routes(removal, as_json=as_json)

    context = app_for_writing(yes=yes, shown=not yes, as_json=as_json)
    report = carried_out(context.asking.remove(removal, signed_in()), as_json=as_json)
    status = exit_status(report)
    if status:
        answer_report(report, as_json=as_json)
        raise Ended(status)
    return report


def _ask_about_routes(removal: RemoveRequest, *, as_json: bool) -> None:
    plan = app().asking.remove(replace(removal, mode=Mode.PLAN), signed_in())
    question = "Take these routes out, and unregister the route table?"
    confirm(carried_out(plan, as_json=as_json), question, anyway=True)


def exceptions(texts: Sequence[str]) -> list[RouteException]:
    """Parse PREFIX,UNTIL,REASON.

    Raise typer.BadParameter if a part is missing, InvalidRequest if UNTIL is no date.
    """
    parts = [[part.strip() for part in text.split(",", 2)] for text in texts]
    if any(len(three) != 3 for three in parts):  # noqa: PLR2004
        raise typer.BadParameter("an exception is PREFIX,UNTIL,REASON")
    return [
        RouteException(prefix, reason, _date(f"exceptions.{index}.until", until))
        for index, (prefix, until, reason) in enumerate(parts)
    ]


def pin(version_id: str | None, reason: str | None) -> PinRequest | None:
    """Raise typer.BadParameter if one of the two is missing, Refused if no version is meant."""
    if version_id and reason:
        return PinRequest(names.version(version_id, whole=True), reason)
    if version_id or reason:
        raise typer.BadParameter("--pin and --pin-reason need each other")
    return None


def _date(place: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest([Fault(place, "not a date such as 2027-01-31")]) from None
