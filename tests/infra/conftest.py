"""What the compiler makes of the infrastructure."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.bicep import ROOT, Bicep
from local.snapshots import taken

from .deployed import Deployed

MAIN = ROOT / "infra" / "main.bicep"

type Expand = Callable[..., Deployed]
type Value = str | int | dict[str, str]


@pytest.fixture(scope="session")
def template(bicep: Bicep) -> Any:
    """main.bicep as the compiler makes a template of it."""
    return json.loads(bicep.ask("compile", path=str(MAIN))["contents"])


@pytest.fixture
def expand(bicep: Bicep, tmp_path: Path) -> Expand:
    """Give what main.bicep deploys with these parameters. RuntimeError says why it refuses them."""

    profile = tmp_path / "profile.bicepparam"
    using = f"using '{MAIN.relative_to(tmp_path, walk_up=True)}'\n"
    required = {"environmentName": "prod", "location": "westeurope", "cloud": "AzureCloud"}

    def ask(**given: Value) -> Deployed:
        values = required | given
        lines = [f"param {name} = {_literal(value)}\n" for name, value in values.items()]
        profile.write_text(using + "".join(lines))
        return Deployed.read(taken(bicep, profile))

    return ask


def _literal(value: Value) -> str:
    match value:
        case str():
            return f"'{value}'"
        case dict():
            return "{ " + ", ".join(f"{name}: '{text}'" for name, text in value.items()) + " }"
        case _:
            return json.dumps(value)
