"""Start a run from the command line: plan it, ask, carry it out, show its report."""

from collections.abc import Sequence
from dataclasses import replace

from .. import answers
from ..domain.armid import RouteTableId
from ..domain.people.check_report import CheckReport
from ..domain.runs.outcome import OutcomeStatus
from ..domain.runs.report import Report
from ..domain.runs.run import Mode, Run, Trigger
from ..json_shapes import registered_table_json
from ..sync.asking import (
    AdoptRequest,
    CheckRequest,
    DiscoverRequest,
    ProvisionRequest,
    ReleaseRequest,
    RollbackRequest,
    SyncRequest,
)
from ..sync.requester import Requester
from . import names, show
from .agreement import app_for_writing
from .contact import app, app_with_azure
from .errors import Ended
from .shell import answer, answer_report, ask, carried_out, need_somebody, say
from .show.approvals import approval
from .show.one_table import coming


def signed_in() -> Requester:
    """Return the person or the service principal that is signed in here, by name.

    Azure itself judges what they may do.
    """
    return Requester(Trigger.CLI, app().identity.name())


FAILED, PENDING, BLOCKED = 1, 2, 3


def plan(request: SyncRequest, *, as_json: bool) -> None:
    request = _named(request)
    run = app_with_azure().asking.sync(replace(request, mode=Mode.PLAN), signed_in())
    _finish(run, as_json=as_json)


def apply(request: SyncRequest, *, yes: bool, as_json: bool) -> None:
    """With `yes` do what the weekly run does, or what waited in the run that the request names.

    Else a person sees what would be done, and exactly that is done if they confirm it.
    """
    request = _named(request, whole=yes)
    tables = app().asking.judged(request)
    if not yes:
        need_somebody(as_json=as_json)
    app_with_azure()

    if not yes and request.plan_run_id is not None:
        _ask_to_approve(request.plan_run_id, tables, request.force)
    elif not yes:
        run = app().asking.sync(replace(request, mode=Mode.PLAN), signed_in())
        planned = carried_out(run, as_json=as_json)
        confirm(planned, "Apply this?")
        request = replace(request, plan_run_id=planned.run.run_id)
    context = app_for_writing(yes=yes, shown=not yes, as_json=as_json)
    _finish(context.asking.sync(request, signed_in()), as_json=as_json)


def _ask_to_approve(run_id: str, tables: Sequence[RouteTableId], force: Sequence[str]) -> None:
    """Show what waited in this run for these tables, and ask."""
    run, asked = answers.existing_run(app(), run_id), {*tables}
    waiting = [one for one in app().outcomes.list(run_id) if one.route_table_id in asked]
    paused = app().policy.paused
    answer(None, approval(run, waiting, frozenset(force), paused=paused), as_json=False)

    if paused:
        raise Ended(PENDING)
    ask(f"Apply this, and let {', '.join(force)} pass?" if force else "Apply this?")


def check(request: CheckRequest, *, as_json: bool) -> None:
    report = carried_out(app_with_azure().asking.check(request, signed_in()), as_json=as_json)
    answer_report(report, as_json=as_json)
    result = report.result
    raise Ended(0 if isinstance(result, CheckReport) and result.all_right else FAILED)


def discover(request: DiscoverRequest, *, as_json: bool) -> None:
    context = app_with_azure()
    if request.register:
        context = app_for_writing(as_json=as_json)
    _finish(context.asking.discover(request, signed_in()), as_json=as_json)


def provision(request: ProvisionRequest, *, plan_only: bool, yes: bool, as_json: bool) -> None:
    if not (plan_only or yes):
        need_somebody(as_json=as_json)
    app_with_azure()

    if plan_only or not yes:
        _plan_provision(request, plan_only=plan_only, as_json=as_json)
    context = app_for_writing(yes=yes, shown=not yes, as_json=as_json)
    _finish(context.asking.provision(request, signed_in()), as_json=as_json)


