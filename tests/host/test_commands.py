"""What a newcomer types."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


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


def test_what_pip_installs_is_whole():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    files = project["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
    lines = [line for name in files for line in (ROOT / name).read_text().splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert all(Requirement(line).name for line in wanted)
    packages = {
        str(f.parent.relative_to(ROOT)).replace("/", ".")
        for f in ROOT.glob("shared/**/__init__.py")
    }
    assert packages == {*project["tool"]["setuptools"]["packages"]}
