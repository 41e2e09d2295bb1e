"""host.json, which the environment can override, `%NAME%` in bindings, and disabled functions."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from .backoff import SHORTEST_SECONDS

MOST_MESSAGES_AT_ONCE = 32
"""The queue service gives no more messages to one request."""
_OVERRIDE = "AzureFunctionsJobHost__"


class HostError(Exception):
    """The host refuses to start."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues` of host.json.

    Source of the defaults and bounds: QueuesOptions.cs of Azure/azure-sdk-for-net.
    """

    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    max_polling_interval: timedelta
    visibility_timeout: timedelta


def function_timeout(root: Path, environment: Mapping[str, str]) -> timedelta:
    """Return how long an invocation may take. The default is that of Flex Consumption."""
    return _duration(_host_json(root, environment).get("functionTimeout", "00:30:00"))


def queue_options(root: Path, environment: Mapping[str, str]) -> QueueOptions:
    """Raise HostError if an option is out of its bounds."""
    given = _host_json(root, environment).get("extensions", {}).get("queues", {})
    batch_size = int(given.get("batchSize", 16))
    options = QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=int(given.get("newBatchThreshold", batch_size // 2)),
        max_dequeue_count=int(given.get("maxDequeueCount", 5)),
        max_polling_interval=_duration(given.get("maxPollingInterval", "00:01:00")),
        visibility_timeout=_duration(given.get("visibilityTimeout", "00:00:00")),
    )

    within_bounds = {
        "batchSize": 1 <= options.batch_size <= MOST_MESSAGES_AT_ONCE,
        "newBatchThreshold": options.new_batch_threshold >= 0,
        "maxDequeueCount": options.max_dequeue_count >= 1,
        "maxPollingInterval": options.max_polling_interval.total_seconds() >= SHORTEST_SECONDS,
    }
    for name, is_within in within_bounds.items():
        if not is_within:
            raise HostError(f"extensions.queues.{name} in host.json is out of its bounds.")
    return options


def resolve(text: str) -> str:
    """Replace each `%NAME%` by its setting. Raise HostError if it is missing, as the real host."""

    def setting(match: re.Match[str]) -> str:
        name = match[1]
        if not os.environ.get(name):
            raise HostError(f"'%{name}%' does not resolve to a value.")
        return os.environ[name]

    return re.sub(r"%([^%]+)%", setting, text)


def is_disabled(function_name: str) -> bool:
    """Source: "How to disable functions in Azure Functions"."""
    setting = os.environ.get(f"AzureWebJobs.{function_name}.Disabled", "")
    return setting.lower() in {"true", "1"}


def _host_json(root: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / "host.json").read_text())
    for name, text in environment.items():
        if name.startswith(_OVERRIDE):
            *path, last = name.removeprefix(_OVERRIDE).split("__")
            place = content
            for key in path:
                place = place.setdefault(key, {})
            place[last] = text
    return content


def _duration(text: str) -> timedelta:
    hours, minutes, seconds = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
