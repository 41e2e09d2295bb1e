"""`make licences`: write the page that lists the licences of all packages the product uses."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINNED = {
    "Packages of the deployed app": "requirements.txt",
    "Further packages of the command line": "requirements-cli.txt",
}


_HEAD = """# Licences

ASE Route Sync is under the [MIT licence](../LICENSE). It uses these packages, whose metadata
states their licences. `make licences` writes this page, and `make test` checks that it is current.
"""


def page() -> str:
    """Return the page, made from the metadata of the installed packages."""
    parts = [_HEAD]
    seen: set[str] = set()
    for title, file in PINNED.items():
        names = [name for name in pinned(file) if name not in seen]
        seen.update(names)

        parts.append(f"\n## {title}\n\n| package | licence |\n|---|---|\n")
        parts += [f"| {name} | {licence} |\n" for name, licence in _licences(names)]
    return "".join(parts)


def pinned(file: str) -> list[str]:
    """Return the names of the packages that a requirements file pins."""
    return re.findall(r"^([\w.-]+)==", (ROOT / file).read_text(), re.MULTILINE)


def _licences(names: list[str]) -> Iterator[tuple[str, str]]:
    tool = Path(sys.executable).with_name("pip-licenses")
    command = [str(tool), "--format=json", "--from=mixed", "--packages", *names]
    done = subprocess.run(command, capture_output=True, check=True)
    for package in json.loads(done.stdout):
        yield package["Name"], package["License"].replace("\n", " ")


if __name__ == "__main__":
    print(page(), end="")
