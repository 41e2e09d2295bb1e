"""The workflows of GitHub release and deploy, with no more rights than they need."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
FAKE_GH = """#!/usr/bin/env bash
printf '%s\\n' "$@" >> "$ASKED"
[[ "$*" != *--jq* ]]
"""


def jobs(workflow):
    return yaml.safe_load((GITHUB / "workflows" / workflow).read_text())["jobs"]


def commands(job):
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_the_portal_gets_a_template_that_is_longer_than_an_argument(tmp_path):
    [step] = [
        one
        for one in jobs("release.yml")["release"]["steps"]
        if "portal can read" in one.get("name", "")
    ]
    template = b"x" * 200_000
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "azuredeploy.json").write_bytes(template)
    (tmp_path / "gh").write_text(FAKE_GH)
    (tmp_path / "gh").chmod(0o755)

    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "ASKED": str(tmp_path / "asked"),
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_REF_NAME": "v1",
        "GITHUB_SHA": "0",
    }
    command = ["bash", "-eo", "pipefail", "-c", step["run"]]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60)
    assert "content=@content" in (tmp_path / "asked").read_text()
    assert base64.b64decode((tmp_path / "content").read_bytes()) == template


def test_the_deployment_has_the_name_and_the_version_of_azd():
    deploy = jobs("azure-dev.yml")["deploy"]  # azd looks for this name
    [azd] = [step for step in deploy["steps"] if "setup-azd" in step.get("uses", "")]
    assert azd["with"]["version"].count(".") == 2
    assert "curl" not in (GITHUB / "azd.sh").read_text()


def test_the_preview_needs_no_right_to_write():
    preview = commands(jobs("azure-dev.yml")["preview"])
    assert "az deployment sub what-if" in preview
    assert "--validation-level ProviderNoRbac" in preview
    assert "azd" not in preview  # its preview asks for the rights of the deployment
    role = json.loads((ROOT / "infra" / "roles" / "previewer.json").read_text())
    writes = {action for action in role["Actions"] if not action.endswith("/read")}
    assert writes == {
        "Microsoft.Resources/deployments/validate/action",
        "Microsoft.Resources/deployments/whatIf/action",
    }


def test_each_job_runs_where_the_person_says():
    assert {job["runs-on"] for job in jobs("azure-dev.yml").values()} == {"${{ inputs.runs-on }}"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", {}),
        (
            "PAUSED=true\nALERT_EMAILS=a@example.com,b@example.com\n",
            {"paused": True, "alertEmails": "a@example.com,b@example.com"},
        ),
        (
            'TAGS={"owner": "a=b"}\nSYNC_SCHEDULE=0 0 6 * * 3',
            {"tags": {"owner": "a=b"}, "syncSchedule": "0 0 6 * * 3"},
        ),
    ],
)
def test_the_preview_gets_the_parameters_of_the_deployment(lines, expected):
    done = subprocess.run(
        [sys.executable, "-I", str(GITHUB / "parameters.py")],
        env={"AZURE_ENV_NAME": "prod", "AZURE_LOCATION": "westeurope", "PARAMETERS": lines},
        capture_output=True,
        check=True,
        timeout=60,
    )
    given = json.loads(done.stdout)["parameters"]
    required = {"environmentName": "prod", "location": "westeurope"}
    assert {name: one["value"] for name, one in given.items()} == required | expected
