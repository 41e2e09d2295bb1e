"""docs/walk-through.md, run as it is written."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from local import sample
from local.azure.resources import RouteTable
from shared.domain.addresses import ipv4_of
from tests.builders.routes import owned_prefixes

DOCUMENT = Path(__file__).parents[2] / "docs" / "walk-through.md"


def blocks():
    """The commands and what they are said to print, in their order; first what is the reader's."""
    found = re.findall(r"```(sh|text)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (_, own), *rest = found
    assert all(name in own for name in ("APP=", "KEY=", "ASE="))
    return rest


def test_every_command_prints_what_is_said(azure, make_host, tmp_path):
    bare = sample.fill(azure.state).without_table
    host = make_host(**sample.settings())
    environment = {**os.environ, "APP": host.url, "KEY": host.key, "ASE": bare}
    helpers, printed = "", ""
    for kind, text in blocks():
        if kind == "text":
            for line in text.splitlines():
                assert line in printed, f"{line} is not in {printed}"
        elif "() {" in text:
            helpers = text
        else:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", helpers + text],
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stderr}"
            printed = _of_ours(done.stdout, bare)
    provisioned = bare.replace("Microsoft.Web/hostingEnvironments", "Microsoft.Network/routeTables")
    table = azure.state.find(RouteTable, f"{provisioned}-Route-Table".lower())
    assert owned_prefixes(table) == set(ipv4_of(azure.state.tags.at("")["addressPrefixes"]))
    assert table.tags == {"costCenter": "4711"}


def _of_ours(printed, ase_id):
    """If `discover` was called, the entry of this environment, and else all that was printed."""
    whole = json.loads(printed)
    entries = [entry for entry in whole.get("value", ()) if entry.get("aseId") == ase_id]
    return json.dumps(entries[0], indent=4) if entries else printed


def test_the_document_links_to_what_is_there():
    for link in re.findall(r"\]\(([\w./-]+)\)", DOCUMENT.read_text()):
        assert (DOCUMENT.parent / link).exists(), link


@pytest.mark.parametrize("kind", ["sh", "text"])
def test_there_is_something_to_run(kind):
    assert len([k for k, _ in blocks() if k == kind]) >= 5
