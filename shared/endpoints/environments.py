"""App Service Environments: which there are, and a route table for one that has none."""

from typing import Annotated, Literal

import azure.functions as func
from pydantic import Field, StringConstraints

from ..app import App
from ..domain.armid import SUBSCRIPTION_ID, EnvironmentId
from ..domain.errors import PermanentError
from ..domain.runs.run import Action, Mode, RunRequest, Trigger
from ..http import Body, HttpFault, invalid_body, json_response, parse_body
from ..sync.surroundings.audit import NOT_NEEDED
from ..sync.table.provision import provisioned_id, refusal_of
from .shell import endpoint, starts_run

# Source: "Use tags to organize your Azure resources", limitations.
type _TagName = Annotated[
    str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^<>%&\\?/\x00-\x1f]+$")
]
type _TagValue = Annotated[str, StringConstraints(max_length=256)]


class DiscoverBody(Body):
    subscriptions: list[str] | None = Field(None, min_length=1, max_length=1000)
    owner: str | None = Field(None, pattern=r"^[a-z0-9]{1,20}$")
    register_: bool = Field(False, alias="register")
    acknowledge: bool = False


class ProvisionBody(Body):
    ase_id: str
    mode: Literal["apply", "plan"] = "apply"
    nsg: Literal["audit", "ensure"] = "audit"
    tags: dict[_TagName, _TagValue] = Field({}, max_length=50)
    acknowledge: bool = False


@endpoint
def discover(context: App, request: func.HttpRequest) -> func.HttpResponse:
    body = parse_body(request, DiscoverBody)
    faults = [
        (f"subscriptions.{index}", "not the id of a subscription")
        for index, text in enumerate(body.subscriptions or ())
        if not SUBSCRIPTION_ID.fullmatch(text)
    ]
    if faults:
        raise invalid_body(faults)
    try:
        discovered = context.discovery.discover(
            body.subscriptions,
            owner=body.owner,
            register=body.register_,
            acknowledge=body.acknowledge,
        )
    except PermanentError as error:
        raise HttpFault(502, error.code, error.message) from error
    return json_response({"cloud": context.settings.azure_cloud, **discovered.to_json()})


@starts_run
def provision(context: App, request: func.HttpRequest, trigger: Trigger) -> RunRequest:
    body = parse_body(request, ProvisionBody)
    try:
        ase_id = EnvironmentId.parse(body.ase_id)
    except ValueError as error:
        raise invalid_body([("aseId", str(error))]) from None
    survey = context.surveyor.survey(ase_id)
    refusal = refusal_of(survey)
    if refusal is not None:
        raise HttpFault(400, refusal.code, refusal.message)
    if survey.manages_itself and not body.acknowledge:
        message = f"{NOT_NEEDED.message}; acknowledge: true makes them all the same"
        raise invalid_body([("acknowledge", message)])
    return RunRequest(
        trigger=trigger,
        mode=Mode(body.mode),
        action=Action.PROVISION,
        route_tables=(provisioned_id(ase_id),),
        ase_id=ase_id,
        azure_tags=body.tags,
        ensure_nsg=body.nsg == "ensure",
    )
