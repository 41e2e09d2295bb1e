"""docs/api.md, with its commands run as they are written."""

import json
import re
import subprocess
from pathlib import Path

from openapi_spec_validator import validate

from tests import described

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def run_block(number, folder, **variables):
    """Run a block of commands of the page, and return what it has printed."""
    block = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[number]
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
