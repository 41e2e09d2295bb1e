"""Every code that people meet: what it means, how grave it is, and what to do about it.

A report, an alarm, a notice, an HTTP answer and a command show a code by its name. Names are in
PascalCase, as the names of Azure's own codes are. docs/operations.md lists them with
`make codes`. A code that only Azure knows passes through: `lookup` makes a record for it.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from types import MappingProxyType


class Grade(StrEnum):
    """How grave it is, from good to bad."""

    INFO = "info"
    """Nobody needs to do anything."""
    ATTENTION = "attention"
    """Somebody should look at it; routes are kept right meanwhile."""
    BLOCKS = "blocks"
    """A guard withholds a change, or the whole table."""
    FAILS = "fails"
    """The request, the run or the table failed."""


class Place(StrEnum):
    """The places in which people meet a code."""

    REPORT = "report"
    ALARM = "alarm"
    REQUEST = "request"
    """The answer of an HTTP function or of a command that is refused."""


_REPORT = (Place.REPORT,)
_ALARM = (Place.ALARM,)
_REQUEST = (Place.REQUEST,)


@dataclass(frozen=True, slots=True)
class Code:
    """One code. `forceable` says whether a person may let a plan pass this guard; `azure` says
    that Azure answers it; `related` are the names of codes that explain it further.
    """

    name: str
    grade: Grade
    _: KW_ONLY
    meaning: str
    remedy: str
    forceable: bool = False
    places: tuple[Place, ...] = _REPORT
    related: tuple[str, ...] = ()
    azure: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def advice(self) -> str:
        """Its meaning and its remedy, as one text."""
        return f"{self.meaning} {self.remedy}"

    @property
    def to_do(self) -> str:
        """What the message of one of Azure's own codes ends with."""
        return f"What to do: {self.remedy}"


# Sources of addresses

TAG_UNAVAILABLE = Code(
    "TagUnavailable",
    Grade.FAILS,
    meaning="A service tag could not be read, or its answer is missing, empty or implausible.",
    remedy=(
        "Read the message. Check that the app's identity may read service tags in "
        "SERVICE_TAG_SUBSCRIPTION_ID, that each location in SERVICE_TAG_LOCATIONS answers, and "
        "that MIN_PREFIX_LENGTH does not refuse a prefix that is right. "
        "Until then the app only repairs its tables, from the last recorded version."
    ),
    places=(Place.REPORT, Place.ALARM),
    related=("AseUnavailable", "ListUnavailable", "RightsLostOnTag"),
)
LIST_UNAVAILABLE = Code(
    "ListUnavailable",
    Grade.FAILS,
    meaning="A list of your own could not be read, or it is missing, empty or wrong.",
    remedy=(
        "Read the message, and correct the list in CUSTOM_LISTS or in the blob that it names. "
        "Until then the app only repairs the tables with this list, from the last recorded version."
    ),
    places=(Place.REPORT, Place.ALARM),
    related=("TagUnavailable", "ListNotRouted"),
)
ASE_UNAVAILABLE = Code(
    "AseUnavailable",
    Grade.FAILS,
    meaning="The addresses that an App Service Environment's own API names could not be read.",
    remedy=(
        "Check that the environment exists and that the app's identity may read it. Until then "
        "the app only repairs its tables, from the last recorded version."
    ),
    related=("TagUnavailable",),
)
API_LACKS_ADDRESSES = Code(
    "ApiLacksAddresses",
    Grade.INFO,
    meaning=(
        "The weekly file has addresses of a service tag that the Service Tag Discovery API does "
        "not have. They are wanted as well."
    ),
    remedy=(
        "Nothing needs to be done. The message names the first weekly file that showed it so. "
        "Its change number and the one of the API are different counters."
    ),
    related=("WeeklyFileUnusable",),
)
WEEKLY_FILE_UNUSABLE = Code(
    "WeeklyFileUnusable",
    Grade.ATTENTION,
    meaning=(
        "The weekly file of PUBLISHED_TAGS_URL could not be read or believed. It adds no address, "
        "and the addresses that it added before stay for 35 days from its date."
    ),
    remedy=(
        "The message says why. If a host cannot be reached, ase-route-sync doctor names the "
        "firewall rule to ask for. See docs/weekly-file.md."
    ),
    places=(Place.REPORT, Place.ALARM),
    related=("WeeklyFileStale", "BlobNotFound", "BlobRoleMissing"),
)
WEEKLY_FILE_STALE = Code(
    "WeeklyFileStale",
    Grade.ATTENTION,
    meaning=(
        "The weekly file of PUBLISHED_TAGS_URL is older than 35 days. It adds no address any more: "
        "what it alone had leaves the tags, with the grace of any address."
    ),
    remedy=(
        "Upload the newest file if it is a blob, and name Microsoft's download page instead of one "
        "file otherwise. See docs/weekly-file.md."
    ),
    places=(Place.REPORT, Place.ALARM),
    related=("WeeklyFileUnusable",),
)
SERVICE_TAG_NOT_ALLOWED = Code(
    "ServiceTagNotAllowed",
    Grade.FAILS,
    meaning="A registered service tag or list is not allowed by ALLOWED_SERVICE_TAGS.",
    remedy="Add it or its service to ALLOWED_SERVICE_TAGS, or register the table with another tag.",
)
SERVICE_TAG_NOT_ROUTABLE = Code(
    "ServiceTagNotRoutable",
    Grade.FAILS,
    meaning="Azure accepts no route that has this service tag as its prefix.",
    remedy="Register the table with routeStyle: prefixes.",
    related=("NoTagCapacity", "TagRouteUnconfirmed"),
)
SERVICE_TAG_MISSING = Code(
    "ServiceTagMissing",
    Grade.ATTENTION,
    meaning=(
        "This release knows a further tag of the table's service, and the tag is not allowed, is "
        "not published in the region, can have no route of its own (routeStyle: serviceTag), or "
        "could not be asked for. The table has no routes for it."
    ),
    remedy=(
        "If the tag is not allowed, add the service to ALLOWED_SERVICE_TAGS. Otherwise no action "
        "is needed: each run tries again."
    ),
)
LIST_NOT_ROUTED = Code(
    "ListNotRouted",
    Grade.INFO,
    meaning="No route can have a list of your own as its prefix, so its prefixes have routes.",
    remedy="No action is needed.",
    related=("ServiceTagNotRoutable",),
)
TAG_ROUTE_UNCONFIRMED = Code(
    "TagRouteUnconfirmed",
    Grade.ATTENTION,
    meaning=(
        "Neither the answer with the service tags nor the published file says whether a route may "
        "have this service tag as its prefix."
    ),
    remedy=(
        "No action is needed if Azure accepts the route. If Azure refuses it, the table stays as "
        "it is: register it with routeStyle: prefixes."
    ),
    related=("ServiceTagNotRoutable",),
)
NOT_COMPARED = Code(
    "NotCompared",
    Grade.ATTENTION,
    meaning="The service tag and the environment's own API were not compared: one was not read.",
    remedy="Follow the remedy of the code that says which of the two could not be read.",
    related=("TagUnavailable", "AseUnavailable"),
)
ONLY_SERVICE_TAG_KNOWS = Code(
    "OnlyServiceTagKnows",
    Grade.INFO,
    meaning="The service tag contains addresses that the environment's own API does not name.",
    remedy="No action is needed: that API is known to lag behind the tag.",
    related=("OnlyAseKnows",),
)
ONLY_ASE_KNOWS = Code(
    "OnlyAseKnows",
    Grade.ATTENTION,
    meaning="The environment's own API names addresses that the service tag does not contain.",
    remedy="If these addresses need routes, register the table with addressSource: both.",
    related=("OnlyServiceTagKnows",),
)

# A table in a run

