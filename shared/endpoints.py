"""What each HTTP function does: parse, call, render."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Concatenate, Literal
from urllib.parse import unquote

import azure.functions as func
from azure.core.exceptions import AzureError
from pydantic import Field

from shared.app import App, app
from shared.domain.addresses import SERVICE_TAG_NAME, Version, difference
from shared.domain.armid import RouteTableId, is_environment_id
from shared.domain.registration import Registration
from shared.domain.report import Mode, Run, RunRequest, RunStatus, Trigger, report, utc_text
from shared.http import (
    Body,
    HttpFault,
    api_url,
    invalid_body,
    json_response,
    page,
    parse_body,
    respond,
    skip_token,
)
from shared.settings import InvalidSettings
from shared.sync.messages import RunMessage

_RETRY_AFTER_SECONDS = "5"


def _endpoint[**P](
    handler: Callable[Concatenate[App, P], func.HttpResponse],
) -> Callable[P, func.HttpResponse]:
    @functools.wraps(handler)
    def answer(*args: P.args, **kwargs: P.kwargs) -> func.HttpResponse:
        return respond(lambda: handler(app(), *args, **kwargs))

    return answer


# What later features bring is taken at its default and refused at any other value.


class SyncBody(Body):
    mode: Literal["apply", "plan"] = "apply"
    # An empty list is a fault: whoever computed it did not mean all tables.
    route_tables: list[str] | None = Field(None, min_length=1, max_length=10_000)
    ases: list[str] | None = Field(None, min_length=1, max_length=10_000)
    reason: str | None = Field(None, max_length=1000)
    change_id: str | None = Field(None, max_length=200)
    plan_run_id: None = None
    force: list[object] = Field([], max_length=0)


class RegistrationBody(Body):
    ase_id: str | None = None
    service_tags: list[str] | None = Field(None, min_length=1, max_length=50)
    address_source: Literal["serviceTag"] = "serviceTag"
    route_style: Literal["prefixes"] = "prefixes"
    apply_policy: Literal["auto"] | None = None
    exceptions: list[object] = Field([], max_length=0)
    enabled: bool = True
    note: str | None = Field(None, max_length=1000)


@_endpoint
def start_sync(
    context: App, request: func.HttpRequest, send: Callable[[str], None]
) -> func.HttpResponse:
    body = parse_body(request, SyncBody)
    run = context.create_run(
        RunRequest(
            trigger=Trigger.HTTP,
            mode=Mode(body.mode),
            route_tables=_asked(context, body),
            reason=body.reason,
            change_id=body.change_id,
        )
    )
    send(str(RunMessage(run.run_id)))
    return _accepted(request, run)


@_endpoint
def get_run(context: App, request: func.HttpRequest) -> func.HttpResponse:
    run = context.run_end.expire_if_overdue(context.runs.get(request.route_params["runId"]))
    if run is None:
        raise HttpFault(404, "RunNotFound", "there is no run with this id")
    body = report(run, context.outcomes.list(run.run_id))
    if run.ended:
        return json_response(body)
    return json_response(body, status=202, headers=_while_running(request, run))


@_endpoint
def list_runs(context: App, request: func.HttpRequest) -> func.HttpResponse:
    token = skip_token(request)
    if token is not None and context.runs.get(token) is None:
        raise _no_such_page()
    runs = context.runs.list(older_than=token)
    return page(
        request,
        "runs",
        (context.run_end.expire_if_overdue(run) for run in runs),
        token_of=lambda run: run.run_id,
        render=Run.to_json,
    )


@_endpoint
def list_or_get_route_tables(context: App, request: func.HttpRequest) -> func.HttpResponse:
    if request.route_params.get("id"):
        return json_response(_registered(context, request).to_json())

    def token(registration: Registration) -> str:
        return registration.route_table_id.key

    return page(
        request,
        "route-tables",
        _after(skip_token(request), sorted(context.registry.list(), key=token), token),
        token_of=token,
        render=Registration.to_json,
    )


@_endpoint
def register_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    route_table_id = _id_of(request)
    body = parse_body(request, RegistrationBody)
    tags = body.service_tags or [context.settings.service_tag]
    faults = _tag_faults(context, tags)
    if body.ase_id is not None and not is_environment_id(body.ase_id):
        faults.append(("aseId", "not the ARM id of an App Service Environment"))
    if faults:
        raise invalid_body(faults)
    existing = context.registry.get(route_table_id)
    registration = Registration(
        route_table_id=route_table_id,
        service_tags=tuple(dict.fromkeys(tags)),
        ase_id=body.ase_id,
        enabled=body.enabled,
        note=body.note,
        applied_version_ids=() if existing is None else existing.applied_version_ids,
        verified_at=None if existing is None else existing.verified_at,
    )
    context.registry.put(registration)
    return json_response(registration.to_json(), status=201 if existing is None else 200)


@_endpoint
def unregister_route_table(context: App, request: func.HttpRequest) -> func.HttpResponse:
    context.registry.delete(_registered(context, request).route_table_id)
    return func.HttpResponse(status_code=204)


@_endpoint
def list_versions(context: App, request: func.HttpRequest) -> func.HttpResponse:
    def token(version: Version) -> str:
        return version.version_id

    by_id = {version.version_id: version for version in context.versions.list()}
    newest_first = sorted(by_id.values(), key=lambda v: (v.recorded_at, v.version_id), reverse=True)
    return page(
        request,
        "versions",
        _after(skip_token(request), newest_first, token),
        token_of=token,
        render=lambda version: _version_json(version, by_id.get(version.previous_version_id or "")),
    )


@_endpoint
def get_version(context: App, request: func.HttpRequest) -> func.HttpResponse:
    version = context.versions.get(request.route_params["versionId"])
    if version is None:
        raise HttpFault(404, "VersionNotFound", "there is no version with this id")
    previous = context.versions.get(version.previous_version_id or "")
    return json_response(_version_json(version, previous))


def health(_request: func.HttpRequest) -> func.HttpResponse:
    return respond(_health)


def _health() -> func.HttpResponse:
    """Anyone may ask, so it says nothing of why."""
    try:
        app().account.check()
    except (AzureError, InvalidSettings) as error:
        raise HttpFault(503, "StorageUnavailable", "storage does not answer") from error
    return json_response({"status": "ok"})


def _asked(context: App, body: SyncBody) -> tuple[RouteTableId, ...]:
    """The route tables that the body names, by their own id or their environment's."""
    if body.route_tables is None and body.ases is None:
        return ()
    enabled = [r for r in context.registry.list() if r.enabled]
    by_id = {r.route_table_id.key: r.route_table_id for r in enabled}
    by_ase: dict[str, list[RouteTableId]] = {}
    for registration in enabled:
        if registration.ase_id:
            by_ase.setdefault(registration.ase_id.lower(), []).append(registration.route_table_id)
    faults: list[tuple[str, str]] = []
    asked: list[RouteTableId] = []
    for index, text in enumerate(body.route_tables or ()):
        found = by_id.get(text.lower())
        if found is None:
            faults.append((f"routeTables.{index}", _unknown_table(text)))
        else:
            asked.append(found)
    for index, text in enumerate(body.ases or ()):
        if text.lower() not in by_ase:
            faults.append((f"ases.{index}", "no enabled registration has this aseId"))
        asked += by_ase.get(text.lower(), [])
    if faults:
        raise invalid_body(faults)
    return tuple(dict.fromkeys(asked))


