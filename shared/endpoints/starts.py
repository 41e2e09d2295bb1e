"""The functions that start a run: sync, check, adopt, rollback."""

import azure.functions as func
from pydantic import Field

from ..app import App
from ..bodies import Body, Reason
from ..domain.runs.run import Mode, Run
from ..http import parse_body
from ..sync.asking import AdoptRequest, CheckRequest, RollbackRequest, SyncRequest
from ..sync.requester import Requester
from ..sync.texts import MAX_CHANGE_ID, MAX_FORCED, MAX_NAMED, OWNER
from .callers import Role, caller_of
from .operations import STARTED, Operation, described
from .shell import TableBody, starts_run


class SyncBody(Body):
    """The tables are named by their ids or by those of their environments; without both, all.

    `planRunId` applies exactly what waited in that run, which is its approval. `force` names the
    violations that may pass. `changeId` is the id in your own change management.
    """

    mode: Mode = Mode.APPLY
    # An empty list is a fault, because a program that computed it did not mean all tables.
    route_tables: list[str] | None = Field(None, min_length=1, max_length=MAX_NAMED)
    ases: list[str] | None = Field(None, min_length=1, max_length=MAX_NAMED)
    reason: Reason | None = None
    change_id: str | None = Field(None, max_length=MAX_CHANGE_ID)
    plan_run_id: str | None = None
    force: list[str] = Field([], max_length=MAX_FORCED)

    @property
    def request(self) -> SyncRequest:
        return SyncRequest(
            mode=self.mode,
            route_tables=self.route_tables,
            ases=self.ases,
            plan_run_id=self.plan_run_id,
            force=self.force,
            reason=self.reason,
            change_id=self.change_id or None,
        )


class CheckBody(Body):
    """The check has no parameters."""

    reason: Reason | None = None

    @property
    def request(self) -> CheckRequest:
        return CheckRequest(reason=self.reason)


class AdoptBody(TableBody):
    """With `fromOwner`, routes that bear the stamp of that owner become ours as well."""

    from_owner: str | None = Field(None, pattern=OWNER)

    @property
    def request(self) -> AdoptRequest:
        return AdoptRequest(
            route_table=self.route_table_id, reason=self.reason, from_owner=self.from_owner
        )


class RollbackBody(TableBody):
    """The changes of the run `runId` to the table are undone. `force` names violations to pass."""

    run_id: str
    force: list[str] = Field([], max_length=MAX_FORCED)

    @property
    def request(self) -> RollbackRequest:
        return RollbackRequest(
            route_table=self.route_table_id,
            run_id=self.run_id,
            reason=self.reason,
            force=self.force,
        )


@described(
    Operation(
        "sync",
        "POST",
        "sync",
        "Start a run that brings route tables to their newest versions.",
        {202: STARTED},
        body=SyncBody,
    )
)
@starts_run
def start_sync(context: App, request: func.HttpRequest, by: Requester) -> Run:
    body = parse_body(request, SyncBody)
    if body.plan_run_id is not None or body.force:
        caller_of(context, request).needs(Role.APPROVER)
    return context.asking.sync(body.request, by)


@described(
    Operation(
        "check",
        "POST",
        "check",
        "Start a run that does the daily check now.",
        {202: STARTED},
        body=CheckBody,
    )
)
@starts_run
def check(context: App, request: func.HttpRequest, by: Requester) -> Run:
    return context.asking.check(parse_body(request, CheckBody).request, by)


@described(
    Operation(
        "adopt",
        "POST",
        "adopt",
        "Start a run that gives our names to routes that cover a wanted address.",
        {202: STARTED},
        body=AdoptBody,
    )
)
@starts_run
def adopt(context: App, request: func.HttpRequest, by: Requester) -> Run:
    return context.asking.adopt(parse_body(request, AdoptBody).request, by)


@described(
    Operation(
        "rollback",
        "POST",
        "rollback",
        "Start a run that undoes in a route table what a run changed there, and holds the result.",
        {202: STARTED},
        body=RollbackBody,
    )
)
@starts_run
def rollback(context: App, request: func.HttpRequest, by: Requester) -> Run:
    body = parse_body(request, RollbackBody)
    if body.force:
        caller_of(context, request).needs(Role.APPROVER)
    return context.asking.rollback(body.request, by)