NOT_REGISTERED = Code(
    "NotRegistered",
    Grade.FAILS,
    meaning=(
        "The route table is not registered, or it has been unregistered or disabled since the "
        "request."
    ),
    remedy="If the table is to be kept right, register it or enable its registration.",
    places=(Place.REPORT, Place.REQUEST),
    related=("NoTableRegistered",),
)
ROW_UNREADABLE = Code(
    "RowUnreadable",
    Grade.FAILS,
    meaning="The table is registered, but its row in storage cannot be read.",
    remedy=(
        "If somebody has edited the row by hand, undo that. Otherwise unregister the table and "
        "register it again."
    ),
    places=(Place.REPORT, Place.REQUEST),
)
REGISTRATION_CHANGED = Code(
    "RegistrationChanged",
    Grade.FAILS,
    meaning="Somebody else changed the registration at the same time.",
    remedy="Read the registration again, then change it.",
    places=(Place.REPORT, Place.REQUEST),
)
ALREADY_REGISTERED = Code(
    "AlreadyRegistered",
    Grade.FAILS,
    meaning="The route table is registered already, so the command would replace what is there.",
    remedy="Change the registration with ase-route-sync tables set.",
    places=_REQUEST,
    related=("NotRegistered",),
)
NOT_PLANNED = Code(
    "NotPlanned",
    Grade.FAILS,
    meaning="The run that was approved has no plan of this table.",
    remedy="Start a new plan run, look at it, and approve that run.",
    related=("PlanChanged",),
)
MOVED_ON = Code(
    "MovedOn",
    Grade.FAILS,
    meaning="The table is not as the run that is to be undone left it, so nothing was undone.",
    remedy=(
        "Read which prefixes differ. Roll the later run back first, or undo the change by hand."
    ),
)
ROUTE_TABLE_NOT_FOUND = Code(
    "RouteTableNotFound",
    Grade.FAILS,
    meaning="The route table does not exist.",
    remedy=(
        "Check the id. If a registered table was deleted, create it again, or remove its "
        "registration."
    ),
    places=(Place.REPORT, Place.REQUEST),
)
ROUTE_TABLE_GONE = Code(
    "RouteTableGone",
    Grade.FAILS,
    meaning="The route table was there before. Azure does not find it any more, although it was "
    "asked again for ten minutes.",
    remedy="Create the table again, or unregister it.",
    related=("RouteTableNotFound",),
)
TABLE_BUSY = Code(
    "TableBusy",
    Grade.FAILS,
    meaning="Somebody else's write of the table was under way each time it was read.",
    remedy="Find out who writes the table for so long. The next run tries again.",
    related=("NotAsPlanned",),
)
NOT_AS_PLANNED = Code(
    "NotAsPlanned",
    Grade.FAILS,
    meaning="Others kept changing the table between our write and the reading after it.",
    remedy="Find out who else writes the table. The next run tries again.",
    related=("TableBusy", "Contested"),
)
WRITE_NOT_ENDED = Code(
    "WriteNotEnded",
    Grade.FAILS,
    meaning="Azure did not end the write in time; the write may still take effect.",
    remedy="No action is needed: the next attempt reads the table again.",
)
WRITE_UNCONFIRMED = Code(
    "WriteUnconfirmed",
    Grade.ATTENTION,
    meaning="The last write of a table that failed may have taken effect, and Azure did not show "
    "whether it has.",
    remedy="Look at the routes that the message lists. A plan shows what is still missing.",
    related=("WriteNotEnded", "NoAnswer"),
)
OUT_OF_TIME = Code(
    "OutOfTime",
    Grade.FAILS,
    meaning="An invocation stopped before the host would have ended it; nothing is lost.",
    remedy=(
        "No action is needed: the next attempt goes on. If it happens again, run ase-route-sync "
        "doctor: it checks how Azure can be reached."
    ),
    places=(Place.REPORT, Place.REQUEST),
    related=("NoAnswer", "WriteNotEnded"),
)
RETRIES_EXHAUSTED = Code(
    "RetriesExhausted",
    Grade.FAILS,
    meaning="Every attempt on this table, or on this event, has failed, and none has told why.",
    remedy="Look in the log for exceptions of sync_route_table, or of resource_events.",
    related=("TablePoisoned",),
)
TABLE_TAKEN = Code(
    "TableTaken",
    Grade.FAILS,
    meaning="Another worker settled this table at the same time.",
    remedy="No action is needed: the message is delivered again.",
    related=("RunChanged",),
)

# A whole run

START_FAILED = Code(
    "StartFailed",
    Grade.FAILS,
    meaning="The run could not begin.",
    remedy="Look in the log for exceptions of start_run.",
)
RUN_TIMED_OUT = Code(
    "RunTimedOut",
    Grade.FAILS,
    meaning="The run did not end within two hours; its open tables have failed.",
    remedy="Check the length of the queues and the number of instances, then start a sync.",
)
INTERRUPTED = Code(
    "Interrupted",
    Grade.FAILS,
    meaning="A person interrupted the command that carried out the run, or the system ended it.",
    remedy="Run the command again. What the run had not begun is as it was before.",
)
RUN_CHANGED = Code(
    "RunChanged",
    Grade.FAILS,
    meaning="Another worker changed the run's record at the same time.",
    remedy="No action is needed: the message is delivered again.",
    related=("TableTaken",),
)
ROW_TOO_LARGE = Code(
    "RowTooLarge",
    Grade.FAILS,
    meaning="Something does not fit into a row of Table Storage, which holds 1 MiB.",
    remedy="Use fewer or smaller service tags and lists, or fewer and shorter exceptions.",
)
VERSION_RECORDED = Code(
    "VersionRecorded",
    Grade.FAILS,
    meaning="Another worker recorded the same version at the same time.",
    remedy="No action is needed: the version is read again.",
)
LEDGER_CHANGED = Code(
    "LedgerChanged",
    Grade.FAILS,
    meaning="Another worker sent notices at the same time.",
    remedy="No action is needed: the notice is tried again.",
    related=("NotifyFailed",),
)
NOTIFY_FAILED = Code(
    "NotifyFailed",
    Grade.FAILS,
    meaning="The webhook did not accept a notice.",
    remedy=(
        "Check how the address in NOTIFY_WEBHOOK_URL answers. The daily check sends the notice "
        "again."
    ),
)

# Azure's answers

