"""docs/walk-through.md, run as it is written."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from local import sample
from local.azure.resources import RouteTable
from shared.domain.addresses import ipv4_of
from tests.builders.routes import owned_prefixes
from tests.examples.programs import shorten_pauses
from tests.examples.scenarios import BAD, GOOD, HTML, KEY, app, running
from tests.examples.scripted import Drop, Reply, Scripted

DOCUMENT = Path(__file__).parents[2] / "docs" / "walk-through.md"


def blocks():
    """The commands and what they are said to print, in their order; first what is the reader's."""
    found = re.findall(r"```(sh|text)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (_, own), *rest = found
    assert all(name in own for name in ("APP=", "KEY=", "ASE="))
    return rest


def functions():
    [found] = [text for kind, text in blocks() if kind == "sh" and "() {" in text]
    return found


@pytest.mark.parametrize(
    ("script", "succeeds", "said"),
    [
        (app(running(), GOOD), True, '"Succeeded"'),
        (app(running(), BAD), False, '"AuthorizationFailed"'),
        (app(start=lambda *_: Reply(400, '{"error": "…"}')), False, "HTTP 400"),
        (app(start=lambda *_: Reply(202, "<html></html>")), False, ""),
        (app(start=lambda *_: Drop()), False, ""),
        (app(running(), Reply(401)), False, "HTTP 401"),
        (app(running(), Reply(404)), False, "HTTP 404"),
        (app(running(), HTML), False, "HTTP 502"),
        (app(running(), Reply(200, "<html></html>")), False, ""),
        (app(running(), Drop()), False, ""),
    ],
    ids=["good", "bad", "400", "no run", "lost", "401", "404", "502", "html", "dropped"],
)
def test_run_ends_on_every_answer(script, succeeds, said, tmp_path):
    (tmp_path / "bin").mkdir()
    shorten_pauses(tmp_path / "bin", tmp_path / "slept")
    with Scripted(script) as server:
        environment = {
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "APP": server.url,
            "KEY": KEY,
        }
        done = subprocess.run(
            ["bash", "-c", f"{functions()}run sync {shlex.quote('{}')}"],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode == 0) == succeeds
    assert said in done.stdout + done.stderr


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
    found = json.loads(printed).get("result", {}).get("value", ())
    entries = [entry for entry in found if entry["aseId"] == ase_id]
    return json.dumps(entries[0], indent=4) if entries else printed


def test_the_document_links_to_what_is_there():
    for link in re.findall(r"\]\(([\w./-]+)\)", DOCUMENT.read_text()):
        assert (DOCUMENT.parent / link).exists(), link


@pytest.mark.parametrize("kind", ["sh", "text"])
def test_there_is_something_to_run(kind):
    assert len([k for k, _ in blocks() if k == kind]) >= 5
