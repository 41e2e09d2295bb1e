"""The shell of the HTTP functions, and the parts that several of them share."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Concatenate

import azure.functions as func

from .. import shapes
from ..app import App, app
from ..bodies import Body, Reason
from ..domain import codes
from ..domain.runs.run import Run, RunStatus
from ..http import HttpError, Query, api_url, json_error, json_response, parse_query, respond
from ..messages import RunMessage
from ..sync.requester import Requester
from .callers import Role, caller_of

_RETRY_AFTER_SECONDS = "5"


type Send = Callable[[str], None]
"""Put a start message on the queue of runs."""


class TableBody(Body):
    """A request about one registered route table, and its reason."""

    route_table_id: str
    reason: Reason


type _Handler[**P] = Callable[Concatenate[App, func.HttpRequest, P], func.HttpResponse]
type _Show = Callable[[HttpError], func.HttpResponse]


@dataclass(frozen=True, slots=True)
class Endpoint[**P]:
    """A handler that gets the app, if the caller may use it. Every error becomes an answer.

    The function knows the parameters in `query`, and refuses any other one. If it is for callers
    that have no tokens, such as Azure Monitor, it must not open anything else. Only a function that
    `is_for_senders` lets in the senders of alerts. `show` makes the answer of an error.
    """

    handler: _Handler[P]
    query: type[Query] = Query
    needs_token: bool = True
    is_for_senders: bool = False
    show: _Show = json_error

    def __call__(
        self, request: func.HttpRequest, /, *args: P.args, **named: P.kwargs
    ) -> func.HttpResponse:
        def handled() -> func.HttpResponse:
            parse_query(request, self.query)
            context = permitted(
                request, needs_token=self.needs_token, is_for_senders=self.is_for_senders
            )
            return self.handler(context, request, *args, **named)

        return respond(handled, self.show)


def endpoint[**P](
    query: type[Query] = Query,
    *,
    needs_token: bool = True,
    is_for_senders: bool = False,
    show: _Show = json_error,
) -> Callable[[_Handler[P]], Endpoint[P]]:
    """Make an endpoint of a handler."""

    def made(handler: _Handler[P]) -> Endpoint[P]:
        return Endpoint(handler, query, needs_token, is_for_senders, show)

    return made


def permitted(
    request: func.HttpRequest, *, needs_token: bool = True, is_for_senders: bool = False
) -> App:
    """A reader may look, an operator may do anything, and a sender may send alerts.

    Raise HttpError for everybody else.
    """
    context = app()
    role = Role.READER if request.method == "GET" else Role.OPERATOR
    caller = caller_of(context, request, needs_token=needs_token)
    caller.needs(role, or_sender=is_for_senders)
    return context


def starts_run(
    begin: Callable[[App, func.HttpRequest, Requester], Run],
) -> Endpoint[[Send]]:
    """Send the start message of the run that `begin` has written; say where its report will be."""

    @endpoint()
    def answer(context: App, request: func.HttpRequest, send: Send) -> func.HttpResponse:
        run = begin(context, request, caller_of(context, request).requester)
        send(str(RunMessage(run.run_id)))
        return accepted(context, request, run)

    return answer


def while_running(context: App, request: func.HttpRequest, run: Run) -> dict[str, str]:
    """Return the headers that tell the caller where and when to ask for the report."""
    location = api_url(request, f"runs/{run.run_id}", front=context.settings.public_url)
    return {
        "Location": location,
        "Retry-After": _RETRY_AFTER_SECONDS,
    }


def accepted(context: App, request: func.HttpRequest, run: Run) -> func.HttpResponse:
    headers = while_running(context, request, run)
    body: shapes.Started = {
        "runId": run.run_id,
        "status": RunStatus.RUNNING,
        "statusQueryGetUri": headers["Location"],
    }
    return json_response(body, status=202, headers=headers)


def after[T](token: str | None, items: Iterable[T], token_of: Callable[[T], str]) -> Iterator[T]:
    """Return the items after the one with this token. Raise HttpError if none has it."""
    following = iter(items)
    if token is not None and not any(token_of(item) == token for item in following):
        raise no_such_page()
    return following


def no_such_page() -> HttpError:
    return HttpError(400, codes.INVALID_QUERY, "nothing is listed with this skipToken")
