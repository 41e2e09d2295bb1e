"""The licences of what deploys and of the command line, as a page: `make licences`."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINNED = {
    "Packages that are deployed": "requirements.txt",
    "More packages for the command line": "requirements-cli.txt",
}


_HEAD = """# Licences

ASE Route Sync is under the [MIT licence](../LICENSE). This page lists the packages that it uses,
with the licence that each package names. `make licences` writes it, and `make test` checks it.
"""


def page() -> str:
    """From the metadata of the installed packages."""
    parts = [_HEAD]
    seen: set[str] = set()
    for title, file in PINNED.items():
        names = [name for name in pinned(file) if name not in seen]
        seen.update(names)
        parts.append(f"\n## {title}\n\n| package | licence |\n|---|---|\n")
        parts += [f"| {name} | {licence} |\n" for name, licence in _licences(names)]
    return "".join(parts)


def pinned(file: str) -> list[str]:
    """The names of the packages that a requirements file pins."""
    return re.findall(r"^([\w.-]+)==", (ROOT / file).read_text(), re.MULTILINE)


def _licences(names: list[str]) -> Iterator[tuple[str, str]]:
    tool = Path(sys.executable).with_name("pip-licenses")
    command = [str(tool), "--format=json", "--from=mixed", "--packages", *names]
    done = subprocess.run(command, capture_output=True, check=True)
    for package in json.loads(done.stdout):
        yield package["Name"], package["License"].replace("\n", " ")


if __name__ == "__main__":
    print(page(), end="")
