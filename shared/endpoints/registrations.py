"""Registered route tables: list, show, register, unregister and release them."""

from datetime import date
from urllib.parse import unquote

import azure.functions as func
from pydantic import Field

from .. import answers
from ..app import App
from ..domain.registry.choices import AddressSource, RouteStyle
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import RouteException
from ..domain.routing.policy import ApplyPolicy
from ..http import Body, json_response, page, parse_body, skip_token
from ..json_shapes import registered_table_json
from ..log import log_release
from ..sync.asking import ReleaseRequest
from ..sync.registering import RegisterRequest
from ..sync.texts import MAX_EXCEPTION_REASON, MAX_EXCEPTIONS, MAX_NOTE, MAX_TAGS
from .callers import caller_of
from .shell import TableBody, after, endpoint


class ExceptionBody(Body):
    prefix: str
    reason: str = Field(min_length=1, max_length=MAX_EXCEPTION_REASON)
    until: date

    @property
    def accepted(self) -> RouteException:
        return RouteException(self.prefix, self.reason, self.until)


class RegistrationBody(Body):
    ase_id: str | None = None
    service_tags: list[str] | None = Field(None, min_length=1, max_length=MAX_TAGS)
    address_source: AddressSource = AddressSource.SERVICE_TAG
    route_style: RouteStyle = RouteStyle.PREFIXES
    apply_policy: ApplyPolicy | None = None
    exceptions: list[ExceptionBody] = Field([], max_length=MAX_EXCEPTIONS)
    enabled: bool = True
    note: str | None = Field(None, max_length=MAX_NOTE)
    acknowledge: bool = False

    def request(self, resource_id: str) -> RegisterRequest:
        return RegisterRequest(
            resource_id=resource_id,
            ase=self.ase_id,
            service_tags=self.service_tags or (),
            address_source=self.address_source,
            route_style=self.route_style,
            apply_policy=self.apply_policy,
            exceptions=[exception.accepted for exception in self.exceptions],
            enabled=self.enabled,
            note=self.note,
            acknowledge=self.acknowledge,
        )


@endpoint
def list_or_get_route_tables(context: App, request: func.HttpRequest) -> func.HttpResponse:
    if request.route_params.get("id"):
        return json_response(registered_table_json(context.registering.get(_id_in_url(request))))

    def token(table: RegisteredTable) -> str:
        return table.route_table_id.key

    return page(
        request,
        "route-tables",
        after(skip_token(request), answers.registered_tables(context), token),
        token_of=token,
        render=registered_table_json,
    )


@endpoint
def register_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    """The URL has the id of the table, or of the environment whose subnet has it."""
    body = parse_body(request, RegistrationBody)
    result = context.registering.register(body.request(_id_in_url(request)))
    status = 201 if result.is_new else 200
    return json_response(registered_table_json(result.table), status=status)


@endpoint
def unregister_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    context.registering.unregister(_id_in_url(request))
    return func.HttpResponse(status_code=204)


@endpoint
def release(context: App, request: func.HttpRequest) -> func.HttpResponse:
    body = parse_body(request, TableBody)
    caller = caller_of(context, request)

    released = context.asking.release(
        ReleaseRequest(route_table=body.route_table_id, reason=body.reason)
    )
    log_release(released.route_table_id, reason=body.reason, requested_by=caller.requested_by)
    return json_response(registered_table_json(released))


def _id_in_url(request: func.HttpRequest) -> str:
    """Callers write the id with or without its leading slash, and a slash as `%2F` as well."""
    return "/" + unquote(request.route_params.get("id") or "").strip("/")
