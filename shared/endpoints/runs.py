"""Runs and their reports."""

from typing import Annotated

import azure.functions as func
from pydantic import AfterValidator, Field

from .. import answers, shapes
from ..app import App
from ..domain.armid import RouteTableId
from ..domain.runs.run import RunStatus, Trigger
from ..http import Paged, json_response, listed, parse_query
from ..json_shapes import report_json, run_json
from .operations import Answer, Operation, described
from .shell import endpoint, no_such_page, while_running


def _id_of_table(text: str) -> str:
    return str(RouteTableId.parse(text))


class RunsQuery(Paged):
    """Only the runs that fulfil every condition are listed.

    The page may then be short, or empty, although there is a `nextLink`.
    """

    change_id: str | None = Field(
        None, description="Only runs that were started with this `changeId`."
    )
    route_table: Annotated[str, AfterValidator(_id_of_table)] | None = Field(
        None, description="Only runs of the route table with this ARM id, whatever its case."
    )
    status: RunStatus | None = Field(None, description="Only runs with this status.")
    trigger: Trigger | None = Field(None, description="Only runs that were started in this way.")

    @property
    def wanted(self) -> answers.Wanted:
        table = self.route_table
        return answers.Wanted(
            change_id=self.change_id,
            trigger=self.trigger,
            status=self.status,
            route_table=None if table is None else RouteTableId.parse(table),
        )


@described(
    Operation(
        "get_run",
        "GET",
        "runs/{runId}",
        "Show the report of a run.",
        {
            200: Answer("The run has ended, well or not: `status` says which.", shapes.Report),
            202: Answer(
                "The run goes on. This is its report so far.",
                shapes.Report,
                headers=("Location", "Retry-After"),
            ),
        },
        errors=(404,),
    )
)
@endpoint()
def get_run(context: App, request: func.HttpRequest) -> func.HttpResponse:
    run = answers.existing_run(context, request.route_params["runId"])
    body = report_json(answers.run_report(context, run))
    if run.ended:
        return json_response(body)
    return json_response(body, status=202, headers=while_running(context, request, run))


@described(
    Operation(
        "list_runs",
        "GET",
        "runs",
        "List the runs, the newest first.",
        {200: Answer("A page of runs.", shapes.RunList)},
    )
)
@endpoint(RunsQuery)
def list_runs(context: App, request: func.HttpRequest) -> func.HttpResponse:
    asked = parse_query(request, RunsQuery)
    if asked.skip_token is not None and context.runs.get(asked.skip_token) is None:
        raise no_such_page()

    runs, following = answers.page_of_runs(
        context, asked.wanted, older_than=asked.skip_token, most=asked.top
    )
    front, shown = context.settings.public_url, map(run_json, runs)
    return listed(request, "runs", shown, front=front, top=asked.top, following=following)
