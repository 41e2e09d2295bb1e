"""App Service Environments: find them, and give one a route table."""

from typing import Annotated, Literal

import azure.functions as func
from pydantic import Field, StringConstraints

from ..app import App
from ..bodies import Body
from ..domain.runs.run import Mode, Run
from ..http import parse_body
from ..sync.asking import DiscoverRequest, ProvisionRequest
from ..sync.requester import Requester
from ..sync.texts import (
    AZURE_TAG_NAME,
    MAX_AZURE_TAG_VALUE,
    MAX_AZURE_TAGS,
    MAX_SUBSCRIPTIONS,
    OWNER,
)
from .operations import STARTED, Operation, described
from .shell import starts_run

type TagName = Annotated[str, StringConstraints(pattern=AZURE_TAG_NAME)]
type TagValue = Annotated[str, StringConstraints(max_length=MAX_AZURE_TAG_VALUE)]


class DiscoverBody(Body):
    """Without `subscriptions`, all are searched that the app can see.

    With `owner`, tables with routes of that owner are found as well. `register` registers the
    tables that are found. With `acknowledge`, it includes those of whatever needs no routes, and
    those whose routes may harm other subnets or lead nowhere.
    """

    subscriptions: list[str] | None = Field(None, min_length=1, max_length=MAX_SUBSCRIPTIONS)
    owner: str | None = Field(None, pattern=OWNER)
    register_: bool = Field(False, alias="register")
    acknowledge: bool = False

    @property
    def request(self) -> DiscoverRequest:
        return DiscoverRequest(
            subscriptions=self.subscriptions,
            owner=self.owner,
            register=self.register_,
            acknowledge=self.acknowledge,
        )


class ProvisionBody(Body):
    """The environment's new route table gets these Azure `tags`.

    With `nsg` as `ensure`, its security group gets the rule that it lacks. An environment that
    needs no routes gets a table only with `acknowledge`.
    """

    ase_id: str
    mode: Mode = Mode.APPLY
    nsg: Literal["audit", "ensure"] = "audit"
    tags: dict[TagName, TagValue] = Field({}, max_length=MAX_AZURE_TAGS)
    acknowledge: bool = False

    @property
    def request(self) -> ProvisionRequest:
        return ProvisionRequest(
            ase=self.ase_id,
            mode=self.mode,
            azure_tags=self.tags,
            ensure_nsg=self.nsg == "ensure",
            acknowledge=self.acknowledge,
        )


@described(
    Operation(
        "discover",
        "POST",
        "discover",
        "Start a run that finds environments, resources of other services, and what is wrong.",
        {202: STARTED},
        body=DiscoverBody,
    )
)
@starts_run
def discover(context: App, request: func.HttpRequest, by: Requester) -> Run:
    return context.asking.discover(parse_body(request, DiscoverBody).request, by)


@described(
    Operation(
        "provision",
        "POST",
        "provision",
        "Start a run that gives an App Service Environment a route table.",
        {202: STARTED},
        body=ProvisionBody,
    )
)
@starts_run
def provision(context: App, request: func.HttpRequest, by: Requester) -> Run:
    return context.asking.provision(parse_body(request, ProvisionBody).request, by)