UNEXPECTED_ANSWER = Code(
    "UnexpectedAnswer",
    Grade.FAILS,
    meaning="An answer of Azure was incomplete or had an unknown shape.",
    remedy="If it happens again, open a support request with the correlation id.",
    related=("NoAnswer", "AnswerWithoutCode"),
)
NO_ANSWER = Code(
    "NoAnswer",
    Grade.FAILS,
    meaning="Azure did not answer, or the connection broke; a write may still take effect.",
    remedy="If it happens again, run ase-route-sync doctor: it checks how Azure can be reached.",
    related=("UnexpectedAnswer",),
)
LINK_NOT_FOLLOWED = Code(
    "LinkNotFollowed",
    Grade.FAILS,
    meaning=(
        "A link in Azure's answer leads to another host than ARM_ENDPOINT, which must not get the "
        "app's token."
    ),
    remedy="Find out who changes Azure's answers: a proxy or an endpoint of ARM_ENDPOINT's own.",
    related=("UnexpectedAnswer",),
)
ANSWER_WITHOUT_CODE = Code(
    "AnswerWithoutCode",
    Grade.FAILS,
    meaning="Azure refused a request by its HTTP status alone, without a code.",
    remedy="If it happens again, open a support request with the correlation id.",
    related=("UnexpectedAnswer",),
)
HOST_NOT_FOUND = Code(
    "HostNotFound",
    Grade.FAILS,
    meaning="The name of a host that the app needs is not known here.",
    remedy=(
        "Check AZURE_CLOUD, ARM_ENDPOINT, the name of the storage account, and HTTPS_PROXY if the "
        "host is a proxy. Ask for an entry for the name in the DNS of this network. A storage "
        "account with a private endpoint is known in its own network only: run the command there."
    ),
    places=(Place.REPORT, Place.REQUEST),
    related=("HostUnreachable",),
)
HOST_UNREACHABLE = Code(
    "HostUnreachable",
    Grade.FAILS,
    meaning="A host that the app needs refuses the connection, or does not answer in time.",
    remedy=(
        "Ask for a firewall rule from here to the host and port in the message, and check "
        "HTTPS_PROXY. ase-route-sync doctor names the service tag for the rule."
    ),
    places=(Place.REPORT, Place.REQUEST),
    related=("HostNotFound", "ProxyRefused", "NoAnswer"),
)
TLS_FAILED = Code(
    "TlsFailed",
    Grade.FAILS,
    meaning="There is no TLS connection to a host that the app needs.",
    remedy=(
        "If the certificate is not trusted, ask to leave the host out of TLS inspection, or set "
        "REQUESTS_CA_BUNDLE to the file of its authority."
    ),
    places=(Place.REPORT, Place.REQUEST),
    related=("HostUnreachable",),
)
PROXY_REFUSED = Code(
    "ProxyRefused",
    Grade.FAILS,
    meaning="The proxy refuses the connection to a host that the app needs.",
    remedy=(
        "Ask to allow the host and port in the message at the proxy. If it answers 407, put its "
        "user and password into HTTPS_PROXY."
    ),
    places=(Place.REPORT, Place.REQUEST),
    related=("HostUnreachable",),
)
CREDENTIAL_UNAVAILABLE = Code(
    "CredentialUnavailable",
    Grade.FAILS,
    meaning=(
        "The app cannot sign in: there is no identity, its endpoint does not answer, or the login "
        "has expired."
    ),
    remedy=(
        "On a laptop, run az login; with several tenants, name yours with --tenant. In another "
        "cloud, run az cloud set --name with the value of AZURE_CLOUD first. In Azure, check the "
        "app's identity and AZURE_CLIENT_ID."
    ),
    places=(Place.REPORT, Place.REQUEST),
    related=("SignInFailed",),
)
SIGN_IN_FAILED = Code(
    "SignInFailed",
    Grade.FAILS,
    meaning="Azure refuses the app's token, although the app has signed in anew.",
    remedy=(
        "Read Azure's code in the message. Check the app's identity, its tenant, AZURE_CLOUD and "
        "the clock: ase-route-sync doctor looks at them."
    ),
    places=(Place.REPORT, Place.REQUEST),
    related=("CredentialUnavailable", "AuthorizationFailed"),
)
AUTHORIZATION_FAILED = Code(
    "AuthorizationFailed",
    Grade.FAILS,
    meaning="The app's identity has no role with this action at this scope.",
    remedy=(
        "Assign the app's identity a role with the action at the scope that the message names. A "
        "new assignment takes some minutes to take effect. ase-route-sync doctor lists what else "
        "is missing."
    ),
    related=("LinkedAuthorizationFailed", "RightsLostOnTag", "RightsLostOnTables"),
    azure=True,
)
LINKED_AUTHORIZATION_FAILED = Code(
    "LinkedAuthorizationFailed",
    Grade.FAILS,
    meaning=(
        "The app's identity has no role with this action at a scope to which the request refers."
    ),
    remedy="Assign the app's identity a role with the action also at the linked scope.",
    related=("AuthorizationFailed",),
    azure=True,
)
API_VERSION_NOT_SUPPORTED = Code(
    "ApiVersionNotSupported",
    Grade.FAILS,
    meaning="The cloud does not have the API version with which a resource provider was asked.",
    remedy=(
        "Set ARM_API_VERSION_NETWORK or ARM_API_VERSION_WEB, as the message says. National clouds "
        "are behind the public one."
    ),
)
SCOPE_LOCKED = Code(
    "ScopeLocked",
    Grade.FAILS,
    meaning="A management lock forbids the write.",
    remedy="Remove the lock, or disable the table's registration.",
    azure=True,
)
REQUEST_DISALLOWED_BY_POLICY = Code(
    "RequestDisallowedByPolicy",
    Grade.FAILS,
    meaning="An Azure Policy assignment denies the write.",
    remedy=(
        "Ask for an exemption of this route table from the assignment. Landing zones often deny "
        "routes with next hop Internet."
    ),
    azure=True,
)
POLICY_WOULD_REFUSE = Code(
    "PolicyWouldRefuse",
    Grade.ATTENTION,
    meaning="Azure Policy says that the named assignments would deny the planned write.",
    remedy=(
        "Ask for an exemption of this route table from the assignment before the routes are "
        "written. If the table has one already, see whether the write succeeds: the answer may "
        "not count an exemption of a single table."
    ),
    related=("RequestDisallowedByPolicy",),
)
READ_ONLY_DISABLED_SUBSCRIPTION = Code(
    "ReadOnlyDisabledSubscription",
    Grade.FAILS,
    meaning="The subscription is disabled and can only be read.",
    remedy="Enable the subscription again.",
    azure=True,
)

# Guards

MAX_REMOVED_PERCENT = Code(
    "MaxRemovedPercent",
    Grade.BLOCKS,
    meaning="More routes than MAX_REMOVED_PERCENT allows would be removed at once.",
    remedy=(
        "Check whether the service tag or list really shrank. If it did, approve this run with "
        "force and a reason."
    ),
    forceable=True,
)
NO_CAPACITY = Code(
    "NoCapacity",
    Grade.BLOCKS,
    meaning="The table would hold more routes than Azure allows.",
    remedy=(
        "Raise the limit with a support request, correct ROUTE_LIMIT if it is set too low, or "
        "register the table with routeStyle: serviceTag."
    ),
    related=("CapacityLow", "RetainedYielded"),
)
NO_TAG_CAPACITY = Code(
    "NoTagCapacity",
    Grade.BLOCKS,
    meaning="The table would hold more routes with a service tag than Azure allows.",
    remedy="Register the table with routeStyle: prefixes.",
    related=("ServiceTagNotRoutable",),
)
TABLE_FAILED = Code(
    "TableFailed",
    Grade.BLOCKS,
    meaning=(
        "The table's provisioning state is Failed, and routes that are not ours differ from the "
        "last sound reading."
    ),
    remedy=(
        "Compare the table with what it should be, repair it in the portal, then start a sync. "
        "If it is right as it stands, approve this run with force and a reason."
    ),
    forceable=True,
    related=("WasFailed",),
)
NEXT_HOP_UNKNOWN = Code(
    "NextHopUnknown",
    Grade.BLOCKS,
    meaning="A route has a next hop type that this API version does not know and might lose.",
    remedy="Update the app, or set ARM_API_VERSION_NETWORK to a version that knows the type.",
)
FOREIGN_WOULD_CHANGE = Code(
    "ForeignWouldChange",
    Grade.BLOCKS,
    meaning="The write would have changed routes that are not ours, so it was not sent.",
    remedy="Report this with the run's report: it is a defect of this app.",
)
PLAN_CHANGED = Code(
    "PlanChanged",
    Grade.BLOCKS,
    meaning="The plan is no longer the plan that was approved.",
    remedy=(
        "Look at what this run shows. If it is right, approve this run. An adoption begins anew."
    ),
    related=("NotPlanned",),
)
CONTESTED = Code(
    "Contested",
    Grade.BLOCKS,
    meaning=(
        "Somebody else keeps undoing our changes: only additions are made, at most once an hour."
    ),
    remedy="Find out who else writes the table and stop that, then release the table.",
    related=("TableContested",),
)
APPLY_POLICY = Code(
    "ApplyPolicy",
    Grade.BLOCKS,
    meaning="The change waits for approval, as APPLY_POLICY or the registration's policy asks.",
    remedy="Look at what the run shows. If it is right, approve this run by its id.",
    related=("Approved",),
)
HELD = Code(
    "Held",
    Grade.BLOCKS,
    meaning="A rollback holds these prefixes as they are, whatever newer versions say.",
    remedy="If the newest version is to count again, release the table.",
    related=("Rollback", "TableHeld"),
)

