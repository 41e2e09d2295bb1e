"""The oldest Python of Azure Automation that is here."""

import functools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.builders.missing import without

VERSIONS = ("3.8", "3.10")
"""Source: "Azure Automation runbook types"."""


@functools.cache
def automation_python() -> Path:
    """Skip the test by name if there is none, and fail it in CI."""
    found = next((path for version in VERSIONS for path in _places(version) if _runs(path)), None)
    if found is None:
        missing = f"no Python of Azure Automation is installed: {' or '.join(VERSIONS)}"
        without(missing, variable="OLD_PYTHON")
    return found


def _places(version: str) -> Iterator[Path]:
    roots = [Path.home() / ".pyenv"]
    if on_the_path := shutil.which(f"python{version}"):
        yield Path(on_the_path)
        # It may be a shim of pyenv, which has its versions beside the shims.
        roots.append(Path(on_the_path).parents[1])
    for root in roots:
        yield from sorted(root.glob(f"versions/{version}.*/bin/python"))


def _runs(path: Path) -> bool:
    """pyenv puts names on the path that run nothing."""
    return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
