"""What the HTTP functions share: their shell, and what more than one of them asks."""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Concatenate, Protocol

import azure.functions as func
from pydantic import Field

from ..app import App, app
from ..domain.armid import RouteTableId
from ..domain.registry.registration import Registration
from ..domain.runs.run import Run, RunRequest, RunStatus, Trigger
from ..http import Body, HttpFault, api_url, invalid_body, json_error, json_response, respond
from ..messages import RunMessage
from .callers import Role, caller_of

_RETRY_AFTER_SECONDS = "5"
NOT_ENABLED = "not registered, or disabled"


type Reason = Annotated[str, Field(min_length=1, max_length=1000)]


class TableBody(Body):
    """What is asked of one registered route table, and why."""

    route_table_id: str
    reason: Reason


def endpoint[**P](
    handler: Callable[Concatenate[App, func.HttpRequest, P], func.HttpResponse],
) -> Callable[Concatenate[func.HttpRequest, P], func.HttpResponse]:
    @functools.wraps(handler)
    def answer(
        request: func.HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> func.HttpResponse:
        return respond(lambda: handler(permitted(request), request, *args, **kwargs), json_error)

    return answer


def permitted(request: func.HttpRequest) -> App:
    """The app, for whoever may do this: look as a reader, do anything as an operator."""
    context = app()
    role = Role.READER if request.method == "GET" else Role.OPERATOR
    caller_of(context, request).needs(role)
    return context


def existing_run(context: App, run_id: str) -> Run:
    """One that is overdue is ended first. Raise HttpFault where there is none."""
    run = context.run_end.expire_if_overdue(context.runs.get(run_id))
    if run is None:
        raise HttpFault(404, "RunNotFound", "there is no run with this id")
    return run


def table_id(text: str) -> RouteTableId:
    """Raise HttpFault for whatever is not one."""
    try:
        return RouteTableId.parse(text)
    except ValueError as error:
        raise HttpFault(400, "InvalidRouteTableId", str(error)) from None


def existing_registration(context: App, text: str) -> Registration:
    """Raise HttpFault where this table is not registered."""
    registration = context.registry.get(table_id(text))
    if registration is None:
        raise HttpFault(404, "NotRegistered", "this route table is not registered")
    return registration


def enabled_registration(context: App, text: str) -> Registration:
    """The registration that a body's `routeTableId` names."""
    try:
        registration = context.registry.get(RouteTableId.parse(text))
    except ValueError as error:
        raise invalid_body([("routeTableId", str(error))]) from None
    if registration is None or not registration.enabled:
        raise invalid_body([("routeTableId", NOT_ENABLED)])
    return registration


class StartsRun(Protocol):
    """A function that starts a run. The command line says that it is the trigger."""

    def __call__(
        self,
        request: func.HttpRequest,
        /,
        send: Callable[[str], None],
        trigger: Trigger = Trigger.HTTP,
    ) -> func.HttpResponse: ...


def starts_run(wanted: Callable[[App, func.HttpRequest, Trigger], RunRequest]) -> StartsRun:
    """Write the run that is wanted, send its start message, and say where its report will be."""

    @endpoint
    def begin(
        context: App,
        request: func.HttpRequest,
        send: Callable[[str], None],
        trigger: Trigger = Trigger.HTTP,
    ) -> func.HttpResponse:
        asked = wanted(context, request, trigger)
        if trigger is Trigger.HTTP:
            asked = replace(asked, requested_by=caller_of(context, request).requested_by)
        run = context.create_run(asked)
        send(str(RunMessage(run.run_id)))
        return accepted(request, run)

    return begin


def while_running(request: func.HttpRequest, run: Run) -> dict[str, str]:
    return {
        "Location": api_url(request, f"runs/{run.run_id}"),
        "Retry-After": _RETRY_AFTER_SECONDS,
    }


def accepted(request: func.HttpRequest, run: Run) -> func.HttpResponse:
    headers = while_running(request, run)
    body = {
        "runId": run.run_id,
        "status": RunStatus.RUNNING.value,
        "statusQueryGetUri": headers["Location"],
    }
    return json_response(body, status=202, headers=headers)


def after[T](token: str | None, items: Iterable[T], token_of: Callable[[T], str]) -> Iterator[T]:
    """The items after the one with this token."""
    following = iter(items)
    if token is not None and not any(token_of(item) == token for item in following):
        raise no_such_page()
    return following


def no_such_page() -> HttpFault:
    return HttpFault(400, "InvalidQuery", "nothing is listed with this skipToken")
