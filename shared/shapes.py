"""The public JSON as types: `json_shapes` fills them in, and the API's description shows them.

The description names its schemas after the classes, and shows their docstrings. A key is always
there, unless it is `NotRequired`.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import WithJsonSchema

from .domain.registry.azure_tag import TagEffect
from .domain.registry.choices import AddressSource, RouteStyle
from .domain.routing.plain_list import Family
from .domain.routing.policy import ApplyPolicy
from .domain.runs.outcome import OutcomeStatus
from .domain.runs.run import Action, Mode, RunStatus, Trigger

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in ISO 8601 in UTC, with microseconds and `Z`."""
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Change = Annotated[str, WithJsonSchema({"type": "string", "enum": ["add", "update", "remove"]})]


class Finding(TypedDict):
    """A note, or an error. The page docs/operations.md explains every code."""

    code: str
    message: str


class Fault(TypedDict):
    """One part of a request that is wrong. `target` is its place, such as `routeTables.0`."""

    target: str
    message: str


class ErrorDetail(TypedDict):
    """The code and the message of an error. `details` lists every fault of the request."""

    code: str
    message: str
    details: NotRequired[list[Fault]]


class Error(TypedDict):
    """Why the request was refused, or could not be answered."""

    error: ErrorDetail


class Health(TypedDict):
    """Storage answers."""

    status: Literal["ok"]


class Started(TypedDict):
    """The run that was started. Its report is at the URL."""

    runId: str
    status: Literal[RunStatus.RUNNING]
    statusQueryGetUri: str


class IgnoredAlert(TypedDict):
    """The reason why an alert starts no run."""

    status: Literal["ignored"]
    ignored: str


class ValidationAnswer(TypedDict):
    """The answer with which Event Grid takes the app for the owner of its address."""

    validationResponse: str


class Retained(TypedDict):
    """A prefix that left the tag, and is kept until this day."""

    prefix: str
    until: Day


Update = TypedDict("Update", {"prefix": str, "from": str, "to": str})
"""A route of ours that was changed, in words."""


class Withheld(TypedDict):
    """A change that the run did not make, and the code of the reason."""

    prefix: str
    change: Change
    why: str


class Conflict(TypedDict):
    """Somebody else's route that keeps a wanted prefix from its route.

    `accepted` is the reason of the exception that accepts it.
    """

    prefix: str
    routeName: str
    nextHopType: str
    nextHopIpAddress: str | None
    accepted: str | None


class Violation(TypedDict):
    """A guard that spoke against the plan."""

    code: str
    message: str
    observed: float
    limit: float
    forceable: bool


class Routes(TypedDict):
    """The prefixes by what became of them."""

    added: list[str]
    removed: list[str]
    updated: list[str]
    updates: list[Update]
    covered: list[str]
    retained: list[Retained]
    withheld: list[Withheld]


class Faults(TypedDict):
    """Everything that a person may have to look at."""

    conflicts: list[Conflict]
    violations: list[Violation]
    findings: list[Finding]
    error: Finding | None


class Outcome(Routes, Faults):
    """The result for one route table.

    `updates` shows the updated routes as they were and as they are, and those whose update is
    withheld as they are and would be. For the prefixes in `covered`,
    somebody else's route to the Internet is already there. `correlationId` belongs to the last
    request to Azure, and is for a support request.
    """

    routeTableId: str
    status: OutcomeStatus
    versionIds: list[str]
    planChecksum: str
    correlationId: str | None
    durationMs: int


class Counts(TypedDict):
    """The number of route tables with each status."""

    unchanged: int
    planned: int
    changed: int
    conflict: int
    blocked: int
    failed: int


class AnyRun(TypedDict):
    runId: str
    action: Action
    trigger: Trigger
    mode: Mode
    status: RunStatus
    reason: str | None
    changeId: str | None
    requestedBy: str | None
    startedAt: Moment
    finishedAt: Moment | None
    error: Finding | None
    counts: Counts


class AnyVersionSeen(TypedDict):
    versionId: str
    cloud: str
    serviceTag: str | None
    changeNumber: str


class VersionCounts(AnyVersionSeen):
    """A version that a run worked from, with numbers instead of the prefixes in the report.

    `serviceTag` is null if the version is the answer of an App Service Environment.
    """

    addedCount: int
    removedCount: int


