"""What starts a run over HTTP: sync, adopt, rollback."""

from collections.abc import Iterable
from typing import Literal

import azure.functions as func
from pydantic import Field

from ..app import App
from ..domain.armid import RouteTableId
from ..domain.routing.judgement import FORCEABLE
from ..domain.runs.run import Action, Mode, RunRequest, Trigger
from ..http import Body, invalid_body, parse_body
from .callers import Role, caller_of
from .shell import NOT_ENABLED, Reason, TableBody, enabled_registration, starts_run


class SyncBody(Body):
    mode: Literal["apply", "plan"] = "apply"
    # An empty list is a fault: whoever computed it did not mean all tables.
    route_tables: list[str] | None = Field(None, min_length=1, max_length=10_000)
    ases: list[str] | None = Field(None, min_length=1, max_length=10_000)
    reason: Reason | None = None
    change_id: str | None = Field(None, max_length=200)
    plan_run_id: str | None = None
    force: list[str] = Field([], max_length=10)


class AdoptBody(TableBody):
    from_owner: str | None = Field(None, pattern=r"^[a-z0-9]{1,20}$")


class RollbackBody(TableBody):
    run_id: str
    force: list[str] = Field([], max_length=10)


@starts_run
def start_sync(context: App, request: func.HttpRequest, trigger: Trigger) -> RunRequest:
    body = parse_body(request, SyncBody)
    if body.plan_run_id is not None or body.force:
        _needs_approver(context, request, trigger)
    asked, unknown = _asked(context, body)
    faults = [*_approval_faults(context, body), *_force_faults(body.force), *unknown]
    if faults:
        raise invalid_body(faults)
    if body.plan_run_id is not None:
        asked = _of_plan(context, body.plan_run_id, asked)
    return RunRequest(
        trigger=trigger,
        mode=Mode(body.mode),
        route_tables=asked,
        plan_run_id=body.plan_run_id,
        force=tuple(body.force),
        reason=body.reason,
        change_id=body.change_id,
    )


@starts_run
def adopt(context: App, request: func.HttpRequest, trigger: Trigger) -> RunRequest:
    body = parse_body(request, AdoptBody)
    return RunRequest(
        trigger=trigger,
        mode=Mode.APPLY,
        action=Action.ADOPT,
        route_tables=(enabled_registration(context, body.route_table_id).route_table_id,),
        from_owner=body.from_owner,
        reason=body.reason,
    )


@starts_run
def rollback(context: App, request: func.HttpRequest, trigger: Trigger) -> RunRequest:
    body = parse_body(request, RollbackBody)
    if body.force:
        _needs_approver(context, request, trigger)
    faults = _force_faults(body.force)
    if faults:
        raise invalid_body(faults)
    table = enabled_registration(context, body.route_table_id).route_table_id
    if context.runs.get(body.run_id) is None:
        raise invalid_body([("runId", "there is no run with this id")])
    done = context.outcomes.changes(body.run_id, table)
    if done is None:
        raise invalid_body([("runId", "the run has no outcome of this route table, or not yet")])
    if not done:
        raise invalid_body([("runId", "the run has changed nothing in this route table")])
    return RunRequest(
        trigger=trigger,
        mode=Mode.APPLY,
        action=Action.ROLLBACK,
        route_tables=(table,),
        undone_run_id=body.run_id,
        force=tuple(body.force),
        reason=body.reason,
    )


def _needs_approver(context: App, request: func.HttpRequest, trigger: Trigger) -> None:
    """Over HTTP. At the command line Azure itself judges who may write."""
    if trigger is Trigger.HTTP:
        caller_of(context, request).needs(Role.APPROVER)


def _asked(context: App, body: SyncBody) -> tuple[tuple[RouteTableId, ...], list[tuple[str, str]]]:
    """The route tables that the body names, by their own id or their environment's; the faults."""
    if body.route_tables is None and body.ases is None:
        return (), []
    enabled = [r for r in context.registry.list() if r.enabled]
    by_id = {r.route_table_id.key: r.route_table_id for r in enabled}
    by_ase: dict[str, list[RouteTableId]] = {}
    for registration in enabled:
        if registration.ase_id:
            by_ase.setdefault(registration.ase_id.key, []).append(registration.route_table_id)
    faults: list[tuple[str, str]] = []
    asked: list[RouteTableId] = []
    for index, text in enumerate(body.route_tables or ()):
        found = by_id.get(text.lower())
        if found is None:
            faults.append((f"routeTables.{index}", _unknown_table(text)))
        else:
            asked.append(found)
    for index, text in enumerate(body.ases or ()):
        if text.lower() not in by_ase:
            faults.append((f"ases.{index}", "no enabled registration has this aseId"))
        asked += by_ase.get(text.lower(), [])
    return tuple(dict.fromkeys(asked)), faults


def _unknown_table(text: str) -> str:
    try:
        RouteTableId.parse(text)
    except ValueError as error:
        return str(error)
    return NOT_ENABLED


def _approval_faults(context: App, body: SyncBody) -> list[tuple[str, str]]:
    faults = []
    if body.force and (body.plan_run_id is None or body.reason is None):
        faults.append(("force", "one forces only what one has seen: planRunId and reason, too"))
    if body.plan_run_id is None:
        return faults
    if body.mode != "apply":
        faults.append(("mode", "a planRunId is applied"))
    run = context.runs.get(body.plan_run_id)
    if run is None:
        faults.append(("planRunId", "there is no run with this id"))
    elif run.request.mode is not Mode.PLAN or run.request.action is not Action.SYNC:
        faults.append(("planRunId", "not a run in mode plan"))
    elif not run.ended:
        faults.append(("planRunId", "the run has not ended yet"))
    return faults


def _of_plan(
    context: App, plan_run_id: str, asked: tuple[RouteTableId, ...]
) -> tuple[RouteTableId, ...]:
    """Those asked for, or all that the plan run showed."""
    shown = [
        RouteTableId.parse(outcome["routeTableId"])
        for outcome in context.outcomes.list(plan_run_id)
    ]
    keys = {table.key for table in shown}
    faults = [
        (f"routeTables.{i}", f"run {plan_run_id} has no plan of {table}")
        for i, table in enumerate(asked)
        if table.key not in keys
    ]
    if faults or not shown:
        raise invalid_body(faults or [("planRunId", "the run has no plan of any route table")])
    return asked or tuple(shown)


def _force_faults(codes: Iterable[str]) -> list[tuple[str, str]]:
    allowed = ", ".join(sorted(FORCEABLE))
    return [
        (f"force.{i}", f"not a violation that may be forced: those are {allowed}")
        for i, code in enumerate(codes)
        if code not in FORCEABLE
    ]
