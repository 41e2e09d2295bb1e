"""The runbooks of examples/ on the product itself; tests/examples has the faults of a network."""

import os
import subprocess
import sys
import uuid

import pytest

from local.azure.identity import HEADER
from tests.builders.azure import add_table, table_id, tag_document
from tests.builders.routes import owned_prefixes, to_firewall
from tests.examples.jobs import POWERSHELL, PYTHON
from tests.examples.scenarios import GOOD, KEY, app
from tests.examples.scripted import Scripted

A = "20.0.0.0/24"


@pytest.fixture
def table(azure, host):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    made = add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    return made


def python(url, *arguments, key=KEY, **more):
    """As Azure Automation runs it: by itself, without the project's packages."""
    command = [sys.executable, "-I", "-S", PYTHON, url, "--key", key, *arguments]
    return run(command, PATH=os.environ["PATH"], **more)


def run(command, **environment):
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(params=["powershell", "python"])
def job(request, host, tmp_path):
    """Run a job against the app, with these parameters as both languages have them."""
    if request.param == "python":
        return lambda key=host.key, **environment: python(
            host.url, "--reason", "CHG1", key=key, **environment
        )

    powershell = request.getfixturevalue("powershell_session")
    script = tmp_path / "job.ps1"
    script.write_text(
        "function Get-AutomationVariable { $env:KEY }\n"
        f"& '{POWERSHELL}' -Url {host.url} -KeyVariable k -Reason CHG1"
    )
    shared = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    return lambda key=host.key, **environment: powershell.run(
        script, {**shared, "KEY": key, **environment}
    )


def runs(host):
    return host.request("GET", "/api/runs").json()["value"]


def test_a_job_that_is_begun_again_follows_the_run_that_it_has_started(host, table, job):
    job_id = str(uuid.uuid4())
    for _ in range(2):
        done = job(AUTOMATION_JOB_ID=job_id)
        assert (done.returncode, done.stderr) == (0, "")
        [only] = runs(host)
        assert only["runId"] in done.stdout
        assert (only["reason"], only["changeId"]) == ("CHG1", job_id)
    assert owned_prefixes(table) == {A}


def test_if_the_run_failed_the_job_fails_and_says_why(azure, host, table, job):
    azure.state.remove(table)
    done = job()
    assert done.returncode == 1
    assert f"{table_id('one')} failed: RouteTableNotFound" in done.stderr
    assert runs(host)[0]["status"] == "Failed"


@pytest.mark.usefixtures("table")
def test_with_a_wrong_key_nothing_is_started(host, job):
    done = job(key="wrong")
    assert done.returncode == 1
    assert "was 401" in done.stderr
    assert runs(host) == []


def test_what_the_app_refuses_is_told_with_its_place(host):
    done = python(host.url, "--body", '{"mode": "nonsense"}', key=host.key)
    assert done.returncode == 1
    assert "no run was started: the answer was 400 InvalidBody" in done.stderr
    assert "mode: " in done.stderr


def test_both_endpoints_of_managed_identities_give_a_valid_token(azure):
    automation = {
        "IDENTITY_ENDPOINT": azure.environment()["IDENTITY_ENDPOINT"],
        "IDENTITY_HEADER": HEADER,
    }
    for environment in (automation, {"AZURE_POD_IDENTITY_AUTHORITY_HOST": azure.url}):
        with Scripted(app(GOOD)) as server:
            audience = ("--audience", "https://management.azure.com")
            done = python(server.url, *audience, **environment)
            assert done.returncode == 0, done.stderr
            [start] = server.asked("/api/sync")
            principal, _ = azure.state.identities.authenticate(start.headers)
            assert principal is azure.state.identities.app
