"""Runs on a host, and what Azure was asked meanwhile."""

import time
from collections.abc import Sequence
from typing import Any

from local.azure.operations import OperationApi
from local.azure.state import State
from local.stack import HostProcess

_LOOKED_EVERY_SECONDS = 1.0


def start(host: HostProcess, tables: Sequence[str] | None = None) -> str:
    body = {} if tables is None else {"routeTables": list(tables)}
    answer = host.request("POST", "/api/sync", json=body).raise_for_status()
    return str(answer.json()["runId"])


def ended(host: HostProcess, run_id: str, within: float = 600) -> dict[str, Any]:
    """The run as the list has it: a report of a thousand tables is work of its own."""
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        time.sleep(_LOOKED_EVERY_SECONDS)
        listed = host.request("GET", "/api/runs?top=5").raise_for_status().json()["value"]
        for run in listed:
            if run["runId"] == run_id and run["status"] != "Running":
                found: dict[str, Any] = run
                return found
    raise TimeoutError(f"run {run_id} not ended within {within} s")


def requests_of(state: State) -> dict[str, int]:
    """What Azure was asked: of route tables, of operations, and what it refused for too many."""
    counts = dict.fromkeys(("reads", "writes", "polls", "429"), 0)
    for entry in state.log:
        if entry["status"] == 429:
            counts["429"] += 1
        elif f"/{OperationApi.kind.rsplit('/', 1)[1]}/" in entry["path"]:
            counts["polls"] += 1
        elif "/routeTables/" in entry["path"]:
            counts["reads" if entry["method"] == "GET" else "writes"] += 1
    return counts
