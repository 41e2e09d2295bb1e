"""What a newcomer types."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from local.plain_http import http

ROOT = Path(__file__).parents[2]


def environment_of_a_newcomer(**changed):
    return {**{k: v for k, v in os.environ.items() if not k.startswith("COV")}, **changed}


def test_run_once_prints_the_report_and_how_to_go_on():
    done = subprocess.run(
        [sys.executable, "-m", "local.run"],
        cwd=ROOT,
        env=environment_of_a_newcomer(ONCE="1", HOST_PORT="0"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Succeeded" in done.stdout
    assert "Tables: 12 changed" in done.stdout
    assert "`make run` starts it again" in done.stdout
    assert "http://" not in done.stdout  # nothing answers there any more


def test_what_run_prints_can_be_tried_until_it_is_interrupted():
    process = subprocess.Popen(
        [sys.executable, "-m", "local.run"],
        cwd=ROOT,
        env=environment_of_a_newcomer(ONCE="", HOST_PORT="0"),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            lines = itertools.takewhile(lambda line: "until Ctrl-C" not in line, process.stdout)
            said = "".join(lines)
            assert re.search(
                r"curl -X PUT .*\n\s+http://127\.0\.0\.1:\d+/api/route-tables/subscr", said
            )
            links = re.findall(r"http://127\.0\.0\.1:\d+/\S+\?code=\S+", said)
            assert len(links) == 5
            assert [http().get(link).status_code for link in links] == [200] * 5
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


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
        str(f.parent.relative_to(ROOT)).replace("/", ".").replace("shared", "ase_route_sync")
        for f in ROOT.glob("shared/**/__init__.py")
    }
    assert packages == {*project["tool"]["setuptools"]["packages"]}
