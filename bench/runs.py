"""Runs on a host, and the requests to Azure meanwhile."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from local.azure.operations import OperationApi
from local.azure.state import State
from local.stack import HostProcess

_POLL_SECONDS = 1.0


def time_run(host: HostProcess, tables: Sequence[str] | None = None) -> float:
    """Return the seconds from the request to the end of the run.

    Raise RuntimeError if the run does not succeed.
    """
    began = datetime.now(UTC)
    run = wait_for_end(host, start(host, tables))
    _expect_success(run)
    return seconds_until_end(run, began)


def seconds_until_end(run: dict[str, Any], began: datetime) -> float:
    """The run itself says when it has ended, because the bench looks only once a second."""
    return (datetime.fromisoformat(run["finishedAt"]) - began).total_seconds()


def start(host: HostProcess, tables: Sequence[str] | None = None) -> str:
    body = {} if tables is None else {"routeTables": list(tables)}
    answer = host.request("POST", "/api/sync", json=body).raise_for_status()
    return str(answer.json()["runId"])


def wait_for_end(host: HostProcess, run_id: str, within: float = 600) -> dict[str, Any]:
    """Return the run from the list of runs, because a report of a thousand tables costs time.

    Raise TimeoutError after `within` seconds.
    """
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
        runs = host.request("GET", "/api/runs?top=5").raise_for_status().json()["value"]
        found: list[dict[str, Any]] = [run for run in runs if run["runId"] == run_id]
        if found and found[0]["status"] != "Running":
            return found[0]
    raise TimeoutError(f"run {run_id} did not end within {within} s")


def seconds_of_tables(host: HostProcess, run_id: str) -> list[float]:
    """Return how long each table took by itself. Raise RuntimeError if the run did not succeed."""
    run = host.ended_run(run_id)
    _expect_success(run)
    return [table["durationMs"] / 1000 for table in run["outcomes"]]


def _expect_success(run: dict[str, Any]) -> None:
    if run["status"] != "Succeeded":
        raise RuntimeError(f"the run did not succeed: {run}")


def count_requests(state: State) -> dict[str, int]:
    """Count the reads and writes of route tables, the polls of operations, and the 429s."""
    counts = dict.fromkeys(("reads", "writes", "polls", "429"), 0)
    for entry in state.log:
        if entry["status"] == 429:
            counts["429"] += 1
        elif f"/{OperationApi.kind.rsplit('/', 1)[1]}/" in entry["path"]:
            counts["polls"] += 1
        elif "/routeTables/" in entry["path"]:
            counts["reads" if entry["method"] == "GET" else "writes"] += 1
    return counts
