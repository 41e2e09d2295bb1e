"""PowerShell, for the hooks and the runbooks that are written in it."""

import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from .bicep import ROOT

HOW_TO_GET_IT = "PowerShell is not installed: the setting PWSH may name it"
ENVIRONMENT = {
    # Without this, PowerShell needs a library for human languages that some systems do not have.
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
    "POWERSHELL_TELEMETRY_OPTOUT": "1",
    "POWERSHELL_UPDATECHECK": "Off",
    "NO_COLOR": "1",
}
_TOOLS = ROOT.parent / "shared" / "tools"


def installed(folder: Path) -> Path | None:
    """Return the path of the program, or None if it is in none of the places.

    If it is there as an archive only, it is unpacked into this folder.
    """
    found = next((path for path in _places() if path.is_file() and os.access(path, os.X_OK)), None)
    archives = [] if "PWSH" in os.environ else sorted(_TOOLS.glob("pwsh-*-linux-x64.tar.xz"))
    if found is not None or not archives:
        return found
    with tarfile.open(archives[-1]) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/pwsh"))


def _places() -> Iterator[Path]:
    if named := os.environ.get("PWSH"):
        yield Path(named)
        return
    if on_the_path := shutil.which("pwsh"):
        yield Path(on_the_path)
    yield Path.home() / ".azure" / "bin" / "pwsh"
