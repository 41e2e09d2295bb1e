"""Look for everything that prevents a sync, and say what to do about it."""

import os
from collections.abc import Iterator
from typing import Any

from azure.storage.queue import QueueServiceClient

from ..app import App
from ..settings import Connections, InvalidSettings
from . import show
from .agreement import Agreement, agreement
from .checks import Diagnosis, Grade
from .checks.app_settings import app_settings
from .checks.custom_lists import custom_lists
from .checks.permissions import permissions
from .checks.policies import policies
from .checks.reach import Clock, Peer, clock_finding, reach
from .checks.services import (
    environments,
    events,
    identity,
    queue_service,
    queues,
    route_limits,
    storage,
    table_url,
    tags,
)
from .checks.weekly_file import weekly_file_hosts
from .errors import Ended
from .shell import answer


def examine(*, as_json: bool) -> None:
    """Show each diagnosis as soon as there is one. The exit status is 1 if one is a fault."""
    diagnoses: list[Diagnosis] = []
    for diagnosis in _diagnoses(agreement()):
        diagnoses.append(diagnosis)
        if not as_json:
            answer(None, show.diagnosis(diagnosis), as_json=False)

    healthy = all(diagnosis.grade is not Grade.FAULT for diagnosis in diagnoses)
    body: dict[str, Any] = {"healthy": healthy, "findings": [one.to_json() for one in diagnoses]}
    if as_json:
        answer(body, "", as_json=True)
    raise Ended(0 if healthy else 1)


def _diagnoses(here: Agreement) -> Iterator[Diagnosis]:
    try:
        connections, _ = here.connections, here.account
    except InvalidSettings as error:
        remedy = "the README has a table of all settings"
        yield from (Diagnosis("settings", Grade.FAULT, fault, remedy) for fault in error.faults)
    else:
        yield from _outside(here, connections)


def _outside(here: Agreement, connections: Connections) -> Iterator[Diagnosis]:
    queue = queue_service(connections)
    clock, is_reachable = Clock(), True
    for peer in _peers(connections, queue.url):
        reached = reach(peer, clock)
        is_reachable = is_reachable and reached.grade is not Grade.FAULT
        yield reached
    yield clock_finding(clock)
    yield identity(connections)

    # If a host cannot be reached, the checks of its services would only wait for it again.
    if is_reachable:
        yield from _stored(here, queue)


def _stored(here: Agreement, queue: QueueServiceClient) -> Iterator[Diagnosis]:
    stored = storage(here.account)
    yield stored
    if stored.grade is Grade.FAULT:
        return

    yield from queues(queue)
    context = yield from app_settings(here)
    if context is not None:
        yield from _services(context)


def _services(context: App) -> Iterator[Diagnosis]:
    yield events(context)
    enabled = [one for one in context.registry.list() if one.registration.enabled]
    checks = (weekly_file_hosts, tags, custom_lists, environments, route_limits)
    for check in (*checks, permissions, policies):
        yield from check(context, enabled)


def _peers(connections: Connections, queue_url: str) -> list[Peer]:
    """Return the hosts to reach. Source of their tags: "Virtual network service tags"."""
    arm = connections.arm_endpoint or connections.cloud.arm_endpoint
    peers = [
        Peer("Azure Resource Manager", arm, "AzureResourceManager"),
        Peer("Table Storage", table_url(connections), "Storage"),
        Peer("Queue Storage", queue_url, "Storage"),
    ]
    # A managed identity gets its tokens from Azure, not from Entra directly.
    if "IDENTITY_ENDPOINT" not in os.environ:
        entra = f"https://{connections.cloud.authority}"
        peers.append(Peer("Microsoft Entra", entra, "AzureActiveDirectory"))
    return peers