PINNED = Code(
    "Pinned",
    Grade.BLOCKS,
    meaning=(
        "The registration pins a source to one version. What other versions add or remove is "
        "withheld."
    ),
    remedy="If the newest version is to count again, remove the pin.",
    related=("TablePinned", "PinNotFollowed"),
)
PIN_NOT_FOLLOWED = Code(
    "PinNotFollowed",
    Grade.BLOCKS,
    meaning=(
        "The pin of the registration cannot be followed. What the newest version has is added, "
        "and nothing is removed."
    ),
    remedy="Read the message. Pin the table to another version, or remove the pin.",
    related=("Pinned",),
)

# Notes of a report about the routes

APPROVED = Code(
    "Approved",
    Grade.INFO,
    meaning="The run applied a plan that a person approved.",
    remedy="No action is needed.",
)
FORCED = Code(
    "Forced",
    Grade.ATTENTION,
    meaning="A person let the plan pass a guard.",
    remedy="If that was not intended, roll the run back.",
    related=("MaxRemovedPercent", "TableFailed"),
)
ADOPTION = Code(
    "Adoption",
    Grade.INFO,
    meaning="Somebody else's routes on wanted prefixes now have our names.",
    remedy="No action is needed.",
    related=("NameTaken", "StampedByAnother"),
)
ROLLBACK = Code(
    "Rollback",
    Grade.INFO,
    meaning="The run undid what an earlier run had done.",
    remedy="No action is needed.",
    related=("Held",),
)
EXCEPTION_ENDED = Code(
    "ExceptionEnded",
    Grade.ATTENTION,
    meaning="An accepted conflict is no longer accepted: its exception has ended.",
    remedy="Renew the exception, or remove the other route.",
    related=("ExceptionEnding",),
)
NAME_TAKEN = Code(
    "NameTaken",
    Grade.ATTENTION,
    meaning="A route that is not ours has the name that our route needs.",
    remedy="Rename that route.",
)
STAMPED_BY_ANOTHER = Code(
    "StampedByAnother",
    Grade.ATTENTION,
    meaning=(
        "Routes on wanted prefixes have another owner's stamp. A table with such routes is neither "
        "registered nor enabled by its Azure tag."
    ),
    remedy=(
        "If that owner is gone, adopt the routes with fromOwner. A table that is not registered "
        "has to be registered first."
    ),
    places=(Place.REPORT, Place.ALARM),
    related=("Adoption", "AzureTagWrong"),
)
FOREIGN_CHANGED_MEANWHILE = Code(
    "ForeignChangedMeanwhile",
    Grade.ATTENTION,
    meaning="Routes that are not ours changed between our write and the reading after it.",
    remedy="If that was not intended, find out who else writes the table.",
)
WAS_FAILED = Code(
    "WasFailed",
    Grade.ATTENTION,
    meaning="The table's provisioning state was Failed, and the whole table was written again.",
    remedy="No action is needed.",
    related=("TableFailed",),
)
RETAINED_YIELDED = Code(
    "RetainedYielded",
    Grade.ATTENTION,
    meaning="Retained routes yield before their day, because the table is full.",
    remedy="Raise the limit with a support request.",
    related=("NoCapacity",),
)
ROUTE_LIMIT_UNKNOWN = Code(
    "RouteLimitUnknown",
    Grade.ATTENTION,
    meaning="It is not known how many routes the table may hold, so this limit was not judged.",
    remedy=(
        "Give the app's identity the action Microsoft.Network/locations/usages/read at the "
        "subscription, or set ROUTE_LIMIT."
    ),
    related=("TagRouteLimitUnknown",),
)
TAG_ROUTE_LIMIT_UNKNOWN = Code(
    "TagRouteLimitUnknown",
    Grade.ATTENTION,
    meaning=(
        "It is not known how many routes with a service tag the table may hold, so this limit was "
        "not judged."
    ),
    remedy=(
        "Give the app's identity the action Microsoft.Network/locations/usages/read at the "
        "subscription."
    ),
    related=("RouteLimitUnknown",),
)
MORE_SPECIFIC_ROUTE = Code(
    "MoreSpecificRoute",
    Grade.ATTENTION,
    meaning="A narrower route that is not ours takes part of a wanted prefix elsewhere.",
    remedy="Remove that route if it is not intended.",
)
TAG_ROUTE_NOT_JUDGED = Code(
    "TagRouteNotJudged",
    Grade.ATTENTION,
    meaning=(
        "A route with another service tag goes elsewhere and may take wanted addresses with it."
    ),
    remedy="Check which addresses that tag contains, and remove the route if it is not intended.",
)
RECORDED_OUT_OF_BOUNDS = Code(
    "RecordedOutOfBounds",
    Grade.ATTENTION,
    meaning=(
        "A recorded version has a prefix that the bounds do not allow any more. It is neither "
        "added nor repaired, and a route of ours on it stays."
    ),
    remedy=(
        "Look at the prefix. If it is right, lower MIN_PREFIX_LENGTH; otherwise remove its route."
    ),
)
COVERED_BY_PLATFORM = Code(
    "CoveredByPlatform",
    Grade.INFO,
    meaning=(
        "A route that has the service tag as its prefix already sends all its addresses to the "
        "Internet."
    ),
    remedy="No action is needed.",
    related=("ShadowsServiceTagRoute",),
)
SHADOWS_SERVICE_TAG_ROUTE = Code(
    "ShadowsServiceTagRoute",
    Grade.ATTENTION,
    meaning="Our routes take precedence over a route that has the service tag as its prefix.",
    remedy=(
        "No action is needed. If the tag's route is to count, register the table with "
        "routeStyle: serviceTag."
    ),
    related=("CoveredByPlatform",),
)
BGP_ROUTES_NOT_VISIBLE = Code(
    "BgpRoutesNotVisible",
    Grade.INFO,
    meaning="Gateway route propagation is on: routes learned by BGP are not visible here.",
    remedy="If forced tunnelling comes by BGP, look at the effective routes of the subnet.",
)
NOT_FORCED_TUNNELLED = Code(
    "NotForcedTunnelled",
    Grade.INFO,
    meaning="The table's default route already goes to the Internet.",
    remedy="Ask whether this table needs these routes at all.",
)

# Surroundings of a table

