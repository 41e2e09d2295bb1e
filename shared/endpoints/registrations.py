"""Registered route tables, and what is held of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Literal
from urllib.parse import unquote

import azure.functions as func
from pydantic import Field

from shared.app import App, utc_now
from shared.domain.addresses import SERVICE_TAG_NAME, is_ipv4_prefix
from shared.domain.armid import RouteTableId, is_environment_id
from shared.domain.registration import ApplyPolicy, Registration, RouteException
from shared.http import (
    Body,
    HttpFault,
    invalid_body,
    json_response,
    page,
    parse_body,
    skip_token,
)
from shared.log import log_release

from .shell import Reason, TableBody, after, enabled_registration, endpoint

# What later features bring is taken at its default and refused at any other value.


class ExceptionBody(Body):
    prefix: str
    reason: Reason
    until: date


class RegistrationBody(Body):
    ase_id: str | None = None
    service_tags: list[str] | None = Field(None, min_length=1, max_length=50)
    address_source: Literal["serviceTag"] = "serviceTag"
    route_style: Literal["prefixes"] = "prefixes"
    apply_policy: ApplyPolicy | None = None
    exceptions: list[ExceptionBody] = Field([], max_length=1000)
    enabled: bool = True
    note: str | None = Field(None, max_length=1000)


@endpoint
def list_or_get_route_tables(context: App, request: func.HttpRequest) -> func.HttpResponse:
    if request.route_params.get("id"):
        return json_response(_registered(context, request).to_json())

    def token(registration: Registration) -> str:
        return registration.route_table_id.key

    return page(
        request,
        "route-tables",
        after(skip_token(request), sorted(context.registry.list(), key=token), token),
        token_of=token,
        render=Registration.to_json,
    )


@endpoint
def register_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    route_table_id = _id_of(request)
    body = parse_body(request, RegistrationBody)
    tags = body.service_tags or [context.settings.service_tag]
    faults = [*_tag_faults(context, tags), *_exception_faults(body.exceptions)]
    if body.ase_id is not None and not is_environment_id(body.ase_id):
        faults.append(("aseId", "not the ARM id of an App Service Environment"))
    if faults:
        raise invalid_body(faults)
    existing = context.registry.get(route_table_id)
    registration = Registration(
        route_table_id=route_table_id,
        service_tags=tuple(dict.fromkeys(tags)),
        ase_id=body.ase_id,
        apply_policy=body.apply_policy,
        exceptions=tuple(RouteException(e.prefix, e.reason, e.until) for e in body.exceptions),
        enabled=body.enabled,
        note=body.note,
    )
    if existing is not None:
        registration = existing.replaced_by(registration, utc_now())
    context.registry.put(registration)
    return json_response(registration.to_json(), status=201 if existing is None else 200)


@endpoint
def unregister_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    context.registry.delete(_registered(context, request).route_table_id)
    return func.HttpResponse(status_code=204)


@endpoint
def release(context: App, request: func.HttpRequest) -> func.HttpResponse:
    """What is held no longer is: the next run brings the table to its tags."""
    body = parse_body(request, TableBody)
    registration = replace(enabled_registration(context, body.route_table_id), holds=())
    context.registry.hold(registration.route_table_id, ())
    log_release(registration.route_table_id, body.reason)
    return json_response(registration.to_json())


def _registered(context: App, request: func.HttpRequest) -> Registration:
    registration = context.registry.get(_id_of(request))
    if registration is None:
        raise HttpFault(404, "NotRegistered", "this route table is not registered")
    return registration


def _id_of(request: func.HttpRequest) -> RouteTableId:
    """The ARM id in the URL, its leading slash and `%2F` as the caller wrote them."""
    text = "/" + unquote(request.route_params.get("id") or "").strip("/")
    try:
        return RouteTableId.parse(text)
    except ValueError as error:
        raise HttpFault(400, "InvalidRouteTableId", str(error)) from None


def _tag_faults(context: App, tags: Sequence[str]) -> list[tuple[str, str]]:
    faults = {tag: fault for tag in tags if (fault := _name_fault(context, tag)) is not None}
    faults |= context.pull.unusable(set(tags) - faults.keys())
    return [(f"serviceTags.{i}", faults[tag]) for i, tag in enumerate(tags) if tag in faults]


def _name_fault(context: App, tag: str) -> str | None:
    if not SERVICE_TAG_NAME.fullmatch(tag):
        return "not the name of a service tag"
    if tag not in context.settings.allowed:
        return f"{tag} is not in ALLOWED_SERVICE_TAGS"
    return None


def _exception_faults(exceptions: Sequence[ExceptionBody]) -> list[tuple[str, str]]:
    faults = []
    for index, exception in enumerate(exceptions):
        place = f"exceptions.{index}.prefix"
        if not is_ipv4_prefix(exception.prefix):
            faults.append((place, "not an IPv4 prefix in CIDR notation"))
        elif any(exception.prefix == other.prefix for other in exceptions[:index]):
            faults.append((place, "there is an exception of this prefix already"))
    return faults
