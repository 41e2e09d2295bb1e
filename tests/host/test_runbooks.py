"""The runbooks of examples/: the Python one is run, the PowerShell one is parsed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from local.azure.identity import HEADER
from tests.builders.azure import add_table, table_id, tag_document
from tests.builders.routes import owned_prefixes, to_firewall

RUNBOOKS = Path(__file__).parents[2] / "examples" / "runbooks"
A = "20.0.0.0/24"


def job(*arguments, **environment):
    """As Azure Automation runs it: by itself, without the project's packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(RUNBOOKS / "start_ase_route_sync.py"), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def table(azure, host):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    made = add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    return made


def test_a_job_starts_a_run_waits_for_it_and_ends_well(host, table):
    done = job(host.url, "--key", host.key, "--body", '{"reason": "CHG1"}')
    assert (done.returncode, done.stderr) == (0, "")
    assert '"Succeeded"' in done.stdout
    assert owned_prefixes(table) == {A}
    [run] = host.request("GET", "/api/runs").json()["value"]
    assert run["runId"] in done.stdout
    assert run["reason"] == "CHG1"


def test_where_the_run_failed_the_job_fails_and_says_why(azure, host, table):
    azure.state.remove(table)
    done = job(host.url, "--key", host.key)
    assert done.returncode == 1
    assert f"failed: {table_id('one')} RouteTableNotFound" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "wrong"], "no run was started: 401"),
        (["--body", '{"mode": "nonsense"}'], "no run was started: 400 InvalidBody"),
        ([], "is needed"),
    ],
)
def test_where_no_run_was_started_the_job_fails(host, arguments, said):
    if "--body" in arguments:
        arguments = [*arguments, "--key", host.key]
    done = job(host.url, *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert host.request("GET", "/api/runs").json()["value"] == []


def test_where_the_run_does_not_end_in_time_the_job_fails(host, table):
    done = job(host.url, "--key", host.key, "--wait-minutes", "0")
    assert done.returncode == 1
    assert "not ended in time" in done.stderr


def test_where_the_app_does_not_answer_the_job_fails():
    done = job("http://127.0.0.1:9", "--key", "k")
    assert done.returncode == 1
    assert "does not answer" in done.stderr


def test_a_token_of_the_managed_identity_is_shown_beside_the_key(azure, receiver):
    """The app behind Microsoft Entra authentication is somebody else's server here."""
    environment = {
        "IDENTITY_ENDPOINT": azure.environment()["IDENTITY_ENDPOINT"],
        "IDENTITY_HEADER": HEADER,
    }
    url = receiver.url.split("/hook")[0]
    done = job(url, "--key", "k", "--audience", "https://management.azure.com", **environment)
    assert done.returncode == 1  # it starts no run
    shown = {name.lower(): value for name, value in receiver.headers[0].items()}
    assert shown["x-functions-key"] == "k"
    token = shown["authorization"].removeprefix("Bearer ")
    bearer = {"authorization": f"Bearer {token}"}
    principal, _ = azure.state.identities.authenticate(bearer)
    assert principal is azure.state.identities.app


def test_the_powershell_runbook_parses():
    parser = Parser(Language(tree_sitter_powershell.language()))
    text = (RUNBOOKS / "Start-AseRouteSync.ps1").read_bytes()
    assert not parser.parse(text).root_node.has_error
    assert parser.parse(text.replace(b"foreach (", b"foreach ((", 1)).root_node.has_error
