"""The jobs that keep the registrations in Git: their YAML is judged, and their shell is run."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from local.sample import for_a_laptop
from tests.builders.azure import answer, rid, table_id
from tests.builders.runs import TAG, register

from .test_pipelines import faults_of_azure, faults_of_github, judged

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / "examples" / "github-actions" / "route-tables.yml"
AZURE = ROOT / "examples" / "azure-pipelines" / "route-tables.yml"
PLAN = {"GITHUB_EVENT_NAME": "pull_request", "BUILD_REASON": "PullRequest"}
APPLY = {"GITHUB_EVENT_NAME": "push", "BUILD_REASON": "IndividualCI"}


def shell_of_github():
    [job] = yaml.safe_load(GITHUB.read_text())["jobs"].values()
    assert job["defaults"]["run"]["shell"] == "bash"
    return f"set -eo pipefail\n{job['steps'][-1]['run']}"


def shell_of_azure():
    [job] = yaml.safe_load(AZURE.read_text())["jobs"]
    return job["steps"][-1]["inputs"]["inlineScript"]


SHELLS = pytest.mark.parametrize(
    "shell", [shell_of_github(), shell_of_azure()], ids=["github", "azure"]
)


def test_the_yaml_is_what_its_service_takes():
    assert faults_of_github(GITHUB.read_text()) == []
    assert faults_of_azure(AZURE.read_text()) == []
    for command in (("actionlint",), ("zizmor", "--offline", "--quiet")):
        done = judged(*command, GITHUB)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_actions_are_the_versions_that_this_repository_uses():
    text = "".join(f.read_text() for f in (ROOT / ".github/workflows").glob("*.yml"))
    used = [line.split("uses: ")[1] for line in GITHUB.read_text().splitlines() if "uses:" in line]
    assert [one for one in used if one not in text] == []


@SHELLS
def test_the_shell_passes_shellcheck(shell, tmp_path):
    (tmp_path / "job.sh").write_text(f"#!/bin/bash\n{shell}")
    done = judged("shellcheck", tmp_path / "job.sh")
    assert done.returncode == 0, done.stdout
    assert "{{" not in shell


@pytest.fixture
def job(app_settings, deployed, installed, tmp_path):
    """A job in a clone whose `tables.yaml` has these entries. It has the storage account alone."""
    deployed.follow(app_settings)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ase-route-sync").symlink_to(installed.program)
    (programs / "pip").write_text("#!/bin/sh\n")
    (programs / "pip").chmod(0o755)

    def run(shell, entries, **variables):
        (tmp_path / "tables.yaml").write_text(yaml.safe_dump({"routeTables": entries}))
        return subprocess.run(
            ["bash", "-c", shell],
            cwd=tmp_path,
            env={
                "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                "HOME": os.environ["HOME"],
                **for_a_laptop(app_settings),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@SHELLS
def test_a_pull_request_shows_the_difference_and_its_merge_makes_it(azure, app, job, shell):
    answer(azure, "20.0.0.0/24")
    register(app, *(f"t{number}" for number in range(10)))
    entries = [{"routeTableId": table_id(f"t{number}")} for number in range(1, 10)]
    entries[0]["note"] = "reviewed"
    plan = job(shell, entries, **PLAN)
    assert (plan.returncode, plan.stderr) == (0, "")
    assert "Plan: 0 to register, 1 to change, 1 to unregister, 8 unchanged" in plan.stdout
    assert app.registry.get(rid("t1")).registration.note is None

    merged = job(shell, entries, **APPLY)
    assert merged.returncode == 0, merged.stderr
    assert app.registry.get(rid("t1")).registration.note == "reviewed"
    assert app.registry.get(rid("t0")) is None
    assert job(shell, entries, **PLAN).returncode == 0


@SHELLS
@pytest.mark.parametrize("when", [PLAN, APPLY], ids=["pull request", "merge"])
@pytest.mark.parametrize(
    "entries",
    [
        [],
        [{"routeTableId": table_id("t0"), "nite": "x"}],
        [{"routeTableId": table_id("t0"), "serviceTags": ["Storage"]}],
        [{"routeTableId": table_id("other")}],
    ],
    ids=["empty", "unknown key", "not allowed", "prunes too much"],
)
def test_what_is_wrong_fails_the_job(azure, app, job, shell, entries, when):
    answer(azure, "20.0.0.0/24")
    register(app, "t0")
    done = job(shell, entries, **when)
    assert done.returncode == 1, done.stdout
    assert app.registry.get(rid("t0")).registration.service_tags == (TAG,)


def test_the_page_has_the_commands_of_the_jobs():
    page = (ROOT / "docs" / "gitops.md").read_text()
    for shell in (shell_of_github(), shell_of_azure()):
        commands = [line.strip() for line in shell.splitlines() if "ase-route-sync" in line]
        assert commands
        for command in commands:
            assert command.partition(" || ")[0] in page