ENVIRONMENT_NOT_FOUND = Code(
    "EnvironmentNotFound",
    Grade.FAILS,
    meaning="The App Service Environment does not exist.",
    remedy="Register the table with the right aseId, or without one.",
)
SUBNET_NOT_FOUND = Code(
    "SubnetNotFound",
    Grade.FAILS,
    meaning="The subnet of the environment, or of the resource, does not exist.",
    remedy="Check the environment, or the resource, and its virtual network.",
)
SECURITY_GROUP_NOT_FOUND = Code(
    "SecurityGroupNotFound",
    Grade.FAILS,
    meaning="The subnet's network security group does not exist.",
    remedy="Check which network security group the environment's subnet has.",
)
SUBNET_UNKNOWN = Code(
    "SubnetUnknown",
    Grade.ATTENTION,
    meaning="The environment, or the resource of a service, names no subnet of a virtual network.",
    remedy="Register the route table by its own id.",
)
VIRTUAL_NETWORK_IN_OTHER_SUBSCRIPTION = Code(
    "VirtualNetworkInOtherSubscription",
    Grade.ATTENTION,
    meaning="A subnet is in another subscription than what is in it, and is not looked at.",
    remedy="Register the route table by its own id.",
)
SUBNET_WITHOUT_ROUTE_TABLE = Code(
    "SubnetWithoutRouteTable",
    Grade.ATTENTION,
    meaning="A subnet has no route table.",
    remedy=(
        "If it needs one, attach a table to the subnet and register it. For an environment, "
        "provision can do both."
    ),
    related=("NotAttached",),
)
NOT_ATTACHED = Code(
    "NotAttached",
    Grade.ATTENTION,
    meaning="The registered table is not on the environment's subnet.",
    remedy="Attach the table to the subnet, or correct the registration.",
    related=("OtherRouteTable",),
)
OTHER_ROUTE_TABLE = Code(
    "OtherRouteTable",
    Grade.ATTENTION,
    meaning="The environment's subnet has another route table; the app does not write to it.",
    remedy="Register the table that is on the subnet, if it is meant to be there.",
    related=("NotAttached",),
)
REGISTERED_WITHOUT_ASE = Code(
    "RegisteredWithoutAse",
    Grade.ATTENTION,
    meaning="The environment's table is registered without the environment.",
    remedy="Register the table with its aseId.",
)
REGISTERED_WITHOUT_TAGS = Code(
    "RegisteredWithoutTags",
    Grade.ATTENTION,
    meaning="A table on a subnet of the service is registered without tags that the service needs.",
    remedy=(
        "Name the service in the registration: the tags that it names stay beside it. If it has "
        "another service already, which can be only one, name the tags that are missing, together "
        "with those that it names, because a list of tags replaces the one that is there."
    ),
)
DIFFERENT_ROUTE_TABLES = Code(
    "DifferentRouteTables",
    Grade.ATTENTION,
    meaning=(
        "The service has several subnets in one virtual network with different route tables, and "
        "some of the tables are not registered."
    ),
    remedy="Register each of the tables, or attach one of them to all the subnets.",
    related=("SubnetWithoutRouteTable",),
)
ON_OTHER_SUBNETS = Code(
    "OnOtherSubnets",
    Grade.ATTENTION,
    meaning=(
        "The service's route table is also on subnets of something else, for which its routes "
        "would count as well. So a discovery does not register it."
    ),
    remedy=(
        "If the routes are right on those subnets, too, register the table with the service. If "
        "not, first give the service's subnet a table of its own."
    ),
)
SUBNET_WITHOUT_OUTBOUND = Code(
    "SubnetWithoutOutbound",
    Grade.ATTENTION,
    meaning=(
        "A subnet is private (defaultOutboundAccess is false) and has no NAT gateway. Traffic that "
        "our routes lead past the firewall to the Internet gets lost there, unless each machine "
        "has a public address or a load balancer with outbound rules. A discovery does not "
        "register the table of such a subnet."
    ),
    remedy=(
        "Give the subnet a NAT gateway. If its machines have an outbound way of their own, no "
        "action is needed."
    ),
    related=("OnOtherSubnets",),
)
SERVICE_NOT_ALLOWED = Code(
    "ServiceNotAllowed",
    Grade.ATTENTION,
    meaning="The service is not in ALLOWED_SERVICE_TAGS, so a discovery does not register it.",
    remedy="If its tables are to be registered, add the service's name to ALLOWED_SERVICE_TAGS.",
    related=("ServiceTagNotAllowed",),
)
ROUTE_TABLE_SHARED = Code(
    "RouteTableShared",
    Grade.ATTENTION,
    meaning="The environment's table is registered for another environment.",
    remedy="Check which environment the registration should name.",
)
DEFAULT_ROUTE_NOT_SUPPORTED = Code(
    "DefaultRouteNotSupported",
    Grade.ATTENTION,
    meaning=(
        "Microsoft does not support the table's service with a default route that leads to "
        "anything but the Internet."
    ),
    remedy="Remove the routes that the message names, or let them lead to the Internet.",
    related=("NotForcedTunnelled",),
)
NOT_NEEDED = Code(
    "NotNeeded",
    Grade.INFO,
    meaning="An ASEv3, or the resource of another service, needs none of these routes.",
    remedy="If the table on its subnet is registered for it alone, unregister the table.",
)
NSG_ALLOWS = Code(
    "NsgAllows",
    Grade.INFO,
    meaning="The network security group lets the management traffic in.",
    remedy="No action is needed.",
)
NSG_NONE = Code(
    "NsgNone",
    Grade.INFO,
    meaning="The subnet has no network security group: all management traffic is let in.",
    remedy="No action is needed.",
)
NSG_MISSING = Code(
    "NsgMissing",
    Grade.ATTENTION,
    meaning=(
        "The subnet has no network security group. Without one, the load balancer of the table's "
        "service lets nothing in."
    ),
    remedy="Attach a network security group that allows the traffic that the message names.",
)
NSG_DENIES = Code(
    "NsgDenies",
    Grade.ATTENTION,
    meaning="The network security group keeps out some of the management traffic.",
    remedy="Allow TCP 454-455 from AppServiceManagement, or provision with nsg: ensure.",
    related=("NsgNotSure",),
)
NSG_DENIES_SERVICE = Code(
    "NsgDeniesService",
    Grade.ATTENTION,
    meaning="The network security group keeps out inbound traffic that the table's service needs.",
    remedy=(
        "Allow the traffic that the message names before that rule. If the message says that your "
        "case needs none, register the tags of the service instead of the service."
    ),
    related=("NsgNotSure",),
)
NSG_DENIES_OPTIONAL = Code(
    "NsgDeniesOptional",
    Grade.INFO,
    meaning=(
        "The network security group keeps out inbound traffic that the table's service needs only "
        "in the case that the message names."
    ),
    remedy="If it is your case, allow that traffic before that rule.",
)
NSG_DENIES_LOAD_BALANCER = Code(
    "NsgDeniesLoadBalancer",
    Grade.ATTENTION,
    meaning=(
        "The network security group keeps out the probes of Azure's load balancer, without which "
        "Azure takes the environment for dead."
    ),
    remedy=(
        "Allow inbound TCP from AzureLoadBalancer to the subnet before that rule: port 16001, or "
        "port 80 for an ASEv3."
    ),
)
NSG_NOT_SURE = Code(
    "NsgNotSure",
    Grade.ATTENTION,
    meaning="A rule of the network security group may keep out some of the management traffic.",
    remedy=(
        "Check which addresses the rule's source contains. If necessary, allow the traffic that "
        "the message names before that rule."
    ),
    related=("NsgDenies",),
)
NSG_DENIES_ROUTES = Code(
    "NsgDeniesRoutes",
    Grade.ATTENTION,
    meaning=(
        "An outbound rule denies traffic to the service tag VirtualNetwork. On the table's "
        "subnets, by Microsoft's documentation, that tag also contains the addresses of the "
        "table's routes."
    ),
    remedy=(
        "See which addresses the tag contains: az network nic list-effective-nsg for a network "
        "interface in the subnet. If necessary, allow outbound traffic to the service's tag "
        "before that rule."
    ),
    related=("NsgWiderByRoutes",),
)
NSG_WIDER_BY_ROUTES = Code(
    "NsgWiderByRoutes",
    Grade.INFO,
    meaning=(
        "These rules are about the service tag VirtualNetwork. On the table's subnets, by "
        "Microsoft's documentation, that tag also contains the addresses of the table's routes. "
        "A rule that allows inbound traffic from the tag then lets in these addresses, too."
    ),
    remedy=(
        "If a rule should be about the network alone, name its address ranges instead of the tag, "
        "or deny these addresses before it. az network nic list-effective-nsg shows what the tag "
        "contains."
    ),
    related=("NsgDeniesRoutes",),
)
SERVICE_ENDPOINT_FIRST = Code(
    "ServiceEndpointFirst",
    Grade.INFO,
    meaning=(
        "A subnet of the table has a service endpoint for addresses of a registered tag. Azure "
        "sends this traffic through the endpoint, and the table's routes cannot change that."
    ),
    remedy=(
        "No action is needed if the traffic may take that way: it goes straight to the service, "
        "with the subnet's private addresses as its source. If the routes are to decide, remove "
        "the service endpoint from the subnet."
    ),
)
NSG_NOT_JUDGED = Code(
    "NsgNotJudged",
    Grade.FAILS,
    meaning="The security group could not be judged, so no rule was added.",
    remedy="Allow TCP 454-455 from AppServiceManagement by hand, or provision again.",
    related=("NotAudited",),
)
NSG_NO_PRIORITY_FREE = Code(
    "NsgNoPriorityFree",
    Grade.FAILS,
    meaning="No priority is free before the rule that keeps the management traffic out.",
    remedy="Move a rule, or allow TCP 454-455 from AppServiceManagement by hand.",
    related=("NsgDenies",),
)
NSG_RULE_NAME_TAKEN = Code(
    "NsgRuleNameTaken",
    Grade.FAILS,
    meaning="The security group has a rule of our name that does not let the traffic in.",
    remedy="Correct or rename that rule, then provision again.",
    related=("NsgDenies",),
)
NOT_AUDITED = Code(
    "NotAudited",
    Grade.ATTENTION,
    meaning=(
        "The environment, or a subnet or a security group of the table, could not be read or "
        "judged. Routes are kept right nevertheless."
    ),
    remedy="Read the message: it says what could not be read or judged, and why.",
)
NOT_LOOKED_AT = Code(
    "NotLookedAt",
    Grade.ATTENTION,
    meaning="The daily check had no time left for this table.",
    remedy=(
        "No action is needed: a run looks at it. If the app has fewer than a thousand tables, look "
        "at how long Azure takes to answer."
    ),
)
DISCOVERY_INCOMPLETE = Code(
    "DiscoveryIncomplete",
    Grade.FAILS,
    meaning=(
        "Something in the subscriptions that the message names could not be read or registered."
    ),
    remedy=(
        "The errors of the result say what failed, and why. Everything else in the result is "
        "right. Correct the cause, then start another discovery of these subscriptions."
    ),
    related=("AuthorizationFailed", "NotSearched"),
)
RESOURCE_GRAPH_INCOMPLETE = Code(
    "ResourceGraphIncomplete",
    Grade.FAILS,
    meaning="Azure Resource Graph answered fewer resources than there are.",
    remedy="Start another discovery of these subscriptions, or of fewer of them at a time.",
    related=("DiscoveryIncomplete",),
)
NOT_SEARCHED = Code(
    "NotSearched",
    Grade.FAILS,
    meaning="The discovery ended before it had looked through the whole subscription.",
    remedy="Start another discovery of this subscription.",
    related=("DiscoveryIncomplete", "RunTimedOut"),
)

