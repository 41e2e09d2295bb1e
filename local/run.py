"""`make run`: the weekly sync once, on a sample Azure, then served until Ctrl-C.

ONCE=1 stops after the report. Ports: HOST_PORT, ARM_PORT, AZURITE_{TABLE,QUEUE,BLOB}_PORT.
"""

import json
import os
import secrets
import shlex
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack

from shared.render import render

from . import sample
from .azure.server import SimulatedAzure
from .azurite import Azurite
from .stack import HostProcess

_LOST_ANSWER = '[{"method": "PUT", "path": "tables", "effect": {"kind": "drop", "effected": true}}]'
_STOPPED = """
Everything has stopped, because ONCE is set. `make run` starts it again and keeps serving until
Ctrl-C; it also says what to try: the dashboard, calls with curl, the command line.
"""
_TWENTY_OTHERS = '{"seed": 7, "count": 20}'


def main() -> int:
    with ExitStack() as stack:
        _say("Starting Azurite (tables, queues)")
        ports = {n: _port(f"AZURITE_{n.upper()}_PORT") for n in ("table", "queue", "blob")}
        storage = stack.enter_context(Azurite(ports))
        _say("Starting the simulated Azure, with the real history of the service tag")
        azure = stack.enter_context(SimulatedAzure(port=_port("ARM_PORT")))
        tables = sample.fill(azure.state)
        _say("Starting the Functions host, which indexes function_app.py")
        settings = {
            **sample.settings(),
            **azure.environment(),
            "AzureWebJobsStorage": storage.connection_string(),
        }
        host = stack.enter_context(
            HostProcess(
                settings,
                port=_port("HOST_PORT", 7071),
                key=secrets.token_urlsafe(24),
                master_key=secrets.token_urlsafe(24),
            )
        )
        _say(f"Registering {len(tables.registered)} route tables")
        for table in tables.registered:
            host.request("PUT", f"/api/route-tables{table}", json={}).raise_for_status()
        _say("Firing scheduled_sync, as Wednesday 06:00 UTC would")
        host.fire("scheduled_sync")
        report = host.newest_run()
        print(f"\n{render(report)}")
        if not os.environ.get("ONCE"):
            print(f"Whole: {host.url}/api/runs/{report['runId']}?code={host.key}")
            print(f"Dashboard: {host.url}/api/dashboard?code={host.key}\n")
            _tell_next(host, azure, tables, settings)
            _serve_until_interrupted()
    if os.environ.get("ONCE"):
        print(_STOPPED, end="")
    return 0 if report["status"] == "Succeeded" else 1


def _tell_next(
    host: HostProcess, azure: SimulatedAzure, tables: sample.Sample, settings: Mapping[str, str]
) -> None:
    key = f"-H 'x-functions-key: {host.key}'"
    print(
        "Not registered, so not touched; register it, then sync again:",
        f"  {tables.unregistered}",
        f"  curl -X PUT {key} -d '{{}}' \\\n    {host.url}/api/route-tables{tables.unregistered}",
        "  It holds a wanted prefix with another next hop: the run will report a conflict there.",
        "",
        "An environment that has no route table yet; docs/walk-through.md gives it one:",
        f"  {tables.without_table}",
        "",
        "Try next:",
        "  every environment, what stands around it, and what is wrong",
        f"    curl -X POST {key} -d '{{}}' {host.url}/api/discover",
        "  publish the tag's next version",
        f"    curl -X POST {azure.url}/simulator/service-tags/step",
        "  start a run; follow Location until it answers 200",
        f'    curl -i -X POST {key} -d \'{{"mode": "apply"}}\' {host.url}/api/sync',
        "  runs, registered tables, recorded versions, health; what Azure was asked",
        f"    {host.url}/api/runs?code={host.key}",
        f"    {host.url}/api/route-tables?code={host.key}",
        f"    {host.url}/api/versions?code={host.key}",
        f"    {host.url}/api/health",
        f"    {azure.url}/simulator/log",
        "  an alert, as Azure Monitor sends it: somebody wrote a table",
        f"    curl -X POST {key} -d '{_alert(tables.registered[0])}' \\",
        f"      {host.url}/api/alerts",
        "  let the next write's answer be lost, or twenty other things go wrong, and sync again",
        f"    curl -X POST {azure.url}/simulator/faults -d '{_LOST_ANSWER}'",
        f"    curl -X POST {azure.url}/simulator/faults -d '{_TWENTY_OTHERS}'",
        "  the command line, on the same Azure",
        f"    env {' '.join(f'{k}={shlex.quote(v)}' for k, v in settings.items())} \\",
        "      .venv/bin/python -m shared plan",
        sep="\n",
    )


def _alert(target: str) -> str:
    essentials = {
        "alertId": "1",
        "monitorCondition": "Fired",
        "monitoringService": "Platform",
        "alertTargetIDs": [target],
    }
    data = {"essentials": essentials}
    return json.dumps({"schemaId": "azureMonitorCommonAlertSchema", "data": data})


def _serve_until_interrupted() -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    print("\nServing until Ctrl-C.", flush=True)
    stopped.wait()


def _port(name: str, default: int = 0) -> int:
    return int(os.environ.get(name) or default)


def _say(text: str) -> None:
    print(f"· {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError) as error:
        sys.exit(f"make run: {error}")
