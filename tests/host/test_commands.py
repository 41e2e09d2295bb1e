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
from local.run import YOURS, show_repair
from tests.builders.azure import add_table, table_id, tag_document
from tests.builders.routes import owned

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
    assert re.search(r"The route to [0-9./]+ is back, [0-9.]+ s after its deletion\n", done.stdout)
    assert re.search(r"The event started the run that added it again: [0-9]+-0+\n", done.stdout)
    assert "`make run` starts it again" in done.stdout
    assert "http://" not in done.stdout  # nothing answers there any more


def test_without_an_event_run_says_that_nothing_has_repaired_the_table(azure, host, capsys):
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    add_table(azure.state, "one", [owned("20.0.0.0/24")])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    assert not show_repair(host, azure, table_id("one"), within=1)
    assert (
        "Nothing has repaired the table: the route was not back within 1 s"
        in capsys.readouterr().out
    )


def test_what_run_prints_can_be_tried_until_it_is_interrupted(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "local.run"],
        cwd=ROOT,
        env=environment_of_a_newcomer(ONCE="", HOST_PORT="0", **settings_of_the_page()),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            lines = itertools.takewhile(lambda line: "until Ctrl-C" not in line, process.stdout)
            said = "".join(lines)
            links = re.findall(r"http://127\.0\.0\.1:\d+/\S+\?code=\S+", said)
            assert [http().get(link).status_code for link in links] == [200] * 2
            try_first(said)
            use_command_line(said)
            assert own_list(said) == ["20.118.99.224/32", "23.102.135.246/32", "40.83.235.53/32"]
            try_the_page(said.splitlines()[-2].strip(), tmp_path)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


def settings_of_the_page():
    """Return those with which docs/local-stack.md begins `make run`."""
    page = (ROOT / "docs" / "local-stack.md").read_text()
    [command] = re.findall(r"```\n([^`]*) make run\n```", page)
    script = f"{command} env -0"
    shown = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    settings = dict(one.split("=", 1) for one in shown.stdout.split("\0") if "=" in one)
    return {name: settings[name] for name in YOURS if name in settings}


def own_list(said):
    address = re.findall(r" APP=(\S+) KEY=(\S+)", said)[0]
    answer = http().get("{}/api/lists/kms-activation.txt?code={}".format(*address))
    return answer.text.splitlines()


def try_first(said):
    """Publish the next version and sync. The command line then has a plan, or nothing to do."""
    for name, statuses in (("the tag's next version", {0}), ("the command line", {0, 2})):
        [command] = re.findall(rf"^  {name} +(.*)$", said, re.MULTILINE)
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode in statuses, done


def try_the_page(variables, folder):
    """Do all that docs/local-stack.md says, and wait until the deleted route is there again."""
    page = (ROOT / "docs" / "local-stack.md").read_text()
    own, *rest = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    names = re.findall(r"^(\w+)=", own, re.MULTILINE)
    # The value of a key begins with any letter.
    found = [name for name in re.findall(r"(\w+)='?[/h]", variables) if name != "KEY"]
    assert found == [name for name in names if name != "KEY"]

    again = (
        'until curl -sS --fail -H "Authorization: Bearer $(curl -sS $ARM/simulator/token)" '
        '"$ARM$ROUTE?api-version=2025-05-01"; do sleep 0.2; done'
    )
    script = "\n".join([variables, *rest, again])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment_of_a_newcomer(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done
    statuses = re.findall(r"(Succeeded|Failed)$", done.stdout, re.MULTILINE)
    assert statuses == ["Succeeded", "Succeeded", "Succeeded", "Failed", "Succeeded"]


def use_command_line(said):
    """It has the connections alone: the settings are the app's, and the app confirms them."""
    [command] = re.findall(r"^  the command line +(.*) plan$", said, re.MULTILINE)
    assert "SERVICE_TAG" not in command
    done = subprocess.run(
        ["bash", "-c", f"{command} apply --yes"], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b""), done


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
