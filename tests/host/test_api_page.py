"""docs/api.md, with its commands run as they are written."""

import json
import re
import subprocess
from pathlib import Path

from openapi_spec_validator import validate

from shared.endpoints.runs import RunsQuery
from tests import described
from tests.builders.azure import add_table, table_id, tag_document
from tests.builders.routes import to_firewall

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
A = "20.0.0.0/24"


def run_block(number, folder, *, query="?", **variables):
    """Run a block of commands of the page, and return what it has printed.

    `query` stands before the first parameter of a query.
    """
    block = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[number].replace("?", query)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_description_is_fetched_as_the_page_says(host, tmp_path):
    run_block(0, tmp_path, APP=host.url, KEY=host.key)
    document = json.loads((tmp_path / "openapi.json").read_text())
    validate(document)
    assert document == {**described.documented(), "servers": [{"url": host.url}]}


def test_every_page_of_a_list_is_read_as_the_page_says(azure, host, tmp_path):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    add_table(azure.state, "one", [to_firewall(A)])
    add_table(azure.state, "two")
    for name in ("one", "two"):
        host.request("PUT", f"/api/route-tables{table_id(name)}", json={}).raise_for_status()
    runs = [host.request("POST", "/api/sync", json={}).json()["runId"] for _ in range(3)]
    for run_id in runs:
        assert host.ended_run(run_id)["status"] == "Failed"
    two = host.request("POST", "/api/sync", json={"routeTables": [table_id("two")]}).json()
    assert host.ended_run(two["runId"])["status"] == "Succeeded"

    for pages in ("", "top=1&"):
        printed = run_block(
            1, tmp_path, query=f"?{pages}", APP=host.url, KEY=host.key, TABLE=table_id("one")
        )
        assert [line.split("\t")[1:] for line in printed.splitlines()] == [
            ["http", run_id] for run_id in reversed(runs)
        ]


def test_the_page_names_each_condition():
    known = {field.alias for field in RunsQuery.model_fields.values()}
    assert {*re.findall(r"^\| `\?(\w+)=` \|", PAGE, re.MULTILINE)} == known - {"top", "skipToken"}
