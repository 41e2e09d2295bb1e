"""Runs and their reports."""

import azure.functions as func
from pydantic import Field

from .. import answers, shapes
from ..app import App
from ..http import Paged, json_response, page, parse_query
from ..json_shapes import report_json, run_json
from .operations import Answer, Operation, described
from .shell import endpoint, no_such_page, while_running


class RunsQuery(Paged):
    """Only the runs that fulfil every condition are listed."""

    change_id: str | None = Field(
        None, description="Only runs that were started with this `changeId`."
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

    return page(
        request,
        "runs",
        answers.runs(context, older_than=asked.skip_token, change_id=asked.change_id),
        top=asked.top,
        front=context.settings.public_url,
        token_of=lambda run: run.run_id,
        render=run_json,
    )
