"""What a newcomer types."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.azure.faults import refusal
from shared.cli import exit_status
from tests.app.helpers import register
from tests.builders import add_table, owned_prefixes, table_id, tag_document, to_firewall

ROOT = Path(__file__).parents[2]
A = "20.0.0.0/24"


@pytest.fixture
def cli(app_settings):
    def run(*arguments, without=()):
        settings = {k: v for k, v in app_settings.items() if k not in without}
        return subprocess.run(
            [sys.executable, "-m", "shared", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **settings},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_plan_then_apply_then_nothing_to_do(azure, app, cli):
    table = add_table(azure.state, "one", [to_firewall()])
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one")
    planned = cli("plan")
    assert (planned.returncode, planned.stderr) == (2, "")
    assert A in planned.stdout
    assert azure.state.writes() == []
    applied = cli("apply", "--route-table", table_id("one"))
    assert applied.returncode == 0
    assert "1 changed" in applied.stdout
    assert owned_prefixes(table) == {A}
    assert cli("plan").returncode == 0
    assert [run.request.trigger for run in app.runs.list()] == ["cli"] * 3


def test_a_conflict_and_a_failure_are_not_exit_status_0(azure, app, cli):
    add_table(azure.state, "one", [to_firewall(A, "mine")])
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one")
    conflict = cli("apply")
    assert conflict.returncode == 1
    assert "route mine sends it to VirtualAppliance" in conflict.stdout
    azure.state.tags.answers["westeurope"] = b"no"
    unusable = cli("apply")
    assert unusable.returncode == 1
    assert "TAG_UNAVAILABLE" in unusable.stdout


def test_a_table_that_is_not_registered_is_an_error_and_no_run(azure, app, cli):
    refused = cli("plan", "--route-table", table_id("one"))
    assert refused.returncode == 1
    assert "not registered" in refused.stderr
    assert cli("plan", "--route-table", "nonsense").returncode == 1
    assert list(app.runs.list()) == []


def test_missing_settings_are_listed(cli):
    refused = cli("plan", without=("SERVICE_TAG_LOCATIONS", "AzureWebJobsStorage"))
    assert refused.returncode == 1
    assert "SERVICE_TAG_LOCATIONS" in refused.stderr
    assert "AzureWebJobsStorage" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_passing_trouble_is_tried_again_and_at_last_a_failure(azure, app, monkeypatch, capsys):
    from shared import cli as command_line

    monkeypatch.setattr(command_line, "app", lambda: app)
    monkeypatch.setattr(command_line, "SECONDS_BETWEEN", 0)
    add_table(azure.state, "one")
    register(app, "one")
    busy = {"Retry-After": "99"}
    azure.state.faults.append(refusal("PUT", "one", 503, {}, times=2, headers=busy))
    assert command_line.main(["apply"]) == 0
    azure.state.faults.append(refusal("GET", "one", 503, {}, times=99, headers=busy))
    assert command_line.main(["apply"]) == 1
    azure.state.faults.append(refusal("GET", "serviceTags", 503, {}, times=99, headers=busy))
    assert command_line.main(["apply"]) == 1
    assert "HTTP_503" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "counts", "status"),
    [
        (None, {}, 0),
        (None, {"changed": 1, "unchanged": 1}, 0),
        (None, {"planned": 1}, 2),
        (None, {"blocked": 1, "planned": 1}, 3),
        (None, {"failed": 1, "blocked": 1}, 1),
        (None, {"conflict": 1}, 1),
        ({"code": "X", "message": "y"}, {}, 1),
    ],
)
def test_exit_statuses(error, counts, status):
    all_six = dict.fromkeys(("unchanged", "planned", "changed", "conflict", "blocked", "failed"), 0)
    assert exit_status({"error": error, "counts": all_six | counts}) == status


def test_run_once_prints_the_report_and_how_to_go_on():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-m", "local.run"],
        cwd=ROOT,
        env={**environment, "ONCE": "1", "HOST_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Succeeded" in done.stdout
    assert "Tables: 12 changed" in done.stdout
    assert re.search(
        r"curl -X PUT .*\n\s+http://127\.0\.0\.1:\d+/api/route-tables/subscr", done.stdout
    )
    assert re.search(r"/api/runs\?code=\S+", done.stdout)


def test_indexing_imports_no_azure_management_sdk():
    code = (
        "import function_app, sys; "
        "heavy = ('azure.mgmt', 'azure.identity', 'azure.data', 'pydantic'); "
        "assert not [m for m in sys.modules if m.startswith(heavy)]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_no_file_names_a_registry():
    files = [*ROOT.glob("requirements*"), ROOT / "package-lock.json", ROOT / "pyproject.toml"]
    for file in files:
        text = file.read_text()
        assert "resolved" not in json.dumps(text) or file.suffix != ".json", file
        assert not re.search(r"https?://[\w.]*(pypi|pythonhosted|npmjs)", text), file
        assert "--index-url" not in text, file


def test_what_deploys_is_pinned_with_hashes():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.split("==")[0] for line in lines if "==" in line}
    assert pinned >= {
        *("azure-functions", "azure-identity", "azure-mgmt-network", "azure-mgmt-web"),
        "azure-data-tables",
    }
    assert not pinned & {"pytest", "starlette", "azure-functions-runtime"}


def test_the_workbench_stays_readable():
    for file in (ROOT / "local").rglob("*.py"):
        assert len(file.read_text().splitlines()) <= 400, file