# Provisioning

ROUTE_TABLE_TAKEN = Code(
    "RouteTableTaken",
    Grade.FAILS,
    meaning="The table that provision would create exists and holds routes that are not ours.",
    remedy="Attach that table to the subnet yourself and register it, or remove it.",
    related=("OtherRouteTable",),
)
NOT_PROVISIONED = Code(
    "NotProvisioned",
    Grade.FAILS,
    meaning="The new table is not right yet, so it was not attached to the subnet.",
    remedy="Read in the same report why the table is not right, then provision again.",
)
ROUTE_TABLE_CREATED = Code(
    "RouteTableCreated",
    Grade.INFO,
    meaning="Provision created the route table, or would create it.",
    remedy="No action is needed.",
)
ROUTE_TABLE_ATTACHED = Code(
    "RouteTableAttached",
    Grade.INFO,
    meaning="Provision attached the table to the environment's subnet, or would attach it.",
    remedy="No action is needed.",
)
NSG_RULE_ADDED = Code(
    "NsgRuleAdded",
    Grade.INFO,
    meaning="Provision added the rule that lets the management traffic in, or would add it.",
    remedy="No action is needed.",
)

# Alarms of the daily check

ENVIRONMENT_SUSPENDED = Code(
    "EnvironmentSuspended",
    Grade.ATTENTION,
    meaning="Azure has suspended the environment, because it could not manage it: its apps stop.",
    remedy=(
        "Correct what the last report says of its routes and its security group. Then resume the "
        "environment in the portal."
    ),
    places=(Place.REPORT, Place.ALARM),
    related=("NsgDenies", "NsgDeniesLoadBalancer", "NotAttached"),
)