class Run(AnyRun):
    """A run in a list. Its report also has the outcomes, and the prefixes of its versions.

    `error` has stopped or limited the whole run.
    """

    versions: list[VersionCounts]


class VersionSeen(AnyVersionSeen):
    """A version that a run worked from.

    `added` and `removed` compare it with the version before it. They are empty unless this very run
    recorded it. `serviceTag` is null if the version is the answer of an App Service Environment.
    """

    added: list[str]
    removed: list[str]


class FoundEnvironment(TypedDict):
    """An App Service Environment, and what is wrong with its surroundings."""

    aseId: str
    kind: str
    location: str
    subnetId: str | None
    routeTableId: str | None
    networkSecurityGroupId: str | None
    registered: bool
    faults: list[Finding]


class FoundSubnet(TypedDict):
    """A subnet of a resource, and whether its route table is registered."""

    subnetId: str
    routeTableId: str | None
    networkSecurityGroupId: str | None
    registered: bool


class FoundService(TypedDict):
    """A resource of a service that may need such routes, and what is wrong around it.

    `service` is the name of the service in registrations.
    """

    resourceId: str
    service: str
    location: str
    subnets: list[FoundSubnet]
    faults: list[Finding]


class FoundRouteTable(TypedDict):
    """A route table with routes of the owner that the discovery looked for."""

    routeTableId: str
    ownedRoutes: int
    aseId: str | None
    registered: bool


class SubscriptionError(TypedDict):
    """A part of a subscription that could not be read or registered."""

    subscriptionId: str
    code: str
    message: str


class Discovery(TypedDict):
    """Everything that a discovery has found, so far if it goes on.

    `value` has the environments, and `services` the resources of other services.
    """

    cloud: str
    value: list[FoundEnvironment]
    services: list[FoundService]
    routeTables: list[FoundRouteTable]
    errors: list[SubscriptionError]


class CheckedTable(TypedDict):
    """One route table as a daily check found it."""

    routeTableId: str
    right: bool
    status: OutcomeStatus | None
    error: Finding | None
    daysSinceRight: float
    routes: int | None
    routeLimit: int | None
    held: int
    contested: bool
    poisoned: bool


class Alarm(TypedDict):
    code: str
    message: str
    routeTableId: str | None


class Figures(TypedDict):
    """Numbers of route tables, and the age in days of the one that was right longest ago."""

    tables: int
    right: int
    notJudged: int
    poisoned: int
    held: int
    contested: int
    maxDaysSinceRight: float


class Document(TypedDict):
    """The tags as the locations answer them."""

    changeNumbers: dict[str, str]
    since: Moment
    staleLocations: list[str]
    flippingLocations: list[str]


class Sources(TypedDict):
    """The service tags, lists and environments that name the addresses.

    The sources in `differs` differ from their newest recorded version.
    """

    serviceTags: list[str]
    differs: list[str]
    unusable: dict[str, Finding]
    versions: list[str]
    document: Document
    documentUnchangedDays: int


class TagChange(TypedDict):
    """A registration that the Azure tag of its table has made, changed or removed."""

    routeTableId: str
    change: TagEffect
    message: str


class Check(Figures, Sources):
    """Everything that a daily check has found. `runId` is the run that it started, if any.

    `tagChanges` are the registrations that Azure tags have changed, and `tagsNotRead` says why the
    Azure tags of some subscriptions were not read.
    """

    checkId: str
    at: Moment
    routeTables: list[CheckedTable]
    runId: str | None
    alarms: list[Alarm]
    tagChanges: list[TagChange]
    tagsNotRead: list[SubscriptionError]


class _List(TypedDict):
    nextLink: str | None


class WholeRun(AnyRun):
    versions: list[VersionSeen]
    outcomes: list[Outcome]


class Report(WholeRun):
    """A run with the outcomes of its route tables, so far if it goes on. The worst comes first.

    `error` has stopped or limited the whole run. `notBegun` are the route tables that a run had not
    begun when it was stopped. `result` is there if the run is not about route tables: what a
    discovery has found so far, or what a check has found in the end.
    """

    notBegun: NotRequired[list[str]]
    result: NotRequired[Discovery | Check | None]


