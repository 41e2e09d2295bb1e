"""Who knows whether a command of `az` is right: the Azure CLI its words, and Bicep the bodies."""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from local.bicep import ROOT, Bicep
from tests.builders.missing import without

from .programs import Call

AZURE_CLI = ROOT / ".venv-azure-cli" / "bin" / "python"
PARSE = """
import json, sys
from azure.cli.core import get_default_cli
from knack.events import EVENT_INVOKER_POST_PARSE_ARGS

class Parsed(BaseException):
    pass

def stop(_cli, **_event):
    raise Parsed

cli = get_default_cli()
cli.register_event(EVENT_INVOKER_POST_PARSE_ARGS, stop)
for arguments in json.load(sys.stdin):
    try:
        cli.invoke(arguments)
    except Parsed:
        continue
    except SystemExit:
        print("az", *arguments)
"""
"""The CLI itself reads the arguments, and stops before it would do anything."""


def refused_by_the_cli(calls: Iterable[Call], folder: Path) -> str:
    """Return the commands whose words the Azure CLI does not know, and what it says of them."""
    if not AZURE_CLI.exists():
        without("the Azure CLI is not installed: `make conformance` installs it")

    # It has settings of its own, and installs no extension.
    done = subprocess.run(
        [AZURE_CLI, "-c", PARSE],
        input=json.dumps([call.arguments for call in calls]),
        env={
            "PATH": os.environ["PATH"],
            "AZURE_CONFIG_DIR": str(folder / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    return done.stdout and done.stdout + done.stderr


def refused_by_bicep(bicep: Bicep, calls: Sequence[Call], folder: Path) -> list[str]:
    """Return what the compiler says of the resources that `az rest` puts.

    It knows the names and the types of their properties in this version of the API.
    """
    puts = {(kind, name): body for kind, name, body in map(_resource, calls)}
    resources = [
        f"resource r{number} '{kind}' = {_literal({**body, 'name': name})}\n"
        for number, ((kind, name), body) in enumerate(puts.items())
    ]
    file = folder / "resources.bicep"
    file.write_text("".join(resources))
    found = bicep.ask("compile", path=str(file))["diagnostics"]
    return [one["message"] for one in found if one["code"].startswith("BCP")]


def _resource(call: Call) -> tuple[str, str, Any]:
    """Return its type with the version, its name within the resource group, and its body."""
    found = re.fullmatch(
        r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/([^/]+)/(.+)\?api-version=(.+)",
        call.option("--url"),
    )
    assert found, call.option("--url")
    provider, path, version = found.groups()
    parts = path.split("/")
    kind = "/".join([provider, *parts[::2]])
    return f"{kind}@{version}", "/".join(parts[1::2]), json.loads(call.option("--body"))


def _literal(value: Any) -> str:
    """Return a JSON value as Bicep writes it."""
    match value:
        case dict():
            return "{\n" + "".join(f"{_text(k)}: {_literal(v)}\n" for k, v in value.items()) + "}"
        case list():
            return "[\n" + "".join(f"{_literal(item)}\n" for item in value) + "]"
        case str():
            return _text(value)
        case _:
            return json.dumps(value)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{escaped}'"
