"""What stands in the way of a sync, and what to do about each."""

import os
from collections.abc import Iterator
from typing import Any

from azure.core.exceptions import AzureError

from ..app import app
from ..settings import InvalidSettings, Settings
from . import show
from .checks import Diagnosis, Grade
from .checks.permissions import permissions
from .checks.reach import Clock, Peer, clock_finding, reach
from .checks.services import (
    identity,
    queue_service,
    queues,
    route_limits,
    storage,
    storage_fault,
    table_url,
    tags,
)
from .errors import Ended
from .shell import answer


def examine(*, as_json: bool) -> None:
    """Show each finding when it is found; exit status 1 if one is a fault."""
    found: list[Diagnosis] = []
    for finding in _findings():
        found.append(finding)
        if not as_json:
            answer(None, show.finding(finding), as_json=False)
    healthy = all(finding.grade is not Grade.FAULT for finding in found)
    body: dict[str, Any] = {"healthy": healthy, "findings": [f.to_json() for f in found]}
    if as_json:
        answer(body, "", as_json=True)
    raise Ended(0 if healthy else 1)


def _findings() -> Iterator[Diagnosis]:
    try:
        settings = Settings.read(os.environ)
    except InvalidSettings as error:
        for fault in error.faults:
            yield Diagnosis(
                "settings", Grade.FAULT, fault, "the README has a table of all settings"
            )
        return
    yield _schedules(settings)
    queue = queue_service(settings)
    clock, reached = Clock(), []
    for peer in _peers(settings, queue.url):
        reached.append(reach(peer, clock))
        yield reached[-1]
    yield clock_finding(clock)
    yield identity(settings)
    if any(finding.grade is Grade.FAULT for finding in reached):
        return  # what follows would say the same again, after minutes
    try:
        context = app()
    except AzureError as error:
        yield storage_fault(error)
        return
    yield storage(context)
    yield from queues(queue)
    registered = [one for one in context.registry.list() if one.enabled]
    for look in (tags, route_limits, permissions):
        yield from look(context, registered)


def _schedules(settings: Settings) -> Diagnosis:
    missing = settings.missing_schedules
    if not missing:
        return Diagnosis("settings", Grade.OK, "complete")
    return Diagnosis(
        "settings",
        Grade.WARNING,
        f"{', '.join(missing)} missing: a function app would never run by itself",
        "set it in the app's settings; here it is not needed",
    )


def _peers(settings: Settings, queue_url: str) -> list[Peer]:
    """Source of the tags: "Virtual network service tags"."""
    arm = settings.arm_endpoint or settings.cloud.arm_endpoint
    peers = [
        Peer("Azure Resource Manager", arm, "AzureResourceManager"),
        Peer("Table Storage", table_url(settings), "Storage"),
        Peer("Queue Storage", queue_url, "Storage"),
    ]
    if "IDENTITY_ENDPOINT" not in os.environ:  # else Azure signs in for the managed identity
        entra = f"https://{settings.cloud.authority}"
        peers.append(Peer("Microsoft Entra", entra, "AzureActiveDirectory"))
    return peers
