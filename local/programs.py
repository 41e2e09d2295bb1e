"""Where the optional programs of the tests are looked for."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def find_program(name: str, tools: Path) -> Path | None:
    """Return the path of the program, or None if it is in none of the places.

    If the variable with its name in capitals is set, no other place counts. Otherwise the places
    are the PATH, the folder of the Azure CLI's own programs, and this folder of tools.
    """
    places = _places(name, tools)
    return next((path for path in places if path.is_file() and os.access(path, os.X_OK)), None)


def _places(name: str, tools: Path) -> Iterator[Path]:
    if named := os.environ.get(name.upper()):
        yield Path(named)
        return
    if on_the_path := shutil.which(name):
        yield Path(on_the_path)
    yield Path.home() / ".azure" / "bin" / name
    yield tools / name
