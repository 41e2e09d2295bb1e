"""Check the identity, storage, its queues, the events and the service tags."""

import os
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import jwt
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.data.tables import TableServiceClient, UpdateMode
from azure.storage.queue import QueueServiceClient

from ...app import App, arm_credential, storage_credential
from ...arm.credential import reason_of
from ...domain import codes
from ...domain.addresses import service_tag_of
from ...domain.errors import RouteSyncError
from ...domain.findings import Finding
from ...domain.registry.registered_table import RegisteredTable
from ...domain.times import utc_minute
from ...settings import Connections, Settings
from ...storage.account import StorageAccount
from ...storage.errors import storage_fault
from ...sync.run.pull import Comparison
from ...transport import Transport
from .diagnosis import Diagnosis, Grade
from .reach import place_of, proxy_of
from .weekly_file import weekly_file

QUEUES = ("route-table-runs", "route-table-sync", "resource-events")
_NOT_RUN = "if they stay there, the functions do not run: look at the app's log"
_POISON_REMEDIES = {
    "route-table-runs": _NOT_RUN,
    "route-table-sync": _NOT_RUN,
    "resource-events": f"the daily check repairs what these events were about; {_NOT_RUN}",
}
_ASSIGN = "assign the app an identity, and name a user-assigned one in AZURE_CLIENT_ID"
_SIGN_IN = f"az login on a laptop; in Azure {_ASSIGN}"
_METADATA = "http://169.254.169.254"
"""The endpoint of a virtual machine's identity, which is asked if there is no IDENTITY_ENDPOINT."""
_PROBE = {"PartitionKey": "doctor", "RowKey": "probe"}


def identity(connections: Connections) -> Diagnosis:
    """Show the name in the token that Azure gets. Source: "Access token claims reference"."""
    try:
        scope = connections.cloud.credential_scope
        token = arm_credential(connections).get_token(scope).token
        claims = jwt.decode(token, options={"verify_signature": False})
    except (AzureError, jwt.InvalidTokenError) as error:
        said = f"there is no token: {reason_of(error)}"
        return Diagnosis("identity", Grade.FAULT, said, _remedy_without_token())

    names = [claims[key] for key in ("upn", "unique_name", "appid", "azp") if key in claims]
    shown = f"{names[0] if names else '?'} (object {claims.get('oid', '?')})"
    return Diagnosis("identity", Grade.OK, shown)


def _remedy_without_token() -> str:
    endpoint = os.environ.get("IDENTITY_ENDPOINT")
    proxy = proxy_of(endpoint or _METADATA)
    host = urlsplit(endpoint or _METADATA).hostname
    exempted = f"the proxy {place_of(proxy)} cannot ask it: add {host} to NO_PROXY" if proxy else ""

    if endpoint is None:
        return "; ".join(filter(None, (_SIGN_IN, exempted and f"for {host}, {exempted}")))
    if exempted:
        return f"IDENTITY_ENDPOINT is at {host}, and {exempted}"
    return f"IDENTITY_ENDPOINT is at {place_of(urlsplit(endpoint))}: {_ASSIGN}"


def storage(account: StorageAccount) -> Diagnosis:
    """Read and write the tables."""
    try:
        _probe(account)
    except AzureError as error:
        return _no_storage(storage_fault(error))
    return Diagnosis("storage", Grade.OK, "the tables can be read and written")


def _no_storage(found: Finding) -> Diagnosis:
    remedy = found.code.remedy
    if found.code == codes.STORAGE_UNAVAILABLE:
        remedy = "if it happens again, look at the health of the account in the portal"
    said = f"the tables cannot be read and written: {found.code}: {found.message}"
    return Diagnosis("storage", Grade.FAULT, said, remedy)


def _probe(account: StorageAccount) -> None:
    account.check()
    account.runs.upsert_entity(_PROBE, mode=UpdateMode.REPLACE)
    account.runs.delete_entity(_PROBE)


def queues(service: QueueServiceClient) -> Iterator[Diagnosis]:
    """Count the messages that wait and the messages that are poisoned."""
    try:
        waiting = {name: _length(service, name) for name in QUEUES}
        poisoned = {name: _length(service, f"{name}-poison") for name in QUEUES}
    except AzureError as error:
        remedy = "assign the role Storage Queue Data Contributor at the account"
        found = storage_fault(error)
        said = f"they cannot be read: {found.code}: {found.message}"
        yield Diagnosis("queues", Grade.FAULT, said, remedy)
    else:
        yield from _poison(poisoned) if any(poisoned.values()) else [_waiting(waiting)]


def _poison(lengths: Mapping[str, int | None]) -> Iterator[Diagnosis]:
    for name, count in lengths.items():
        if count:
            said = f"{count} messages wait in {name}-poison"
            yield Diagnosis("queues", Grade.WARNING, said, _POISON_REMEDIES[name])


def _waiting(lengths: Mapping[str, int | None]) -> Diagnosis:
    said = ", ".join(f"{count or 0} in {name}" for name, count in lengths.items())
    return Diagnosis("queues", Grade.OK, f"messages waiting: {said}")


