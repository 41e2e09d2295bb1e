"""Look for everything that prevents a sync, and say what to do about it."""

import os
from collections.abc import Iterator
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueServiceClient

from ..app import app
from ..settings import InvalidSettings, Settings
from . import show
from .checks import Diagnosis, Grade
from .checks.permissions import permissions
from .checks.reach import Clock, Peer, clock_finding, reach
from .checks.services import (
    environments,
    events,
    identity,
    no_storage,
    queue_service,
    queues,
    route_limits,
    storage,
    table_url,
    tags,
)
from .errors import Ended
from .shell import answer

_EXAMPLES = {
    "SYNC_SCHEDULE": "0 0 6 * * 3: Wednesday at 06:00",
    "CHECK_SCHEDULE": "0 20 5 * * *: each day at 05:20",
}


def examine(*, as_json: bool) -> None:
    """Show each diagnosis as soon as there is one. The exit status is 1 if one is a fault."""
    diagnoses: list[Diagnosis] = []
    for diagnosis in _diagnoses():
        diagnoses.append(diagnosis)
        if not as_json:
            answer(None, show.diagnosis(diagnosis), as_json=False)

    healthy = all(diagnosis.grade is not Grade.FAULT for diagnosis in diagnoses)
    body: dict[str, Any] = {"healthy": healthy, "findings": [one.to_json() for one in diagnoses]}
    if as_json:
        answer(body, "", as_json=True)
    raise Ended(0 if healthy else 1)


def _diagnoses() -> Iterator[Diagnosis]:
    try:
        settings = Settings.read(os.environ)
    except InvalidSettings as error:
        remedy = "the README has a table of all settings"
        yield from (Diagnosis("settings", Grade.FAULT, fault, remedy) for fault in error.faults)
    else:
        yield from _schedules(settings)
        yield from _outside(settings)


def _outside(settings: Settings) -> Iterator[Diagnosis]:
    queue = queue_service(settings)
    clock, is_reachable = Clock(), True
    for peer in _peers(settings, queue.url):
        reached = reach(peer, clock)
        is_reachable = is_reachable and reached.grade is not Grade.FAULT
        yield reached
    yield clock_finding(clock)
    yield identity(settings)

    # If a host cannot be reached, the checks of its services would only wait for it again.
    if is_reachable:
        yield from _services(queue)


def _services(queue: QueueServiceClient) -> Iterator[Diagnosis]:
    try:
        context = app()
    except AzureError as error:
        yield no_storage(error)
        return

    yield storage(context)
    yield from queues(queue)
    yield events(context)
    enabled = [one for one in context.registry.list() if one.registration.enabled]
    for check in (tags, environments, route_limits, permissions):
        yield from check(context, enabled)


def _schedules(settings: Settings) -> Iterator[Diagnosis]:
    for name, fault in settings.wrong_schedules.items():
        remedy = f"correct it in the app's settings, for example to {_EXAMPLES[name]}"
        yield Diagnosis("settings", Grade.FAULT, f"{name}: {fault}", remedy)

    missing = settings.missing_schedules
    if missing:
        said = f"{', '.join(missing)} missing: without it a function app never runs by itself"
        remedy = "set it in the app's settings; the command line does not need it"
        yield Diagnosis("settings", Grade.WARNING, said, remedy)
    elif not settings.wrong_schedules:
        yield Diagnosis("settings", Grade.OK, "complete")


def _peers(settings: Settings, queue_url: str) -> list[Peer]:
    """Return the hosts to reach. Source of their tags: "Virtual network service tags"."""
    arm = settings.arm_endpoint or settings.cloud.arm_endpoint
    peers = [
        Peer("Azure Resource Manager", arm, "AzureResourceManager"),
        Peer("Table Storage", table_url(settings), "Storage"),
        Peer("Queue Storage", queue_url, "Storage"),
    ]
    # A managed identity gets its tokens from Azure, not from Entra directly.
    if "IDENTITY_ENDPOINT" not in os.environ:
        entra = f"https://{settings.cloud.authority}"
        peers.append(Peer("Microsoft Entra", entra, "AzureActiveDirectory"))
    return peers
