"""Registered route tables: list, show, register, unregister and release them."""

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import unquote

import azure.functions as func
from pydantic import Field

from .. import answers
from ..app import App
from ..domain.registry.choices import AddressSource, RouteStyle
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import RouteException
from ..domain.routing.policy import ApplyPolicy
from ..http import Body, check_query, json_response, page, parse_body, skip_token
from ..json_shapes import registered_table_json
from ..log import log_release
from ..sync.asking import ReleaseRequest
from ..sync.registering import Expect, PinRequest, RegisterRequest, anything, one_of
from ..sync.texts import MAX_EXCEPTION_REASON, MAX_EXCEPTIONS, MAX_NOTE, MAX_TAGS
from .callers import caller_of
from .shell import PAGED, Reason, TableBody, after, endpoint


class ExceptionBody(Body):
    prefix: str
    reason: str = Field(min_length=1, max_length=MAX_EXCEPTION_REASON)
    until: date

    @property
    def accepted(self) -> RouteException:
        return RouteException(self.prefix, self.reason, self.until)


class PinBody(Body):
    version_id: str
    reason: Reason

    @property
    def request(self) -> PinRequest:
        return PinRequest(self.version_id, self.reason)


class RegistrationBody(Body):
    """A registration as a person asks for it; a key that is null stands for its default."""

    ase_id: str | None = None
    service_tags: list[str] | None = Field(None, min_length=1, max_length=MAX_TAGS)
    address_source: AddressSource | None = None
    route_style: RouteStyle | None = None
    apply_policy: ApplyPolicy | None = None
    exceptions: list[ExceptionBody] | None = Field(None, max_length=MAX_EXCEPTIONS)
    enabled: bool | None = None
    note: str | None = Field(None, max_length=MAX_NOTE)
    pin: PinBody | None = None
    acknowledge: bool | None = None

    def request(self, resource_id: str) -> RegisterRequest:
        """Return what replaces a registration."""
        return self.merged(RegisterRequest(resource_id=resource_id))

    def merged(self, existing: RegisterRequest) -> RegisterRequest:
        """Return what is merged into the existing one, as RFC 7396 says: null removes."""
        default = RegisterRequest(resource_id=existing.resource_id)
        exceptions = [one.accepted for one in self.exceptions or ()] or None
        pin = self.pin.request if self.pin else None
        values = {"ase": self.ase_id, "exceptions": exceptions, "pin": pin}

        given: dict[str, Any] = {}
        for key in self.model_fields_set:
            name = "ase" if key == "ase_id" else key
            value = values.get(name, getattr(self, key))
            given[name] = getattr(default, name) if value is None else value

        return replace(existing, **given)


@endpoint(*PAGED)
def list_or_get_route_tables(context: App, request: func.HttpRequest) -> func.HttpResponse:
    if request.route_params.get("id"):
        check_query(request)
        return _registered(context, context.registering.get(_id_in_url(request)))
    return _all_registered(context, request)


def _all_registered(context: App, request: func.HttpRequest) -> func.HttpResponse:
    def token(table: RegisteredTable) -> str:
        return table.route_table_id.key

    return page(
        request,
        "route-tables",
        after(skip_token(request), answers.registered_tables(context), token),
        front=context.settings.public_url,
        token_of=token,
        render=partial(registered_table_json, newest_of=answers.newest_versions(context)),
    )


@endpoint()
def register_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    """The URL has the id of the table, or of the environment whose subnet has it."""
    body = parse_body(request, RegistrationBody)
    by = caller_of(context, request).requester
    expect = _if_match(request)
    result = context.registering.register(body.request(_id_in_url(request)), by, expect)
    return _registered(context, result.table, status=201 if result.is_new else 200)


@endpoint()
def change_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    body = parse_body(request, RegistrationBody)
    by = caller_of(context, request).requester
    result = context.registering.change(_id_in_url(request), body.merged, by, _if_match(request))
    return _registered(context, result.table)


@endpoint()
def unregister_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    by = caller_of(context, request).requester
    context.registering.unregister(_id_in_url(request), by, _if_match(request))
    return func.HttpResponse(status_code=204)


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
