"""Runs and their reports."""

import azure.functions as func

from ..app import App
from ..domain.runs.report import report
from ..domain.runs.run import Run
from ..http import json_response, page, skip_token
from .shell import endpoint, existing_run, no_such_page, while_running


@endpoint
def get_run(context: App, request: func.HttpRequest) -> func.HttpResponse:
    run = existing_run(context, request.route_params["runId"])
    body = report(run, context.outcomes.list(run.run_id))
    if run.ended:
        return json_response(body)
    return json_response(body, status=202, headers=while_running(request, run))


@endpoint
def list_runs(context: App, request: func.HttpRequest) -> func.HttpResponse:
    token = skip_token(request)
    if token is not None and context.runs.get(token) is None:
        raise no_such_page()
    runs = context.runs.list(older_than=token)
    return page(
        request,
        "runs",
        (context.run_end.expire_if_overdue(run) for run in runs),
        token_of=lambda run: run.run_id,
        render=Run.to_json,
    )
