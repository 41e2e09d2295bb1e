"""Registered route tables, and what is held of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import unquote

import azure.functions as func
from pydantic import Field

from ..app import App, utc_now
from ..domain.addresses import is_ipv4_prefix, is_service_tag
from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.errors import PermanentError, RouteSyncError
from ..domain.registry.choices import AddressSource, RouteStyle
from ..domain.registry.contest import Contest
from ..domain.registry.registration import Registration, RouteException
from ..domain.routing.policy import ApplyPolicy
from ..domain.routing.routable_tags import why_not_routable
from ..http import Body, HttpFault, invalid_body, json_response, page, parse_body, skip_token
from ..log import log_release
from ..sync.surroundings.audit import NOT_NEEDED
from ..sync.surroundings.survey import Survey
from .callers import caller_of
from .shell import (
    Reason,
    TableBody,
    after,
    enabled_registration,
    endpoint,
    existing_registration,
    table_id,
)

type _Faults = list[tuple[str, str]]


class ExceptionBody(Body):
    prefix: str
    reason: Reason
    until: date


class RegistrationBody(Body):
    ase_id: str | None = None
    service_tags: list[str] | None = Field(None, min_length=1, max_length=50)
    address_source: AddressSource = AddressSource.SERVICE_TAG
    route_style: RouteStyle = RouteStyle.PREFIXES
    apply_policy: ApplyPolicy | None = None
    exceptions: list[ExceptionBody] = Field([], max_length=1000)
    enabled: bool = True
    note: str | None = Field(None, max_length=1000)
    acknowledge: bool = False


@endpoint
def list_or_get_route_tables(context: App, request: func.HttpRequest) -> func.HttpResponse:
    if request.route_params.get("id"):
        return json_response(existing_registration(context, _id_text(request)).to_json())

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
    """By the table's own id, or by that of the environment whose subnet has it."""
    body = parse_body(request, RegistrationBody)
    ase_id, faults = _ase_id(request, body)
    survey = None
    if ase_id is not None and EnvironmentId.matches(_id_text(request)):
        survey = context.surveyor.survey(ase_id)
        route_table_id = _table_of(survey)
    else:
        route_table_id = table_id(_id_text(request))
    existing = context.registry.get(route_table_id)
    known = existing is not None and existing.ase_id == ase_id
    if ase_id is not None and not known:
        survey = survey or context.surveyor.survey(ase_id)
        faults += _environment_faults(survey, acknowledge=body.acknowledge)
    tags = body.service_tags or [context.settings.service_tag]
    faults += [*_tag_faults(context, tags), *_exception_faults(body.exceptions)]
    if body.address_source is not AddressSource.SERVICE_TAG:
        faults += _source_faults(context, ase_id)
    if not faults and body.route_style is RouteStyle.SERVICE_TAG:
        faults = _style_faults(context, body, route_table_id, tags)
    if faults:
        raise invalid_body(faults)
    registration = Registration(
        route_table_id=route_table_id,
        service_tags=tuple(dict.fromkeys(tags)),
        ase_id=ase_id,
        address_source=body.address_source,
        route_style=body.route_style,
        apply_policy=body.apply_policy,
        exceptions=tuple(RouteException(e.prefix, e.reason, e.until) for e in body.exceptions),
        enabled=body.enabled,
        note=body.note,
    )
    if existing is not None:
        registration = existing.replaced_by(registration, utc_now())
    if registration.subnet_ids is None:
        registration = replace(registration, subnet_ids=_subnets_of(context, route_table_id))
    context.registry.put(registration)
    return json_response(registration.to_json(), status=201 if existing is None else 200)


@endpoint
def unregister_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    context.registry.delete(existing_registration(context, _id_text(request)).route_table_id)
    return func.HttpResponse(status_code=204)


@endpoint
def release(context: App, request: func.HttpRequest) -> func.HttpResponse:
    """What is held or contested no longer is: the next run brings the table to its tags."""
    body = parse_body(request, TableBody)
    registration = replace(
        enabled_registration(context, body.route_table_id), holds=(), contest=Contest()
    )
    context.registry.release(registration.route_table_id)
    log_release(
        registration.route_table_id,
        reason=body.reason,
        requested_by=caller_of(context, request).requested_by,
    )
    return json_response(registration.to_json())


