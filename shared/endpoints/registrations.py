"""Registered route tables: list, show, register, unregister and release them."""

from dataclasses import replace
from functools import partial
from urllib.parse import unquote

import azure.functions as func

from .. import answers, shapes
from ..app import App
from ..bodies import RegistrationBody
from ..domain.registry.registered_table import RegisteredTable
from ..http import Paged, Query, json_response, page, parse_body, parse_query
from ..json_shapes import registered_table_json
from ..log import log_release
from ..sync.asking import ReleaseRequest
from ..sync.registering import Expect, anything, one_of
from .callers import caller_of
from .operations import Answer, Operation, described
from .shell import TableBody, after, endpoint

_REGISTERED = Answer("The table as it is registered.", shapes.RegisteredTable, headers=("ETag",))
_PATH = "route-tables/{id}"


@described(
    Operation(
        "route_tables",
        "GET",
        "route-tables",
        "List the registered route tables, by their ids.",
        {200: Answer("A page of route tables.", shapes.RegisteredTableList)},
        operation_id="list_route_tables",
    ),
    Operation(
        "route_tables",
        "GET",
        _PATH,
        "Show one registered route table.",
        {200: _REGISTERED},
        errors=(404,),
        query=Query,
        operation_id="get_route_table",
    ),
)
@endpoint(Paged)
def list_or_get_route_tables(context: App, request: func.HttpRequest) -> func.HttpResponse:
    if request.route_params.get("id"):
        parse_query(request, Query)
        return _registered(context, context.registering.get(_id_in_url(request)))
    return _all_registered(context, request)


def _all_registered(context: App, request: func.HttpRequest) -> func.HttpResponse:
    asked = parse_query(request, Paged)
    return page(
        request,
        "route-tables",
        after(asked.skip_token, answers.registered_tables(context), _token),
        top=asked.top,
        front=context.settings.public_url,
        token_of=_token,
        render=partial(registered_table_json, newest_of=answers.newest_versions(context)),
    )


def _token(table: RegisteredTable) -> str:
    return table.route_table_id.key


@described(
    Operation(
        "register_route_table",
        "PUT",
        _PATH,
        "Register a route table, or replace its registration. Nothing changes in Azure.",
        {200: _REGISTERED, 201: replace(_REGISTERED, meaning="The table is new.")},
        body=RegistrationBody,
        errors=(412,),
    )
)
@endpoint()
def register_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    """The URL has the id of the table, or of the environment whose subnet has it."""
    body = parse_body(request, RegistrationBody)
    by = caller_of(context, request).requester
    expect = _if_match(request)
    result = context.registering.register(body.request(_id_in_url(request)), by, expect)
    return _registered(context, result.table, status=201 if result.is_new else 200)


@described(
    Operation(
        "change_route_table",
        "PATCH",
        _PATH,
        "Change of a registration what the body names. A null stands for the default.",
        {200: _REGISTERED},
        body=RegistrationBody,
        errors=(404, 412),
    )
)
@endpoint()
def change_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    body = parse_body(request, RegistrationBody)
    by = caller_of(context, request).requester
    result = context.registering.change(_id_in_url(request), body.merged, by, _if_match(request))
    return _registered(context, result.table)


@described(
    Operation(
        "unregister_route_table",
        "DELETE",
        _PATH,
        "Unregister a route table. Its routes stay as they are.",
        {204: Answer("The table is not registered any more.")},
        errors=(404, 412),
    )
)
@endpoint()
def unregister_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    by = caller_of(context, request).requester
    context.registering.unregister(_id_in_url(request), by, _if_match(request))
    return func.HttpResponse(status_code=204)


@described(
    Operation(
        "release",
        "POST",
        "release",
        "Lift every hold on a route table, and clear its contested state.",
        {200: replace(_REGISTERED, headers=())},
        body=TableBody,
    )
)
@endpoint()
def release(context: App, request: func.HttpRequest) -> func.HttpResponse:
    body = parse_body(request, TableBody)
    caller = caller_of(context, request)

    released = context.asking.release(
        ReleaseRequest(route_table=body.route_table_id, reason=body.reason)
    )
    log_release(released.route_table_id, reason=body.reason, requested_by=caller.requested_by)
    return json_response(registered_table_json(released, answers.newest_versions(context)))


def _registered(context: App, table: RegisteredTable, *, status: int = 200) -> func.HttpResponse:
    body = registered_table_json(table, answers.newest_versions(context))
    return json_response(body, status=status, headers={"ETag": table.registration.etag})


def _if_match(request: func.HttpRequest) -> Expect:
    """Return what the header `If-Match` expects of the registration. Source: RFC 9110."""
    header = request.headers.get("If-Match")
    if header is None:
        return anything
    return one_of([etag.strip() for etag in header.split(",")])


def _id_in_url(request: func.HttpRequest) -> str:
    """The id's first slash is the one before it in the path; the others may be `%2F`."""
    return "/" + unquote(request.route_params.get("id") or "").strip("/")