TABLE_STALE = Code(
    "TableStale",
    Grade.ATTENTION,
    meaning="The table was not found right for more than MAX_SYNC_AGE_DAYS.",
    remedy="The alarm names the error. Read the last report of the table for the details.",
    places=_ALARM,
    related=("TablePoisoned",),
)
TABLE_POISONED = Code(
    "TablePoisoned",
    Grade.ATTENTION,
    meaning="Every attempt on the table failed, and the last run gave it up.",
    remedy=(
        "Look in the log for its routeTable records and for exceptions of sync_route_table. The "
        "check has started a run."
    ),
    places=_ALARM,
    related=("RetriesExhausted", "TableStale"),
)
TABLE_CONTESTED = Code(
    "TableContested",
    Grade.ATTENTION,
    meaning="Somebody else keeps undoing our changes to the table.",
    remedy="Find out who else writes the table and stop that, then release the table.",
    places=_ALARM,
    related=("Contested",),
)
TABLE_HELD = Code(
    "TableHeld",
    Grade.ATTENTION,
    meaning="Prefixes of the table are held since a rollback.",
    remedy="If the newest version is to count again, release the table.",
    places=_ALARM,
    related=("Held",),
)
TABLE_PINNED = Code(
    "TablePinned",
    Grade.ATTENTION,
    meaning="A source of the table has been pinned to a version for 30 days or longer.",
    remedy="Remove the pin. If it is still needed, set it again with a new reason.",
    places=_ALARM,
    related=("Pinned",),
)
CAPACITY_LOW = Code(
    "CapacityLow",
    Grade.ATTENTION,
    meaning="The table uses more than 80 % of the routes that it may hold.",
    remedy=(
        "Raise the limit with a support request, move other routes to another table, or register "
        "the table with routeStyle: serviceTag."
    ),
    places=_ALARM,
    related=("NoCapacity",),
)
EXCEPTION_ENDING = Code(
    "ExceptionEnding",
    Grade.ATTENTION,
    meaning="The exception of an accepted conflict ends within seven days.",
    remedy="Renew the exception, or remove the other route.",
    places=_ALARM,
    related=("ExceptionEnded",),
)
NO_TABLE_REGISTERED = Code(
    "NoTableRegistered",
    Grade.ATTENTION,
    meaning="No route table is registered and enabled.",
    remedy="Register the tables. POST /api/discover finds them.",
    places=_ALARM,
    related=("NotRegistered",),
)
SCHEDULE_MISSING = Code(
    "ScheduleMissing",
    Grade.ATTENTION,
    meaning="SYNC_SCHEDULE or CHECK_SCHEDULE is not set, so its timer never fires.",
    remedy="Set the app setting that the alarm names.",
    places=_ALARM,
    related=("ScheduleWrong",),
)
SCHEDULE_WRONG = Code(
    "ScheduleWrong",
    Grade.ATTENTION,
    meaning=(
        "SYNC_SCHEDULE or CHECK_SCHEDULE is not a plain schedule, so its timer does not fire, or "
        "fires at other times than expected."
    ),
    remedy="The alarm names the app setting and the field. Correct it there.",
    places=_ALARM,
    related=("ScheduleMissing",),
)
DOCUMENT_UNCHANGED = Code(
    "DocumentUnchanged",
    Grade.ATTENTION,
    meaning=(
        "The published service tags are unchanged for 35 days, although Azure publishes them "
        "every week."
    ),
    remedy="Check how the locations in SERVICE_TAG_LOCATIONS answer, and name another one.",
    places=_ALARM,
)
LOCATION_STALE = Code(
    "LocationStale",
    Grade.ATTENTION,
    meaning=(
        "A location has answered the same service tags for 35 days while another one moved. Its "
        "answers do not count until it moves again."
    ),
    remedy="Name another location in SERVICE_TAG_LOCATIONS.",
    places=_ALARM,
    related=("DocumentUnchanged",),
)
LOCATION_FLIPS = Code(
    "LocationFlips",
    Grade.ATTENTION,
    meaning="A location went back to an earlier version of the service tags within seven days.",
    remedy=(
        "Addresses that any location has are kept. If the location goes on to flip, name another "
        "one in SERVICE_TAG_LOCATIONS."
    ),
    places=_ALARM,
    related=("LocationStale",),
)
AZURE_TAG_WRONG = Code(
    "AzureTagWrong",
    Grade.ATTENTION,
    meaning=(
        "The Azure tag aseRouteSync of a route table has a value that cannot be registered. If the "
        "table is registered, it stays as it is."
    ),
    remedy=(
        "Correct the tag: its value is off, one service, or service tags and lists with commas "
        "between them, all of them allowed by ALLOWED_SERVICE_TAGS."
    ),
    places=_ALARM,
    related=("AzureTagDiffers", "ServiceTagNotAllowed"),
)
AZURE_TAG_DIFFERS = Code(
    "AzureTagDiffers",
    Grade.ATTENTION,
    meaning=(
        "A person has registered a route table otherwise than its Azure tag aseRouteSync says. The "
        "registration of the person counts."
    ),
    remedy=(
        "Correct the tag or the registration. To let the tag decide from now on, unregister the "
        "table: the next check registers it by its tag. What a tag cannot say is lost then, such "
        "as exceptions, a pin or a policy."
    ),
    places=_ALARM,
    related=("AzureTagWrong",),
)
AZURE_TAG_DECIDES = Code(
    "AzureTagDecides",
    Grade.INFO,
    meaning=(
        "The route table has the Azure tag aseRouteSync, and DISCOVER_BY_TAG is true. So a "
        "discovery does not register it."
    ),
    remedy="No action is needed: the next daily check registers the table as its tag says.",
    related=("AzureTagWrong",),
)
AZURE_TAGS_NOT_READ = Code(
    "AzureTagsNotRead",
    Grade.ATTENTION,
    meaning=(
        "DISCOVER_BY_TAG is true, and the check could not read or follow the Azure tags of all "
        "route tables. No table that it could not read was unregistered."
    ),
    remedy=(
        "The alarm names the subscriptions or the table, and why. If the identity has no right to "
        "read the route tables there, assign the role. Otherwise the next check tries again."
    ),
    places=_ALARM,
    related=("AuthorizationFailed",),
)
RIGHTS_LOST_ON_TAG = Code(
    "RightsLostOnTag",
    Grade.ATTENTION,
    meaning="The app's identity may no longer read the service tags.",
    remedy="Assign the role again. The alarm names the action and the scope.",
    places=_ALARM,
    related=("AuthorizationFailed", "TagUnavailable"),
)
RIGHTS_LOST_ON_TABLES = Code(
    "RightsLostOnTables",
    Grade.ATTENTION,
    meaning="The app's identity may no longer read or write more than half of the tables.",
    remedy="Assign the role again. The alarm names the action and the scope.",
    places=_ALARM,
    related=("AuthorizationFailed",),
)

# Requests and commands

