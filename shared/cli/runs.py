"""Commands that start a run, and release."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from shared import endpoints
from shared.domain.report import Mode
from shared.endpoints.shell import StartsRun

from . import show
from .in_place import Refused, asked_for, call
from .shell import (
    Acknowledge,
    Ended,
    Force,
    Json,
    OptionalReason,
    Reason,
    Table,
    Yes,
    answer,
    ask,
    carried_out,
    need_somebody,
    said,
)

FAILED, PENDING, BLOCKED = 1, 2, 3

Tables = Annotated[
    list[str] | None,
    typer.Option("--route-table", help="The ARM id of a registered one; repeat for more."),
]
Environments = Annotated[
    list[str] | None,
    typer.Option("--ase", help="The ARM id of an App Service Environment; repeat for more."),
]
ChangeId = Annotated[str | None, typer.Option(help="Of your own change management.")]


class Nsg(StrEnum):
    AUDIT = "audit"
    ENSURE = "ensure"


def plan(
    route_table: Tables = None,
    ase: Environments = None,
    reason: OptionalReason = None,
    change_id: ChangeId = None,
    as_json: Json = False,
) -> None:
    """Show what apply would change. Nothing is written to Azure."""
    asked = said(routeTables=route_table, ases=ase, reason=reason, changeId=change_id)
    report = _carried_out(endpoints.start_sync, {**asked, "mode": Mode.PLAN}, as_json=as_json)
    answer(report, show.report(report), as_json=as_json)
    raise Ended(exit_status(report))


def apply(
    route_table: Tables = None,
    ase: Environments = None,
    plan_run: Annotated[
        str | None,
        typer.Option("--plan", help="The id of a plan run: apply exactly what it showed."),
    ] = None,
    force: Force = None,
    reason: OptionalReason = None,
    change_id: ChangeId = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring the route tables to the newest versions of their service tags.

    Shows the plan and asks; what you confirm is applied exactly. With --yes it does what the weekly
    run does: what APPLY_POLICY withholds stays withheld.
    """
    asked = said(routeTables=route_table, ases=ase, reason=reason, changeId=change_id)
    if not yes:
        need_somebody(as_json=as_json)
        planned = _planned(asked, plan_run, as_json=as_json)
        answer(planned, show.report(planned), as_json=as_json)
        if exit_status(planned) != PENDING and not any(show.counted(planned).values()):
            raise Ended(exit_status(planned))
        ask("Apply this?")
        plan_run = planned["runId"]
    asked |= said(planRunId=plan_run, force=force)
    _do(endpoints.start_sync, {**asked, "mode": Mode.APPLY}, as_json=as_json)


def provision(
    ase_id: Annotated[str, typer.Argument(help="The ARM id of an App Service Environment.")],
    nsg: Annotated[Nsg, typer.Option(help="Look at its security group, or repair that.")] = (
        Nsg.AUDIT
    ),
    tag: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, of a new route table; repeat for more.")
    ] = None,
    acknowledge: Acknowledge = False,
    plan_only: Annotated[bool, typer.Option("--plan", help="Show it, and do nothing.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give an environment that has no route table one, and register it."""
    asked = said(aseId=ase_id, nsg=nsg, tags=_pairs(tag), acknowledge=acknowledge)
    if not (plan_only or yes):
        need_somebody(as_json=as_json)
    if plan_only or not yes:
        planned = _carried_out(endpoints.provision, {**asked, "mode": Mode.PLAN}, as_json=as_json)
        answer(planned, show.report(planned), as_json=as_json)
        if plan_only:
            raise Ended(exit_status(planned))
        ask("Do this?")
    _do(endpoints.provision, {**asked, "mode": Mode.APPLY}, as_json=as_json)


def adopt(
    route_table: Table,
    reason: Reason,
    from_owner: Annotated[
        str | None, typer.Option(help="Take over the routes with this owner's stamp, too.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Rename routes that cover a wanted address to ours; nothing else of the table is changed."""
    if not yes:
        need_somebody(as_json=as_json)
        ask(f"Adopt routes in {route_table}?")
    body = said(routeTableId=route_table, fromOwner=from_owner, reason=reason)
    _do(endpoints.adopt, body, as_json=as_json)


def rollback(
    route_table: Table,
    run: Annotated[str, typer.Option(help="The id of the run to undo in this table.")],
    reason: Reason,
    force: Force = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Undo what a run did to a route table, and hold it so until a release."""
    if not yes:
        need_somebody(as_json=as_json)
        answer(None, show.outcome(_outcome_of(run, route_table)), as_json=False)
        ask("Undo this?")
    body = said(routeTableId=route_table, runId=run, reason=reason, force=force)
    _do(endpoints.rollback, body, as_json=as_json)


def release(route_table: Table, reason: Reason, as_json: Json = False) -> None:
    """Let the next run bring a table that is held or contested to its tags again."""
    released = call(endpoints.release, said(routeTableId=route_table, reason=reason))
    answer(released, show.registration(released), as_json=as_json)


def exit_status(report: Mapping[str, Any]) -> int:
    """Of the contract."""
    counts = report["counts"]
    if report["error"] or counts["failed"] or counts["conflict"]:
        return FAILED
    if counts["blocked"]:
        return BLOCKED
    return PENDING if counts["planned"] else 0


def _outcome_of(run_id: str, route_table: str) -> Mapping[str, Any]:
    """Raise Refused where the run has none of this table."""
    found = call(endpoints.get_run, route_params={"runId": run_id})
    for outcome in found["outcomes"]:
        if outcome["routeTableId"].lower() == route_table.lower():
            return outcome  # type: ignore[no-any-return]
    raise Refused("NoOutcome", f"run {run_id} has no outcome of this route table")


def _do(endpoint: StartsRun, body: Mapping[str, Any], *, as_json: bool) -> None:
    report = _carried_out(endpoint, body, as_json=as_json)
    answer(report, show.report(report), as_json=as_json)
    raise Ended(exit_status(report))


def _planned(asked: Mapping[str, Any], plan_run: str | None, *, as_json: bool) -> dict[str, Any]:
    """The report of the plan that is to be confirmed: one that there is, or a new one."""
    if plan_run is not None:
        found: dict[str, Any] = call(endpoints.get_run, route_params={"runId": plan_run})
        return found
    return _carried_out(endpoints.start_sync, {**asked, "mode": Mode.PLAN}, as_json=as_json)


def _carried_out(endpoint: StartsRun, body: Mapping[str, Any], *, as_json: bool) -> dict[str, Any]:
    return carried_out(asked_for(endpoint, body), as_json=as_json)


def _pairs(texts: Sequence[str] | None) -> dict[str, str]:
    """Raise typer.BadParameter where one is not NAME=VALUE."""
    pairs = [text.partition("=") for text in texts or ()]
    if not all(separator for _, separator, _ in pairs):
        raise typer.BadParameter("a tag is NAME=VALUE")
    return {name: value for name, _, value in pairs}
