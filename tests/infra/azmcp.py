"""azmcp is Microsoft's package of Azure tools: one answers offline what Bicep knows of a type.

It compiles itself whenever it starts, which takes seconds, so one process is asked for all types.
"""

import fcntl
import itertools
import json
import os
import subprocess
from collections.abc import Collection, Iterable
from importlib.metadata import files, version
from typing import Any

import pytest

_TOOL = "bicepschema_get"
_SETTINGS = {
    "AZURE_MCP_COLLECT_TELEMETRY": "false",
    # azmcp ends after some seconds, before .NET's work in the background is of any use.
    "DOTNET_TieredPGO": "0",
    "DOTNET_gcConcurrent": "0",
}


def answers(kinds: Collection[str], cache: pytest.Cache) -> dict[str, Any]:
    """pytest keeps what azmcp says of each type, because a version of it always says the same."""
    key = f"azmcp/{version('msmcp-azure')}"
    with (cache.mkdir("azmcp") / "lock").open("w") as lock:
        # pytest's workers need the same answers, so one of them asks and the others wait for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        known: dict[str, Any] = cache.get(key, {})
        if missing := {*kinds} - known.keys():
            known |= _asked(sorted(missing))
            cache.set(key, {kind: one for kind, one in known.items() if one["status"] == 200})
    return known


def _asked(kinds: Iterable[str]) -> dict[str, Any]:
    """azmcp is a server of the Model Context Protocol: it reads a line of JSON, and writes one."""
    [program] = [f for f in files("msmcp-azure") or () if f.match("msmcp_azure/bin/azmcp")]
    numbers = itertools.count()
    with subprocess.Popen(
        [str(program.locate()), "server", "start", "--tool", _TOOL],
        env={**os.environ, **_SETTINGS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        to_server, from_server = server.stdin, server.stdout
        assert to_server is not None and from_server is not None

        def send(**message: Any) -> None:
            print(json.dumps({"jsonrpc": "2.0", **message}), file=to_server, flush=True)

        def ask(method: str, **params: Any) -> Any:
            number = next(numbers)
            send(id=number, method=method, params=params)
            # In between the server may say something of its own, which has no number.
            said = map(json.loads, from_server)
            return next(one["result"] for one in said if one.get("id") == number)

        client = {"name": "tests", "version": "1"}
        ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
        send(method="notifications/initialized")
        found = {
            kind: ask("tools/call", name=_TOOL, arguments={"resource-type": kind}) for kind in kinds
        }
    return {kind: json.loads(said["content"][0]["text"]) for kind, said in found.items()}
