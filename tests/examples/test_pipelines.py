"""The jobs of GitHub Actions and Azure Pipelines: their YAML is judged, and their shell is run."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from jsonschema.validators import validator_for

from .programs import RecordedAz, needs
from .scenarios import BAD, GOOD, KEY, TOKEN, app
from .scripted import Reply, Scripted
from .test_shell import SCRIPT

pytestmark = needs("curl", "jq")
SCHEMAS = files("check_jsonschema") / "builtin_schemas" / "vendor"
BIN = Path(sys.executable).parent
EXAMPLES = Path(__file__).parents[2] / "examples"
GITHUB = EXAMPLES / "github-actions" / "route-sync.yml"
AZURE = EXAMPLES / "azure-pipelines" / "route-sync.yml"
REASON = 'it\'s "quoted", $(touch made) and `touch made`'


def judged(*command):
    return subprocess.run(
        command,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Job:
    shell: str
    variables: dict[str, str]
    command: tuple[str, ...]
    """How the service runs the shell's file."""
    script: str
    """The place of start-run.sh in the repository."""
    named: str
    """The job's own name of its run, as an environment variable."""


def github():
    workflow = yaml.safe_load(GITHUB.read_text())
    [job] = workflow["jobs"].values()
    step = job["steps"][-1]
    assert job["defaults"]["run"]["shell"] == "bash"
    # Source: "Workflow syntax for GitHub Actions", jobs.<job_id>.steps[*].shell
    command = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
    return Job(step["run"], step["env"], command, ".github/start-run.sh", "GITHUB_RUN_ID")


def azure():
    [job] = yaml.safe_load(AZURE.read_text())["jobs"]
    step = job["steps"][-1]
    assert step["task"].startswith("AzureCLI@")
    return Job(
        step["inputs"]["inlineScript"], step["env"], ("bash",), "start-run.sh", "BUILD_BUILDID"
    )


JOBS = pytest.mark.parametrize("job", [github(), azure()], ids=["github", "azure"])


def faults_of_github(text):
    workflow = yaml.safe_load(text)
    workflow["on"] = workflow.pop(True)  # so YAML 1.1 reads the word
    return faults("github-workflows", workflow)


def faults_of_azure(text):
    """Azure Pipelines reads every value as a text."""
    return faults("azure-pipelines", yaml.load(text, Loader=yaml.BaseLoader))


def faults(schema, document):
    """List what is wrong by the public schema. The package check-jsonschema has a copy of it."""
    known = json.loads((SCHEMAS / f"{schema}.json").read_text())
    return [fault.message for fault in validator_for(known)(known).iter_errors(document)]


def test_the_yaml_is_what_its_service_takes():
    assert faults_of_github(GITHUB.read_text()) == []
    assert faults_of_azure(AZURE.read_text()) == []


def test_the_schemas_find_a_word_that_is_wrong():
    assert faults_of_github(GITHUB.read_text().replace("runs-on:", "run-on:"))
    assert faults_of_azure(AZURE.read_text().replace("inlineScript:", "inlineScrip:"))


def test_the_workflow_of_github_passes_its_linters():
    for command in (("actionlint",), ("zizmor", "--offline", "--quiet")):
        done = judged(*command, GITHUB)
        assert done.returncode == 0, done.stdout + done.stderr


@JOBS
def test_the_shell_passes_shellcheck_and_takes_no_text_into_itself(job, tmp_path):
    (tmp_path / "job.sh").write_text(f"#!/bin/bash\n{job.shell}")
    done = judged("shellcheck", tmp_path / "job.sh")
    assert done.returncode == 0, done.stdout
    assert "{{" not in job.shell
    assert "$(" not in job.shell.replace("=$(jq", "")


@JOBS
@pytest.mark.parametrize(
    ("end", "status"), [(GOOD, 0), (BAD, 1), (Reply(403), 3)], ids=["good", "bad", "lost"]
)
def test_the_job_ends_as_its_run_does(job, end, status, tmp_path):
    (tmp_path / job.script).parent.mkdir(exist_ok=True)
    shutil.copy(SCRIPT, tmp_path / job.script)
    (tmp_path / "job.sh").write_text(job.shell)
    az = RecordedAz(tmp_path, {"account get-access-token": TOKEN, "keyvault secret show": KEY})
    with Scripted(app(end)) as server:
        given = {"URL": server.url, "APP_ID": "app-id", "KEY_VAULT": "vault", "MODE": "plan"}
        given |= {"REASON": REASON, "TOKEN_FILE": str(tmp_path / "token"), "WAIT_SECONDS": "60"}
        assert given.keys() == job.variables.keys()
        given[job.named] = "4711"
        done = az.run((*job.command, tmp_path / "job.sh"), tmp_path, **given)

    assert done.returncode == status, done.stderr
    assert KEY not in done.stdout + done.stderr
    start = server.seen[0]
    assert start.json | {"changeId": ""} == {"mode": "plan", "reason": REASON, "changeId": ""}
    assert start.json["changeId"].endswith("-4711")
    assert (start.headers["x-functions-key"], start.headers["authorization"]) == (
        KEY,
        f"Bearer {TOKEN}",
    )
    assert az.calls[0].option("--resource") == "api://app-id"
    assert az.calls[1].option("--vault-name") == "vault"
    assert not (tmp_path / "made").exists()


@JOBS
def test_a_key_that_cannot_be_read_fails_the_job(job, tmp_path):
    (tmp_path / job.script).parent.mkdir(exist_ok=True)
    shutil.copy(SCRIPT, tmp_path / job.script)
    (tmp_path / "job.sh").write_text(job.shell)
    az = RecordedAz(tmp_path, {"account get-access-token": TOKEN})
    given = dict.fromkeys(job.variables, "x") | {"TOKEN_FILE": str(tmp_path / "token")}
    given |= {"URL": "https://app.example", "WAIT_SECONDS": "60", job.named: "1"}
    done = az.run((*job.command, tmp_path / "job.sh"), tmp_path, **given)
    assert done.returncode == 2
    assert "no key" in done.stderr


def test_both_sign_in_without_a_secret():
    """The keys are in a Key Vault, and the sign-in is by federation."""
    assert "secrets." not in GITHUB.read_text()
    [job] = yaml.safe_load(GITHUB.read_text())["jobs"].values()
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert yaml.safe_load(GITHUB.read_text())["permissions"] == {}
    login = job["steps"][1]["with"]
    assert login.keys() == {"client-id", "tenant-id", "subscription-id"}


def test_the_actions_are_the_versions_that_this_repository_uses():
    text = "".join(f.read_text() for f in (EXAMPLES.parent / ".github/workflows").glob("*.yml"))
    for line in GITHUB.read_text().splitlines():
        if "uses:" in line:
            assert line.split("uses: ")[1] in text
