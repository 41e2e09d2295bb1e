"""The real Azure CLI on the simulated Azure. The CLI needs https, and must sign in."""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trustme

from .azure.identity import HEADER
from .azure.server import SimulatedAzure

LONGEST_COMMAND_SECONDS = 120


class AzureCli:
    """The installed Azure CLI, with its own configuration folder."""

    def __init__(self, executable: Path, folder: Path, azure: SimulatedAzure, ca: Path) -> None:
        self._executable = executable.absolute()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AZURE_CONFIG_DIR": str(folder / "azure"),
            "REQUESTS_CA_BUNDLE": str(ca),
            "IDENTITY_ENDPOINT": f"{azure.url}/msi/token",
            "IDENTITY_HEADER": HEADER,
        }
        self.calls = 0

    def __call__(self, *arguments: str, shown: bool = True) -> Any:
        """Return the command's JSON output. Raise RuntimeError if the command fails."""
        process = self._run(arguments, shown=shown)
        if process.returncode:
            raise RuntimeError(f"az {' '.join(arguments)}: {process.stderr.strip()}")
        return json.loads(process.stdout) if process.stdout.strip() else None

    def refused(self, code: str, *arguments: str) -> None:
        """Raise RuntimeError unless the command fails and shows this error code to its user."""
        process = self._run(arguments, shown=True)
        message = process.stderr.strip()
        expect(process.returncode != 0 and code in message, f"refused: {message}")

    def on_path(self, folder: Path) -> str:
        """Return a PATH on which `az` is this CLI, for programs that sign in through it."""
        variables = (f"{name}={shlex.quote(value)}" for name, value in self.environment.items())
        script = folder / "az"
        script.write_text(f'#!/bin/sh\nexec env {" ".join(variables)} {self._executable} "$@"\n')
        script.chmod(0o700)
        return f"{folder}:{os.environ['PATH']}"

    def _run(self, arguments: Sequence[str], *, shown: bool) -> subprocess.CompletedProcess[str]:
        self.calls += 1
        began = time.monotonic()
        process = subprocess.run(
            [self._executable, *arguments, "--output", "json", "--only-show-errors"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_COMMAND_SECONDS,
        )

        if shown:
            say(f"az {' '.join(arguments)}  ({time.monotonic() - began:.1f} s)")
        return process


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return the files of the authority's certificate, and of the server's with its key."""
    authority = trustme.CA()
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))

    server = folder / "server.pem"
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(server))
    return ca, server


def sign_in(az: AzureCli, azure: SimulatedAzure, subscription_id: str) -> None:
    """Sign in as the managed identity, in a cloud that the CLI learns to know as `Simulated`."""
    for name in ("core.instance_discovery", "core.collect_telemetry"):
        az("config", "set", f"{name}=false", shown=False)

    # Without the discovery of endpoints, the CLI needs all of them by option.
    origin = azure.url
    az(
        *("cloud", "register", "--name", "Simulated", "--skip-endpoint-discovery"),
        *("--endpoint-resource-manager", origin, "--endpoint-active-directory", origin),
        *("--endpoint-active-directory-resource-id", "https://management.azure.com"),
        *("--endpoint-active-directory-graph-resource-id", origin),
    )
    az("cloud", "set", "--name", "Simulated")
    az("login", "--identity")
    az("account", "set", "--subscription", subscription_id)


def expect(holds: bool, claim: str) -> None:
    """Print the claim if it holds. Raise RuntimeError if it does not."""
    if not holds:
        raise RuntimeError(f"this does not hold: {claim}")
    print(f"  ✓ {claim}", flush=True)


def say(text: str) -> None:
    print(f"· {text}", flush=True)