def _unknown_table(text: str) -> str:
    try:
        RouteTableId.parse(text)
    except ValueError as error:
        return str(error)
    return "not registered, or disabled"


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


def _id_of(request: func.HttpRequest) -> RouteTableId:
    """The ARM id in the URL, its leading slash and `%2F` as the caller wrote them."""
    text = "/" + unquote(request.route_params.get("id") or "").strip("/")
    try:
        return RouteTableId.parse(text)
    except ValueError as error:
        raise HttpFault(400, "InvalidRouteTableId", str(error)) from None


def _registered(context: App, request: func.HttpRequest) -> Registration:
    registration = context.registry.get(_id_of(request))
    if registration is None:
        raise HttpFault(404, "NotRegistered", "this route table is not registered")
    return registration


def _accepted(request: func.HttpRequest, run: Run) -> func.HttpResponse:
    headers = _while_running(request, run)
    body = {
        "runId": run.run_id,
        "status": RunStatus.RUNNING.value,
        "statusQueryGetUri": headers["Location"],
    }
    return json_response(body, status=202, headers=headers)


def _while_running(request: func.HttpRequest, run: Run) -> dict[str, str]:
    return {
        "Location": api_url(request, f"runs/{run.run_id}"),
        "Retry-After": _RETRY_AFTER_SECONDS,
    }


def _after[T](token: str | None, items: Iterable[T], token_of: Callable[[T], str]) -> Iterator[T]:
    """The items after the one with this token."""
    following = iter(items)
    if token is not None and not any(token_of(item) == token for item in following):
        raise _no_such_page()
    return following


def _no_such_page() -> HttpFault:
    return HttpFault(400, "InvalidQuery", "nothing is listed with this skipToken")


def _version_json(version: Version, previous: Version | None) -> dict[str, object]:
    change = difference(
        () if previous is None else previous.address_prefixes, version.address_prefixes
    )
    return {
        "versionId": version.version_id,
        "cloud": version.cloud,
        "serviceTag": version.service_tag,
        "changeNumber": version.change_number,
        "recordedAt": utc_text(version.recorded_at),
        "source": version.source,
        "locations": list(version.locations),
        "addressPrefixes": list(version.address_prefixes),
        "added": list(change.added),
        "removed": list(change.removed),
        "previousVersionId": version.previous_version_id,
    }
