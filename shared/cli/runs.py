"""What the commands do that start a run: plan it, ask, carry it out, show its report."""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import endpoints
from ..domain.runs.run import Mode
from ..endpoints.shell import StartsRun
from . import show
from .errors import Ended, Refused
from .in_place import asked_for, call
from .shell import answer, ask, carried_out, need_somebody, said

FAILED, PENDING, BLOCKED = 1, 2, 3


def plan(asked: Mapping[str, Any], *, as_json: bool) -> None:
    _do(endpoints.start_sync, {**asked, "mode": Mode.PLAN}, as_json=as_json)


def apply(
    asked: Mapping[str, Any],
    plan_run: str | None,
    force: Sequence[str] | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """If nobody is asked, it does what the weekly run does; else exactly what was confirmed."""
    if not yes:
        need_somebody(as_json=as_json)
        planned = _planned(asked, plan_run, as_json=as_json)
        answer(planned, show.report(planned), as_json=as_json)
        if exit_status(planned) != PENDING and not any(show.counted(planned).values()):
            raise Ended(exit_status(planned))
        ask("Apply this?")
        plan_run = planned["runId"]
    approved = said(planRunId=plan_run, force=force)
    _do(endpoints.start_sync, {**asked, **approved, "mode": Mode.APPLY}, as_json=as_json)


def provision(asked: Mapping[str, Any], *, plan_only: bool, yes: bool, as_json: bool) -> None:
    if not (plan_only or yes):
        need_somebody(as_json=as_json)
    if plan_only or not yes:
        planned = _carried_out(endpoints.provision, {**asked, "mode": Mode.PLAN}, as_json=as_json)
        answer(planned, show.report(planned), as_json=as_json)
        if plan_only:
            raise Ended(exit_status(planned))
        ask("Do this?")
    _do(endpoints.provision, {**asked, "mode": Mode.APPLY}, as_json=as_json)


def adopt(asked: Mapping[str, Any], *, yes: bool, as_json: bool) -> None:
    if not yes:
        need_somebody(as_json=as_json)
        ask(f"Adopt routes in {asked['routeTableId']}?")
    _do(endpoints.adopt, asked, as_json=as_json)


def rollback(asked: Mapping[str, Any], *, yes: bool, as_json: bool) -> None:
    if not yes:
        need_somebody(as_json=as_json)
        undone = _outcome_of(asked["runId"], asked["routeTableId"])
        answer(None, show.outcome(undone), as_json=False)
        ask("Undo this?")
    _do(endpoints.rollback, asked, as_json=as_json)


def release(asked: Mapping[str, Any], *, as_json: bool) -> None:
    released = call(endpoints.release, asked)
    answer(released, show.registration(released), as_json=as_json)


def exit_status(report: Mapping[str, Any]) -> int:
    """The contract's exit status of a run's report."""
    counts = report["counts"]
    if report["error"] or counts["failed"] or counts["conflict"]:
        return FAILED
    if counts["blocked"]:
        return BLOCKED
    return PENDING if counts["planned"] else 0


def _outcome_of(run_id: str, route_table: str) -> Mapping[str, Any]:
    """Raise Refused if the run has no outcome of this table."""
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
