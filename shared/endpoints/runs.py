"""Runs and their reports."""

import azure.functions as func

from .. import answers
from ..app import App
from ..http import in_query, json_response, page, skip_token
from ..json_shapes import report_json, run_json
from .shell import PAGED, endpoint, no_such_page, while_running


@endpoint()
def get_run(context: App, request: func.HttpRequest) -> func.HttpResponse:
    run = answers.existing_run(context, request.route_params["runId"])
    body = report_json(answers.run_report(context, run))
    if run.ended:
        return json_response(body)
    return json_response(body, status=202, headers=while_running(context, request, run))


@endpoint(*PAGED, "changeId")
def list_runs(context: App, request: func.HttpRequest) -> func.HttpResponse:
    token = skip_token(request)
    if token is not None and context.runs.get(token) is None:
        raise no_such_page()
    return page(
        request,
        "runs",
        answers.runs(context, older_than=token, change_id=in_query(request, "changeId")),
        front=context.settings.public_url,
        token_of=lambda run: run.run_id,
        render=run_json,
    )