def _plan_provision(request: ProvisionRequest, *, plan_only: bool, as_json: bool) -> None:
    """Show the plan and ask, or raise Ended if only the plan is asked for."""
    run = app().asking.provision(replace(request, mode=Mode.PLAN), signed_in())
    planned = carried_out(run, as_json=as_json)

    if plan_only:
        answer_report(planned, as_json=as_json)
        raise Ended(exit_status(planned))
    # The registration may be all that is missing.
    confirm(planned, "Do this?", anyway=True)


def adopt(request: AdoptRequest, *, yes: bool, as_json: bool) -> None:
    request = replace(request, route_table=names.table(request.route_table, whole=yes))
    if not yes:
        need_somebody(as_json=as_json)
    asking = app_with_azure().asking
    if not yes:
        plan = asking.adopt(replace(request, mode=Mode.PLAN), signed_in())
        confirm(carried_out(plan, as_json=as_json), "Adopt these routes?")
        request = replace(request, plan_run_id=plan.run_id)
    context = app_for_writing(yes=yes, shown=not yes, as_json=as_json)
    _finish(context.asking.adopt(request, signed_in()), as_json=as_json)


def rollback(request: RollbackRequest, *, yes: bool, as_json: bool) -> None:
    table = names.table(request.route_table, whole=yes)
    run_id = names.run(request.run_id, names.changing(table), whole=yes)
    request = replace(request, route_table=table, run_id=run_id)
    if not yes:
        need_somebody(as_json=as_json)
    asking = app_with_azure().asking
    if not yes:
        plan = asking.rollback(replace(request, mode=Mode.PLAN), signed_in())
        confirm(carried_out(plan, as_json=as_json), "Undo this, and hold the table?")
    context = app_for_writing(yes=yes, shown=not yes, as_json=as_json)
    _finish(context.asking.rollback(request, signed_in()), as_json=as_json)


def release(request: ReleaseRequest, *, as_json: bool) -> None:
    request = replace(request, route_table=names.table(request.route_table, whole=True))
    context = app_for_writing(as_json=as_json)
    released = context.asking.release(request)
    body = registered_table_json(released, answers.newest_versions(context))
    answer(body, show.registered_table(released), as_json=as_json)
    if released.registration.enabled:
        say(coming("Released", released.route_table_id))


def exit_status(report: Report) -> int:
    """Return the contract's exit status for a run's report."""
    counts = report.counts
    if report.run.error or counts[OutcomeStatus.FAILED] or counts[OutcomeStatus.CONFLICT]:
        return FAILED
    if counts[OutcomeStatus.BLOCKED]:
        return BLOCKED
    return PENDING if counts[OutcomeStatus.PLANNED] else 0


def confirm(planned: Report, question: str, *, anyway: bool = False) -> None:
    """Show what is planned, and ask. Raise Ended if there is nothing to do, or Refused.

    With `anyway` it is asked although the plan shows nothing to do.
    """
    answer_report(planned, as_json=False)
    status = exit_status(planned)
    would_write = status == PENDING or any(outcome.writes for outcome in planned.outcomes)
    if would_write and app().policy.paused:
        raise Ended(status)

    # A plan of some tables alone is not what was asked for.
    if planned.not_begun or not (would_write or anyway):
        raise Ended(status)
    ask(question)


def _finish(run: Run, *, as_json: bool) -> None:
    """Carry the run out, show its report, and end with its exit status."""
    report = carried_out(run, as_json=as_json)
    answer_report(report, as_json=as_json)
    raise Ended(exit_status(report))


def _named(request: SyncRequest, *, whole: bool = False) -> SyncRequest:
    """Return the request with ids in the place of names."""
    plan_run_id = request.plan_run_id
    if plan_run_id is not None:
        plan_run_id = names.run(plan_run_id, names.WAITING, whole=whole)

    return replace(
        request,
        route_tables=names.tables(request.route_tables, whole=whole),
        ases=names.environments(request.ases, whole=whole),
        plan_run_id=plan_run_id,
    )