def _id_text(request: func.HttpRequest) -> str:
    """The ARM id in the URL, its leading slash and `%2F` as the caller wrote them."""
    return "/" + unquote(request.route_params.get("id") or "").strip("/")


def _ase_id(
    request: func.HttpRequest, body: RegistrationBody
) -> tuple[EnvironmentId | None, _Faults]:
    """Of the URL, else of the body: they must not differ."""
    text = _id_text(request)
    if EnvironmentId.matches(text):
        differs = body.ase_id is not None and body.ase_id.lower() != text.lower()
        return EnvironmentId.parse(text), [("aseId", f"the URL names {text}")] if differs else []
    if body.ase_id is None:
        return None, []
    try:
        return EnvironmentId.parse(body.ase_id), []
    except ValueError as error:
        return None, [("aseId", str(error))]


def _table_of(survey: Survey) -> RouteTableId:
    """The table of the environment's subnet; raise the named fault why there is none."""
    if survey.route_table_id is None:
        fault = survey.faults[-1]
        raise HttpFault(400, fault.code, fault.message)
    return survey.route_table_id


def _environment_faults(survey: Survey, *, acknowledge: bool) -> _Faults:
    if survey.environment is None:
        return [("aseId", f"{fault.code}: {fault.message}") for fault in survey.faults]
    if survey.manages_itself and not acknowledge:
        return [("acknowledge", f"{NOT_NEEDED.message}; acknowledge: true registers it")]
    return []


def _source_faults(context: App, ase_id: EnvironmentId | None) -> _Faults:
    if ase_id is None:
        return [("addressSource", "ase and both need an aseId")]
    return [("addressSource", why) for why in context.pull.unusable([ase_id.key]).values()]


def _style_faults(
    context: App, body: RegistrationBody, route_table_id: RouteTableId, tags: Sequence[str]
) -> _Faults:
    """Why Azure would not take a route for each of these tags."""
    if body.address_source is AddressSource.ASE:
        return [("routeStyle", "the addresses that an environment's own API names are no tag")]
    reasons = (why_not_routable(context.settings.azure_cloud, tag) for tag in tags)
    faults = [("routeStyle", why) for why in reasons if why is not None]
    return faults or _tag_limit_faults(context, route_table_id, tags)


def _subnets_of(context: App, route_table_id: RouteTableId) -> frozenset[str] | None:
    """So that an alert of one of them finds the table before its first run."""
    try:
        return context.route_tables.read(route_table_id).subnet_ids
    except RouteSyncError:
        return None


def _tag_limit_faults(context: App, route_table_id: RouteTableId, tags: Sequence[str]) -> _Faults:
    """Each run judges it again; where the table can't be read now, a run will say so."""
    try:
        table = context.route_tables.read(route_table_id)
    except PermanentError:
        return []
    limit = context.route_limits.tag_routes(route_table_id.subscription_id, table.location)
    wanted = {route.prefix for route in table.routes if route.network is None} | {*tags}
    if limit is None or len(wanted) <= limit:
        return []
    message = f"{len(wanted)} routes with a service tag would stand where {limit} may"
    return [("routeStyle", message)]


def _tag_faults(context: App, tags: Sequence[str]) -> _Faults:
    faults = {tag: fault for tag in tags if (fault := _name_fault(context, tag)) is not None}
    faults |= context.pull.unusable(set(tags) - faults.keys())
    return [(f"serviceTags.{i}", faults[tag]) for i, tag in enumerate(tags) if tag in faults]


def _name_fault(context: App, tag: str) -> str | None:
    if not is_service_tag(tag):
        return "not the name of a service tag"
    if tag not in context.settings.allowed:
        return f"{tag} is not in ALLOWED_SERVICE_TAGS"
    return None


def _exception_faults(exceptions: Sequence[ExceptionBody]) -> _Faults:
    faults = []
    for index, exception in enumerate(exceptions):
        place = f"exceptions.{index}.prefix"
        if not is_ipv4_prefix(exception.prefix):
            faults.append((place, "not an IPv4 prefix in CIDR notation"))
        elif any(exception.prefix == other.prefix for other in exceptions[:index]):
            faults.append((place, "there is an exception of this prefix already"))
    return faults
