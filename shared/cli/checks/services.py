"""Who we are, and whether storage, its queues and the service tags answer us."""

import os
from collections.abc import Iterator, Sequence

import jwt
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.data.tables import TableServiceClient, UpdateMode
from azure.storage.queue import QueueServiceClient

from ...app import App, arm_credential, storage_credential
from ...domain.errors import RouteSyncError
from ...domain.registry.registration import Registration
from ...settings import Settings
from .diagnosis import Diagnosis, Grade

QUEUES = ("route-table-runs", "route-table-sync")
_PROBE = {"PartitionKey": "doctor", "RowKey": "probe"}


def identity(settings: Settings) -> Diagnosis:
    """Whose token Azure gets, as the token says. Source: "Access token claims reference"."""
    try:
        token = arm_credential(settings).get_token(settings.cloud.credential_scope).token
        claims = jwt.decode(token, options={"verify_signature": False})
    except (AzureError, jwt.InvalidTokenError) as error:
        return Diagnosis(
            "identity",
            Grade.FAULT,
            f"nobody is signed in: {_first_line(error)}",
            "az login on a laptop; in Azure assign the app an identity, and name a user-assigned "
            "one in AZURE_CLIENT_ID",
        )
    who = next((claims[n] for n in ("upn", "unique_name", "appid", "azp") if n in claims), "?")
    return Diagnosis("identity", Grade.OK, f"{who} (object {claims.get('oid', '?')})")


def storage(context: App) -> Diagnosis:
    """Whether the tables can be read and written."""
    table = context.account.runs
    try:
        context.account.check()
        table.upsert_entity(_PROBE, mode=UpdateMode.REPLACE)
        table.delete_entity(_PROBE)
    except AzureError as error:
        return storage_fault(error)
    return Diagnosis("storage", Grade.OK, "the tables can be read and written")


def storage_fault(error: AzureError) -> Diagnosis:
    return Diagnosis(
        "storage",
        Grade.FAULT,
        f"the tables can't be read and written: {_first_line(error)}",
        "assign the role Storage Table Data Contributor at the account; where it is reached by a "
        "private endpoint only, run this from that network",
    )


def queues(service: QueueServiceClient) -> Iterator[Diagnosis]:
    """How many messages wait, and how many were given up."""
    try:
        waiting = {name: _length(service, name) for name in QUEUES}
        given_up = {name: _length(service, f"{name}-poison") for name in QUEUES}
    except AzureError as error:
        yield Diagnosis(
            "queues",
            Grade.FAULT,
            f"they can't be read: {_first_line(error)}",
            "assign the role Storage Queue Data Contributor at the account",
        )
        return
    poisoned = {name: count for name, count in given_up.items() if count}
    for name, count in poisoned.items():
        yield Diagnosis(
            "queues",
            Grade.WARNING,
            f"{count} messages wait in {name}-poison",
            "where they stay the functions do not run: look at the app's log",
        )
    if not poisoned:
        said = ", ".join(f"{count or 0} in {name}" for name, count in waiting.items())
        yield Diagnosis("queues", Grade.OK, f"messages waiting: {said}")


def tags(context: App, registered: Sequence[Registration]) -> Iterator[Diagnosis]:
    """Whether the tags that are in use can be read, and which change number each place gives."""
    wanted = {tag for one in registered for tag in one.service_tags}
    try:
        compared = context.pull.compare(wanted or {context.settings.service_tag})
    except RouteSyncError as error:
        yield _unusable_tag(context.settings, str(error))
        return
    for tag, fault in compared.unusable.items():
        yield _unusable_tag(context.settings, f"{tag}: {fault.code}: {fault.message}")
    if not compared.unusable:
        numbers = ", ".join(f"{number} in {at}" for at, number in compared.change_numbers.items())
        news = f"; not recorded yet: {', '.join(sorted(compared.differs))}"
        yield Diagnosis(
            "service tags",
            Grade.OK,
            f"change number {numbers}{news if compared.differs else ''}",
        )


def route_limits(context: App, registered: Sequence[Registration]) -> Iterator[Diagnosis]:
    """Whether it is known how many routes the registered tables may have: of those read before."""
    read = [(one.route_table_id, one.reading) for one in registered]
    places = {(i.subscription_id.lower(), reading.location) for i, reading in read if reading}
    known = {place: context.route_limits.routes(*place) is not None for place in places}
    unknown = sorted(
        {subscription for (subscription, _), is_known in known.items() if not is_known}
    )
    for subscription in unknown:
        yield Diagnosis(
            "route limits",
            Grade.WARNING,
            f"not known in subscription {subscription}: they are not judged there",
            "assign a role with Microsoft.Network/locations/usages/read at "
            f"/subscriptions/{subscription}, or set ROUTE_LIMIT",
        )
    if places and not unknown:
        yield Diagnosis("route limits", Grade.OK, "known of every registered route table")


def queue_service(settings: Settings) -> QueueServiceClient:
    """Of the one account, by its connection string or the identity."""
    if settings.storage_connection_string is not None:
        return QueueServiceClient.from_connection_string(settings.storage_connection_string)
    endpoint = os.environ.get("AzureWebJobsStorage__queueServiceUri")
    host = f"{settings.storage_account_name}.queue.{settings.cloud.storage_suffix}"
    return QueueServiceClient(
        endpoint or f"https://{host}",
        credential=storage_credential(settings),
    )


def table_url(settings: Settings) -> str:
    if settings.storage_connection_string is None:
        return settings.table_endpoint
    return str(TableServiceClient.from_connection_string(settings.storage_connection_string).url)


def _length(service: QueueServiceClient, name: str) -> int | None:
    """About how many; None before the first message."""
    try:
        return service.get_queue_client(name).get_queue_properties().approximate_message_count
    except ResourceNotFoundError:
        return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _unusable_tag(settings: Settings, said: str) -> Diagnosis:
    return Diagnosis(
        "service tags",
        Grade.FAULT,
        said,
        "assign a role with Microsoft.Network/locations/serviceTags/read at subscription "
        f"{settings.service_tag_subscription_id}, and look at SERVICE_TAG_LOCATIONS",
    )
