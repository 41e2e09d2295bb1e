"""Which route tables are kept right."""

from collections.abc import Mapping
from typing import Any

from .. import endpoints
from ..app import app
from ..domain.armid import RouteTableId
from ..domain.runs.run import Action, Mode, RunRequest, Trigger
from ..messages import RunMessage
from . import show
from .errors import Ended
from .in_place import call, listed
from .runs import exit_status
from .shell import answer, ask, carried_out, need_somebody, say


def list_registered(*, as_json: bool) -> None:
    found = listed(endpoints.list_or_get_route_tables)
    answer({"value": found}, show.registrations(found), as_json=as_json)


def register(resource_id: str, body: Mapping[str, Any], *, as_json: bool) -> None:
    path = {"id": resource_id.strip("/")}
    registered = call(endpoints.register_route_table, body, route_params=path)
    answer(registered, show.registration(registered), as_json=as_json)


def unregister(
    route_table: str, reason: str | None, *, with_routes: bool, yes: bool, as_json: bool
) -> None:
    """Take our routes out first if that is asked for; if it fails the table stays registered."""
    if not yes:
        need_somebody(as_json=as_json)
    # Unknown is an error before anything is asked, or done.
    path = {"id": route_table.strip("/")}
    known = call(endpoints.list_or_get_route_tables, route_params=path)
    report = None
    if with_routes:
        table = RouteTableId.parse(known["routeTableId"])
        report = _taken_out(table, reason, yes=yes, as_json=as_json)
        status = exit_status(report)
        if status:
            answer(report, show.report(report), as_json=as_json)
            raise Ended(status)
    elif not yes:
        ask(f"Unregister {known['routeTableId']}? It keeps its routes.")
    call(endpoints.unregister_route_table, route_params=path)
    removed = show.removed(known["routeTableId"], report)
    answer(report or {"routeTableId": known["routeTableId"]}, removed, as_json=as_json)


def _taken_out(
    table: RouteTableId, reason: str | None, *, yes: bool, as_json: bool
) -> dict[str, Any]:
    """The report of the run that takes our routes out; first its plan, where somebody is asked."""
    if not yes:
        say(show.report(_removal(Mode.PLAN, table, reason, as_json=as_json)))
        ask("Take these routes out, and unregister the route table?")
    return _removal(Mode.APPLY, table, reason, as_json=as_json)


def _removal(
    mode: Mode, table: RouteTableId, reason: str | None, *, as_json: bool
) -> dict[str, Any]:
    request = RunRequest(Trigger.CLI, mode, Action.REMOVE, (table,), reason=reason)
    run = app().create_run(request)
    return carried_out(str(RunMessage(run.run_id)), as_json=as_json)
