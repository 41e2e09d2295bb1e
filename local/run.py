"""`make run`: run the weekly sync once on a sample Azure, repair a route, and serve until Ctrl-C.

ONCE=1 stops after the repair. HOST_PORT, ARM_PORT and AZURITE_{TABLE,QUEUE,BLOB}_PORT set the
ports. The settings of YOURS come from the shell, if it has them.
"""

import os
import secrets
import shlex
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack

from shared.domain.runs.report import Report
from shared.domain.runs.run import RunStatus, Trigger
from shared.render import render
from shared.storage.account import StorageAccount
from shared.storage.runs import OutcomeLog, RunLog

from . import sample
from .azure.event_topic import Delivery
from .azure.resources import Child, RouteTable
from .azure.server import SimulatedAzure
from .azure.target import key_of
from .azurite import Azurite
from .drift import HandDeletion
from .stack import HostProcess

_EVENTS = Delivery(twice=0.2, late=0.2)
YOURS = ("ALLOWED_SERVICE_TAGS", "CUSTOM_LISTS", "PUBLISHED_TAGS_URL", "DISCOVER_BY_TAG")
_STOPPED = """
Everything has stopped, because ONCE is set. `make run` starts it again and keeps serving until
Ctrl-C. It also says what to try, as docs/local-stack.md does.
"""


def main() -> int:
    once = bool(os.environ.get("ONCE"))
    with ExitStack() as stack:
        _say("Starting Azurite (tables, queues, blobs)")
        ports = {name: _port(f"AZURITE_{name.upper()}_PORT") for name in ("table", "queue", "blob")}
        storage = stack.enter_context(Azurite(ports))

        _say("Starting the simulated Azure, with the real history of the service tag")
        azure = stack.enter_context(SimulatedAzure(port=_port("ARM_PORT")))
        tables = sample.fill(azure.state)
        azure.state.topic.send_to(storage.connection_string(), _EVENTS)

        _say("Starting the Functions host, which indexes function_app.py")
        settings = {
            **sample.settings(),
            **{name: os.environ[name] for name in YOURS if os.environ.get(name)},
            **azure.environment(),
            "AzureWebJobsStorage": storage.connection_string(),
        }
        host = stack.enter_context(_host(settings))

        run_id = _first_run(host, tables)
        report = _report(storage.connection_string(), run_id)
        print(f"\n{render(report)}\n")
        succeeded = report.run.status is RunStatus.SUCCEEDED
        succeeded = succeeded and show_repair(host, azure, tables.registered[0])
        if not once:
            print(f"\nFull report: {host.url}/api/runs/{run_id}?code={host.key}\n")
            _print_next_steps(host, azure, tables, settings)
            _serve_until_interrupted()

    # The message says that everything has stopped, so it comes after the stack's end.
    if once:
        print(_STOPPED, end="")
    return 0 if succeeded else 1


def _report(connection_string: str, run_id: str) -> Report:
    account = StorageAccount.from_connection_string(connection_string)
    run = RunLog(account.runs).get(run_id)
    assert run is not None
    return Report.of(run, OutcomeLog(account.outcomes).list(run_id))


def _host(settings: Mapping[str, str]) -> HostProcess:
    return HostProcess(
        settings,
        port=_port("HOST_PORT", 7071),
        key=secrets.token_urlsafe(24),
        master_key=secrets.token_urlsafe(24),
    )


def _first_run(host: HostProcess, tables: sample.Sample) -> str:
    """Return the id of the run, which has ended."""
    _say(f"Registering {len(tables.registered)} route tables")
    for table in tables.registered:
        host.request("PUT", f"/api/route-tables{table}", json={}).raise_for_status()

    _say("Firing scheduled_sync, which the timer does on Wednesday at 06:00 UTC")
    host.fire("scheduled_sync")
    run_id: str = host.newest_run()["runId"]
    return run_id


def show_repair(
    host: HostProcess, azure: SimulatedAzure, table_id: str, *, within: float = 60
) -> bool:
    """Delete a route of ours as somebody else, and return whether an event brought it back."""
    route = _owned_route(azure, table_id)
    deletion = HandDeletion(azure, _route_id(table_id, route))
    _say(f"Deleting a route of {table_id.rpartition('/')[2]} by hand, as somebody else")
    deletion.delete()

    _say("Waiting until the event of this has come and a run has repaired the table")
    try:
        seconds = deletion.wait_until_back(within)
    except TimeoutError as error:
        _say(f"Nothing has repaired the table: {error}")
        return False

    prefix = route["properties"]["addressPrefix"]
    run_id = _repairing_run(host, prefix)
    if run_id is None:
        _say("The route is back, but no event has started the run that repaired the table")
        return False
    _say(f"The route to {prefix} is back, {seconds:.1f} s after its deletion")
    _say(f"The event started the run that added it again: {run_id}")
    return True


def _owned_route(azure: SimulatedAzure, table_id: str) -> Child:
    """Return the first route of ours in this table."""
    table = azure.state.find(RouteTable, key_of(table_id))
    assert table is not None
    return next(route for route in table.routes if route["name"].startswith("asemgmt--"))


def _route_id(table_id: str, route: Child) -> str:
    return f"{table_id}/routes/{route['name']}"


def _repairing_run(host: HostProcess, prefix: str) -> str | None:
    """Return the id of the run that an event started, and that added this prefix."""
    runs = host.request("GET", "/api/runs?top=20").raise_for_status().json()["value"]
    for run in runs:
        if run["trigger"] == Trigger.EVENT:
            report = host.ended_run(run["runId"])
            added = [added for outcome in report["outcomes"] for added in outcome["added"]]
            if prefix in added and report["status"] == RunStatus.SUCCEEDED:
                return str(run["runId"])
    return None


def _print_next_steps(
    host: HostProcess, azure: SimulatedAzure, tables: sample.Sample, settings: Mapping[str, str]
) -> None:
    table = tables.registered[1]
    reader = {
        "APP": host.url,
        "KEY": host.key,
        "ARM": azure.url,
        "TABLE": table,
        "ROUTE": _route_id(table, _owned_route(azure, table)),
        "UNREGISTERED": tables.unregistered,
        "ASE": tables.without_table,
        "DATABRICKS": tables.databricks,
    }
    laptop = sample.for_a_laptop(settings)
    sync = f"curl -X POST -H 'x-functions-key: {host.key}' -d '{{}}' {host.url}/api/sync"

    print(
        "Try first:",
        f"  the dashboard           {host.url}/api/dashboard?code={host.key}",
        f"  the tag's next version  curl -X POST {azure.url}/simulator/service-tags/step && {sync}",
        f"  the command line        env {_assignments(laptop)} .venv/bin/python -m shared plan",
        "",
        "docs/local-stack.md has more to try. Its commands need these variables in your shell:",
        f"  {_assignments(reader)}",
        sep="\n",
    )


def _assignments(variables: Mapping[str, str]) -> str:
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())


def _serve_until_interrupted() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    print("\nServing until Ctrl-C.", flush=True)
    stop.wait()


def _port(name: str, default: int = 0) -> int:
    return int(os.environ.get(name) or default)


def _say(text: str) -> None:
    print(f"· {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError) as error:
        sys.exit(f"make run: {error}")
