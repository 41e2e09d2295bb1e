"""The real Azure CLI against the simulated Azure: it speaks https alone, and signs in."""

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
    """The real one, with a configuration of its own."""

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
        """What it answers, as JSON; raise RuntimeError where it fails."""
        done = self._run(arguments, shown=shown)
        if done.returncode:
            raise RuntimeError(f"az {' '.join(arguments)}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, code: str, *arguments: str) -> None:
        """Raise RuntimeError unless it fails, and tells its user this code."""
        done = self._run(arguments, shown=True)
        expect(done.returncode != 0 and code in done.stderr, f"refused: {done.stderr.strip()}")

    def on_path(self, folder: Path) -> str:
        """A PATH on which `az` is this one, for programs that ask it who is signed in."""
        variables = (f"{name}={shlex.quote(value)}" for name, value in self.environment.items())
        script = folder / "az"
        script.write_text(f'#!/bin/sh\nexec env {" ".join(variables)} {self._executable} "$@"\n')
        script.chmod(0o700)
        return f"{folder}:{os.environ['PATH']}"

    def _run(self, arguments: Sequence[str], *, shown: bool) -> subprocess.CompletedProcess[str]:
        self.calls += 1
        began = time.monotonic()
        done = subprocess.run(
            [self._executable, *arguments, "--output", "json", "--only-show-errors"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_COMMAND_SECONDS,
        )
        if shown:
            say(f"az {' '.join(arguments)}  ({time.monotonic() - began:.1f} s)")
        return done


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """The authority's certificate, and the server's with its key."""
    authority = trustme.CA()
    ca, server = folder / "ca.pem", folder / "server.pem"
    authority.cert_pem.write_to_path(str(ca))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(server))
    return ca, server


def sign_in(az: AzureCli, azure: SimulatedAzure, subscription_id: str) -> None:
    """As the managed identity, in a cloud of its own."""
    for name in ("core.instance_discovery", "core.collect_telemetry"):
        az("config", "set", f"{name}=false", shown=False)
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


def expect(holds: bool, what: str) -> None:
    """Say so where it holds, raise RuntimeError where it does not."""
    if not holds:
        raise RuntimeError(f"not so: {what}")
    print(f"  ✓ {what}", flush=True)


def say(text: str) -> None:
    print(f"· {text}", flush=True)