def events(context: App) -> Diagnosis:
    """Show when an event came last. A deployment may have none, so their absence is no fault.

    Sources: "Event delivery with a managed identity", "Storage queue as an event handler".
    """
    last = context.store.events.last()
    if last is not None:
        said = f"the newest that is noted came at {utc_minute(last)}; one an hour is noted"
        return Diagnosis("events", Grade.OK, said)

    said = "no event has ever come, so only the daily check and the weekly sync repair drift"
    remedy = (
        "if events are switched off, this is as it should be. Otherwise wait for the first run "
        "that writes a table: its write is an event, too. If none comes, give the identity of the "
        "topic Storage Queue Data Message Sender on the queue resource-events, and Storage Blob "
        "Data Contributor on the container resource-events-dead-letters"
    )
    return Diagnosis("events", Grade.WARNING, said, remedy)


def tags(context: App, registered: Sequence[RegisteredTable]) -> Iterator[Diagnosis]:
    """Read the tags that are used or allowed, and show the change number at each location."""
    used = {tag for one in registered for tag in one.registration.service_tags}
    named = {*filter(service_tag_of, used | context.policy.listed_tags)}
    try:
        compared = context.pull.compare(named)
    except RouteSyncError as error:
        yield _unusable_tag(context.settings, Finding.of(error))
    else:
        yield from _compared(context.settings, compared)
        yield from weekly_file(compared)


def _compared(settings: Settings, compared: Comparison) -> Iterator[Diagnosis]:
    for tag, fault in compared.unusable.items():
        yield _unusable_tag(settings, Finding(fault.code, f"{tag}: {fault.message}"))
    if compared.standings and not compared.unusable:  # no location is asked if there is no tag
        yield _usable_tags(compared)


def route_limits(context: App, registered: Sequence[RegisteredTable]) -> Iterator[Diagnosis]:
    """Check that the limits of the registered tables that were read before are known."""
    places = {
        (one.route_table_id.subscription_id.lower(), one.status.reading.location)
        for one in registered
        if one.status.reading is not None
    }
    unknown = {place[0]: place for place in places if context.route_limits.routes(*place) is None}

    for place in sorted(unknown.values()):
        yield _unknown_limits(context, *place)
    if places and not unknown:
        yield Diagnosis("route limits", Grade.OK, "known for every registered route table")


def _unknown_limits(context: App, subscription: str, location: str | None) -> Diagnosis:
    """Ask again, because a run goes on without the limits and does not keep the reason."""
    said = f"not known in subscription {subscription}, so no run judges them there"
    remedy = (
        "assign a role with Microsoft.Network/locations/usages/read at "
        f"/subscriptions/{subscription}, or set ROUTE_LIMIT"
    )

    try:
        if location is not None:
            context.route_limits.read(subscription, location)
    except RouteSyncError as error:
        said = f"{said}: {error.message}"
        # A role helps no more against a version that the cloud does not have.
        if error.code == codes.API_VERSION_NOT_SUPPORTED:
            remedy = error.code.remedy

    return Diagnosis("route limits", Grade.WARNING, said, remedy)


def queue_service(connections: Connections) -> QueueServiceClient:
    """Connect to the one account, by its connection string or by the identity."""
    if connections.storage_connection_string is not None:
        return QueueServiceClient.from_connection_string(
            connections.storage_connection_string, transport=Transport()
        )
    endpoint = os.environ.get("AzureWebJobsStorage__queueServiceUri")
    host = f"{connections.storage_account_name}.queue.{connections.cloud.storage_suffix}"
    return QueueServiceClient(
        endpoint or f"https://{host}",
        credential=storage_credential(connections),
        transport=Transport(),
    )


def table_url(connections: Connections) -> str:
    if connections.storage_connection_string is None:
        return connections.table_endpoint
    return str(TableServiceClient.from_connection_string(connections.storage_connection_string).url)


def _length(service: QueueServiceClient, name: str) -> int | None:
    """Return about how many messages it has, None before the first one."""
    try:
        return service.get_queue_client(name).get_queue_properties().approximate_message_count
    except ResourceNotFoundError:
        return None


def _usable_tags(compared: Comparison) -> Diagnosis:
    numbers = ", ".join(
        f"{standing.change_number} in {at}" for at, standing in compared.standings.items()
    )
    news = f"; not recorded yet: {', '.join(sorted(compared.differs))}" if compared.differs else ""
    return Diagnosis("service tags", Grade.OK, f"change number {numbers}{news}")


def _unusable_tag(settings: Settings, fault: Finding) -> Diagnosis:
    # Neither a role nor another location helps against a version that the cloud does not have.
    remedy = fault.code.remedy
    if fault.code != codes.API_VERSION_NOT_SUPPORTED:
        remedy = (
            "assign a role with Microsoft.Network/locations/serviceTags/read at subscription "
            f"{settings.service_tag_subscription_id}, look at SERVICE_TAG_LOCATIONS, and see that "
            "the tag is spelled as Azure spells it in ALLOWED_SERVICE_TAGS"
        )
    return Diagnosis("service tags", Grade.FAULT, f"{fault.code}: {fault.message}", remedy)


def environments(context: App, registered: Sequence[RegisteredTable]) -> Iterator[Diagnosis]:
    """Ask Microsoft.Web once, to see whether the cloud has the API version in use.

    Any other error is left to the check of permissions.
    """
    ids = (one.registration.ase_id for one in registered)
    found = next((ase_id for ase_id in ids if ase_id is not None), None)
    subscription_id = context.settings.service_tag_subscription_id
    try:
        if found is not None:
            context.azure.environments.read(found)
        else:
            next(iter(context.azure.environments.list(subscription_id)), None)
    except RouteSyncError as error:
        if error.code == codes.API_VERSION_NOT_SUPPORTED:
            yield Diagnosis("environments", Grade.FAULT, error.message, error.code.remedy)
