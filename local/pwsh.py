"""PowerShell, for the hooks and the runbooks that are written in it."""

import os
import tarfile
from pathlib import Path

from .bicep import ROOT
from .programs import find_program

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
    found = find_program("pwsh", _TOOLS)
    archives = [] if "PWSH" in os.environ else sorted(_TOOLS.glob("pwsh-*-linux-x64.tar.xz"))
    if found is not None or not archives:
        return found
    with tarfile.open(archives[-1]) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/pwsh"))
