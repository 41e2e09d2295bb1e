"""The Terraform module: its structure is read, and Terraform applies it if it is installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import hcl2
import pytest

from .programs import RecordedAz, needs
from .scenarios import BAD, GOOD, KEY, TOKEN, app
from .scripted import Scripted
from .test_shell import SCRIPT

pytestmark = needs("curl", "jq")
MODULE = Path(__file__).parents[2] / "examples" / "terraform" / "main.tf"
# It asks no server for a newer version, and reads nobody's settings.
QUIET = {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": "/dev/null"}


class Workspace:
    """The module in a folder of its own."""

    def __init__(self, terraform, folder):
        self.terraform = terraform
        self.folder = folder
        shutil.copy(MODULE, folder)
        shutil.copy(SCRIPT, folder)
        answers = {"account get-access-token": TOKEN, "keyvault secret show": KEY}
        self.az = RecordedAz(folder, answers)
        (folder / "tmp").mkdir()

    def run(self, *arguments):
        command = (self.terraform, *arguments, "-no-color", "-input=false")
        return self.az.run(command, self.folder, TMPDIR=str(self.folder / "tmp"), **QUIET)

    def apply(self, script, trigger):
        """Return how the apply ended, and what the app was asked."""
        values = {"app_id": "app-id", "key_vault": "vault", "triggers": [trigger]}
        with Scripted(script) as server:
            values["url"] = server.url
            (self.folder / "terraform.tfvars.json").write_text(json.dumps(values))
            done = self.run("apply", "-auto-approve")

        kept = (self.folder / "terraform.tfstate").read_text()
        assert not [text for text in (done.stdout, done.stderr, kept) if KEY in text]
        assert list((self.folder / "tmp").iterdir()) == []  # the token's file
        return done, server.seen


@pytest.fixture
def workspace(tmp_path):
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("Terraform is not installed")
    made = Workspace(terraform, tmp_path)
    assert made.run("init").returncode == 0
    return made


def test_it_needs_no_provider_and_its_command_runs_in_an_apply_only():
    module = hcl2.loads(MODULE.read_text())
    assert module.keys() - {"__comments__"} == {"terraform", "variable", "resource"}
    [resource] = module["resource"]
    assert list(resource) == ['"terraform_data"']
    [provisioner] = resource['"terraform_data"']['"run"']["provisioner"]
    assert "local-exec" in str(provisioner)


def test_its_shell_passes_shellcheck_and_takes_no_text_into_itself(tmp_path):
    shell = MODULE.read_text().split("<<-EOT\n")[1].split("    EOT\n")[0]
    (tmp_path / "run.sh").write_text(f"#!/bin/bash\n{shell}")
    shellcheck = Path(sys.executable).with_name("shellcheck")
    command = [shellcheck, "--exclude=SC2155", tmp_path / "run.sh"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "${" not in shell


def test_an_apply_starts_a_run_if_a_trigger_has_changed(workspace):
    done, [start, _] = workspace.apply(app(GOOD), "one")
    assert done.returncode == 0, done.stdout + done.stderr
    assert start.json == {"reason": "terraform apply"}
    assert start.headers["x-functions-key"] == KEY
    assert start.headers["authorization"] == f"Bearer {TOKEN}"

    _, seen = workspace.apply(app(GOOD), "one")
    assert seen == []
    _, seen = workspace.apply(app(GOOD), "two")
    assert len(seen) == 2


def test_a_run_that_fails_fails_the_apply_and_the_next_apply_starts_another(workspace):
    done, _ = workspace.apply(app(BAD), "one")
    assert done.returncode == 1
    assert "exit status 1" in " ".join(done.stderr.split())
    done, seen = workspace.apply(app(GOOD), "one")
    assert (done.returncode, len(seen)) == (0, 2)