INVALID_BODY = Code(
    "InvalidBody",
    Grade.FAILS,
    meaning="The body of the request is wrong.",
    remedy="Correct each fault that is listed with its place.",
    places=_REQUEST,
)
INVALID_QUERY = Code(
    "InvalidQuery",
    Grade.FAILS,
    meaning="A query parameter of the request is wrong.",
    remedy="Correct the parameter that the message names.",
    places=_REQUEST,
)
INVALID_ROUTE_TABLE_ID = Code(
    "InvalidRouteTableId",
    Grade.FAILS,
    meaning="The id is not the Azure resource id of a route table.",
    remedy="Use the resource id that the portal shows under the table's properties.",
    places=_REQUEST,
)
LENGTH_REQUIRED = Code(
    "LengthRequired",
    Grade.FAILS,
    meaning=(
        "The body of the request came in chunks. The Functions host loses such a body, so nothing "
        "was done."
    ),
    remedy=(
        "Send the same request with the header Content-Length. Programs do so if they make the "
        "whole body first, as one text."
    ),
    places=_REQUEST,
)
BODY_TOO_LARGE = Code(
    "BodyTooLarge",
    Grade.FAILS,
    meaning="The body of the request is larger than 1 MiB.",
    remedy="Send a smaller body.",
    places=_REQUEST,
)
RUN_NOT_FOUND = Code(
    "RunNotFound",
    Grade.FAILS,
    meaning="There is no run with this id.",
    remedy=(
        "List the runs with ase-route-sync runs or GET /api/runs. Runs older than "
        "RUN_RETENTION_DAYS are deleted."
    ),
    places=_REQUEST,
)
VERSION_NOT_FOUND = Code(
    "VersionNotFound",
    Grade.FAILS,
    meaning="There is no version with this id.",
    remedy="List the versions with ase-route-sync versions or GET /api/versions.",
    places=_REQUEST,
)
LIST_NOT_FOUND = Code(
    "ListNotFound",
    Grade.FAILS,
    meaning="There is no list with this name.",
    remedy=(
        "Ask for NAME.txt or NAME.json, in which NAME is one of ALLOWED_SERVICE_TAGS as it is "
        "written there. To publish another tag or list, add it to ALLOWED_SERVICE_TAGS."
    ),
    places=_REQUEST,
    related=("ListNotReady", "ListEmpty"),
)
LIST_NOT_READY = Code(
    "ListNotReady",
    Grade.FAILS,
    meaning="The tag or list is allowed, but no version of it is recorded yet.",
    remedy=(
        "Start a run about all route tables, or wait for the weekly run: it records a version. If "
        "the list is still not ready then, ase-route-sync doctor says why."
    ),
    places=_REQUEST,
    related=("TagUnavailable", "ListUnavailable"),
)
LIST_EMPTY = Code(
    "ListEmpty",
    Grade.FAILS,
    meaning="The tag or list has no prefix of this family. The app never sends an empty list.",
    remedy="Ask for another family, and take this list out of the firewall.",
    places=_REQUEST,
)
NAME_AMBIGUOUS = Code(
    "NameAmbiguous",
    Grade.FAILS,
    meaning="The name, or the part of one, fits several things.",
    remedy="Use a longer part, or one of the ids that are listed.",
    places=_REQUEST,
    related=("NameIncomplete",),
)
NAME_INCOMPLETE = Code(
    "NameIncomplete",
    Grade.FAILS,
    meaning=(
        "Only a part of a name was given, and the command would change something without a "
        "question. The same part may fit something else one day, so nothing was done."
    ),
    remedy="Use the whole name or the id. The message has the id.",
    places=_REQUEST,
    related=("NameAmbiguous",),
)
INVALID_SETTINGS = Code(
    "InvalidSettings",
    Grade.FAILS,
    meaning="App settings are missing or wrong.",
    remedy="Correct each setting that is listed.",
    places=_REQUEST,
)
ROLE_NEEDED = Code(
    "RoleNeeded",
    Grade.FAILS,
    meaning="The caller's token does not have the app role that this needs, or there is no token.",
    remedy=(
        "Use a token that has the app role in the message. A browser that has signed in keeps its "
        "roles: sign out and in again after the role is assigned."
    ),
    places=_REQUEST,
)
TOKEN_NEEDED = Code(
    "TokenNeeded",
    Grade.FAILS,
    meaning="REQUIRE_TOKENS is true, and the caller has no token: a key alone opens nothing.",
    remedy=(
        "Send an Entra token for the app as well as the key. To see the dashboard, sign in with a "
        "browser: it needs no key then."
    ),
    places=_REQUEST,
    related=("RoleNeeded", "AuthenticationNotInFront"),
)
AUTHENTICATION_NOT_IN_FRONT = Code(
    "AuthenticationNotInFront",
    Grade.FAILS,
    meaning=(
        "REQUIRE_TOKENS is true, but App Service Authentication is not on: nobody would check a "
        "token, or remove a forged one."
    ),
    remedy="Deploy the app with AUTH_CLIENT_ID, or set REQUIRE_TOKENS to false.",
    places=_REQUEST,
    related=("TokenNeeded",),
)
PRINCIPAL_UNREADABLE = Code(
    "PrincipalUnreadable",
    Grade.FAILS,
    meaning="App Service Authentication describes the caller in a way that cannot be read.",
    remedy="Check the app's authentication settings.",
    places=_REQUEST,
)
SETTINGS_DIFFER = Code(
    "SettingsDiffer",
    Grade.FAILS,
    meaning="The environment of the command has settings that the app has otherwise.",
    remedy=(
        "Take them out of the environment: the command follows the app's own settings. To let the "
        "environment win this once, say --override-settings."
    ),
    places=_REQUEST,
    related=("CloudDiffers",),
)
CLOUD_DIFFERS = Code(
    "CloudDiffers",
    Grade.FAILS,
    meaning="AZURE_CLOUD of the command is not the cloud of the app.",
    remedy="Set AZURE_CLOUD to the cloud of the app, and sign in there.",
    places=_REQUEST,
    related=("SettingsDiffer",),
)
SETTINGS_UNCONFIRMED = Code(
    "SettingsUnconfirmed",
    Grade.FAILS,
    meaning=(
        "The app has not confirmed that the settings that it has recorded still hold. Nothing was "
        "changed."
    ),
    remedy=(
        "Run the command where it can reach the app, or set PUBLIC_URL to an address at which it "
        "reaches the app from here. At a terminal and without --yes, a person can go on with the "
        "recorded settings. With --override-settings, nobody has to confirm them."
    ),
    places=_REQUEST,
    related=("SettingsChanged",),
)
SETTINGS_CHANGED = Code(
    "SettingsChanged",
    Grade.FAILS,
    meaning="The app's settings have changed since the command read them. Nothing was changed.",
    remedy="Run the command again: it then follows the new settings.",
    places=_REQUEST,
    related=("SettingsUnconfirmed",),
)
SETTINGS_UNKNOWN = Code(
    "SettingsUnknown",
    Grade.FAILS,
    meaning="The app has recorded settings that this version of the command line does not know.",
    remedy="Install the version of the app. ase-route-sync doctor shows both versions.",
    places=_REQUEST,
)
STORAGE_UNAVAILABLE = Code(
    "StorageUnavailable",
    Grade.FAILS,
    meaning="The storage account does not answer, or not as it should.",
    remedy="Run ase-route-sync doctor: it names the cause.",
    places=_REQUEST,
    related=("StorageRoleMissing", "StorageNetworkRefused", "StorageAccessRefused"),
)
STORAGE_ROLE_MISSING = Code(
    "StorageRoleMissing",
    Grade.FAILS,
    meaning="The identity has no role for the tables of the storage account.",
    remedy=(
        "Assign Storage Table Data Contributor at the storage account, and Storage Queue Data "
        "Contributor for doctor. A new assignment takes up to ten minutes to take effect."
    ),
    places=_REQUEST,
    related=("StorageNetworkRefused",),
)
BLOB_NOT_FOUND = Code(
    "BlobNotFound",
    Grade.ATTENTION,
    meaning="The storage account has no such blob.",
    remedy="Compare the URL in the setting with az storage blob url, and upload the blob again.",
    related=("BlobRoleMissing",),
)
BLOB_ROLE_MISSING = Code(
    "BlobRoleMissing",
    Grade.ATTENTION,
    meaning="The app's identity has no role for the blobs of the storage account.",
    remedy=(
        "Assign Storage Blob Data Reader at the storage account. The templates assign Storage Blob "
        "Data Owner, which the Functions host needs."
    ),
    related=("StorageNetworkRefused",),
)
BLOB_TOO_LARGE = Code(
    "BlobTooLarge",
    Grade.ATTENTION,
    meaning="A blob is larger than the app reads.",
    remedy="Look at what was uploaded: the message says how large the blob may be.",
)
STORAGE_NETWORK_REFUSED = Code(
    "StorageNetworkRefused",
    Grade.FAILS,
    meaning="The storage account refuses the network from which the request came.",
    remedy=(
        "Run the command from a network that the account allows, or add this address with "
        "az storage account network-rule add. If all networks are allowed, look at the role, as "
        "for StorageRoleMissing."
    ),
    places=_REQUEST,
    related=("StorageRoleMissing",),
)
STORAGE_ACCESS_REFUSED = Code(
    "StorageAccessRefused",
    Grade.FAILS,
    meaning="The storage account refuses the key or the token.",
    remedy=(
        "Read the message. The key in AzureWebJobsStorage may be an old one, the account may "
        "accept no keys (then set AzureWebJobsStorage__accountName instead), the token may be "
        "another tenant's, or the clock of this machine may be wrong."
    ),
    places=_REQUEST,
    related=("CredentialUnavailable",),
)
INTERNAL_ERROR = Code(
    "InternalError",
    Grade.FAILS,
    meaning="An unforeseen error has occurred.",
    remedy="Look in the log for the trace, and report it.",
    places=(Place.REPORT, Place.REQUEST),
)
ADDRESS_UNKNOWN = Code(
    "AddressUnknown",
    Grade.FAILS,
    meaning="The address of the app is not known here.",
    remedy=(
        "The app records it in the storage account when it runs for the first time. To find it, "
        "run az functionapp list --query '[].[name, defaultHostName]' --output tsv: the dashboard "
        "is at https://HOST/api/dashboard. Or set PUBLIC_URL."
    ),
    places=_REQUEST,
)
INVALID_FILE = Code(
    "InvalidFile",
    Grade.FAILS,
    meaning="The file of registrations is empty or wrong, so nothing was changed.",
    remedy="Correct each fault at its line. docs/tables.schema.json describes the file.",
    places=_REQUEST,
)
TOO_MANY_UNREGISTERED = Code(
    "TooManyUnregistered",
    Grade.FAILS,
    meaning=(
        "The file lacks more than 10 % of the registered tables, which --prune would unregister. "
        "Nothing was changed."
    ),
    remedy="Check the file. If it is right, run the command with --prune-all.",
    places=_REQUEST,
)
NOT_CONFIRMED = Code(
    "NotConfirmed",
    Grade.FAILS,
    meaning="Nobody confirmed the command, so nothing was changed.",
    remedy=(
        "Run the command at a terminal, and answer with y. A script can say --yes, if the command "
        "has this option."
    ),
    places=_REQUEST,
)


CODES: Mapping[str, Code] = MappingProxyType(
    {code.name: code for code in tuple(globals().values()) if isinstance(code, Code)}
)
"""Every code above, by its name."""

FORCEABLE = frozenset(code.name for code in CODES.values() if code.forceable)


def lookup(name: str) -> Code:
    """Return the record of this name; a name without one is Azure's own."""
    return CODES.get(name) or Code(
        name,
        Grade.FAILS,
        meaning="Azure refused the request with a code of its own.",
        remedy="Read the message, and look the code up in Azure's documentation.",
        azure=True,
    )