class RouteException(TypedDict):
    """A conflict that a person has accepted until the end of this day."""

    prefix: str
    reason: str
    until: Day


class Pin(TypedDict):
    """The version at which a person keeps one source of the table."""

    versionId: str
    reason: str


class Registration(TypedDict):
    """A registration as a person asked for it. It can be sent back as it is."""

    aseId: str | None
    service: str | None
    region: str | None
    serviceTags: list[str]
    addressSource: AddressSource
    routeStyle: RouteStyle
    applyPolicy: ApplyPolicy | None
    exceptions: list[RouteException]
    enabled: bool
    note: str | None
    pin: Pin | None


class Hold(TypedDict):
    """A prefix that stays as a rollback has left it."""

    prefix: str
    routed: bool
    undoneRunId: str
    rollbackRunId: str


class Undone(TypedDict):
    """A write of this app that somebody undid."""

    at: Moment
    runId: str
    by: list[str]


class Contest(TypedDict):
    """Somebody undoes again and again what this app writes."""

    since: Moment
    by: list[str]
    undone: list[Undone]


class LastOutcome(TypedDict):
    """The result of the last run that was to write the table.

    `poisoned` is true if all deliveries of the table's message have failed.
    """

    runId: str
    at: Moment
    status: OutcomeStatus
    error: Finding | None
    poisoned: bool


class TableVersions(TypedDict):
    """The ids of the versions that are wanted, that were applied, and that are there."""

    desiredVersionIds: list[str]
    appliedVersionIds: list[str]
    newestVersionIds: list[str]
    pinnedSince: Moment | None


class SeenStatus(TypedDict):
    held: list[Hold]
    contested: Contest | None
    verifiedAt: Moment | None
    environmentSuspended: bool
    lastOutcome: LastOutcome | None


class Changed(TypedDict):
    changedAt: Moment | None
    changedBy: str | None
    madeByTag: bool


class Status(TableVersions, SeenStatus, Changed):
    """All that runs and checks have seen of the table.

    The table was last found right at `verifiedAt`, with the versions of `appliedVersionIds`. Its
    registration last changed at `changedAt`. If it is `madeByTag`, the Azure tag of the table has
    made it, and no person has changed it since.
    """


class RegisteredTable(TypedDict):
    """A registered route table. If its row cannot be read, there is an `error` and nothing else."""

    routeTableId: str
    registration: Registration | None
    status: Status | None
    error: NotRequired[Finding]


class Lack(TypedDict):
    """A prefix that the weekly file of service tags has and the API lacks.

    `since` is the day of the first file that showed it so, and `changeNumber` the number of that
    file, which is no number of the API.
    """

    prefix: str
    since: Day
    changeNumber: str


class Version(TypedDict):
    """The addresses that a service tag, a list or an App Service Environment named at one time.

    `serviceTag` is the name of the tag or list. A list has the day on which it was verified as
    `changeNumber`, and its page under `locations`.
    `added` and `removed` compare it with the version before it. `apiLacks` are those of its
    addresses that come from the weekly file alone.
    """

    versionId: str
    cloud: str
    serviceTag: str | None
    changeNumber: str
    recordedAt: Moment
    source: Literal["ase", "customList", "serviceTag"]
    locations: list[str]
    addressPrefixes: list[str]
    added: list[str]
    removed: list[str]
    previousVersionId: str | None
    apiLacks: list[Lack]


class PlainList(TypedDict):
    """The addresses of a service tag or list, for others.

    They are those of its newest version, and those that left it less than the grace ago, which
    `retained` names. The list is as it is since `changedAt`.
    """

    name: str
    family: Family
    cloud: str
    versionId: str
    changeNumber: str
    recordedAt: Moment
    changedAt: Moment
    addressPrefixes: list[str]
    retained: list[Retained]


class RunList(_List):
    """One page. `nextLink` is the URL of the next one, also after an empty page, or null."""

    value: list[Run]


class RegisteredTableList(_List):
    """One page. `nextLink` is the URL of the next one, also after an empty page, or null."""

    value: list[RegisteredTable]


class VersionList(_List):
    """One page. `nextLink` is the URL of the next one, also after an empty page, or null."""

    value: list[Version]
