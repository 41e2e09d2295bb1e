"""The real Azure CLI, signed in on the simulated Azure of a measurement."""

import shutil
from pathlib import Path

from local.azure_cli import AzureCli, sign_in

from .world import World

_BY_CONFORMANCE = Path(__file__).parents[1] / ".venv-azure-cli" / "bin" / "az"
"""`make conformance` installs it here."""


def executable() -> Path | None:
    """Return the Azure CLI's file. If there is none, say so and return None."""
    path = str(_BY_CONFORMANCE) if _BY_CONFORMANCE.exists() else shutil.which("az")
    if path is None:
        print("  skipped, because it is not installed (make conformance does): the Azure CLI")
        return None
    return Path(path)


def signed_in(program: Path, here: World, subscription_id: str, ca: Path) -> AzureCli:
    az = AzureCli(program, ca.parent, here.azure, ca)
    sign_in(az, here.azure, subscription_id)
    return az
