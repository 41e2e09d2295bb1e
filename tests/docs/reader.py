"""Somebody who runs the commands of a page, with the real command line and a real storage account.

Programs of other people, such as `az` and `azd`, are stand-ins that answer as told.
"""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.builders.installed import Installed
from tests.builders.keyboards import standard_input
from tests.examples.programs import RecordedAz

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 300
COMMAND_LINE = """#!/bin/sh
case "$AzureWebJobsStorage__accountName" in
'') ;;
{accounts}*) echo "no such account: $AzureWebJobsStorage__accountName" >&2; exit 9 ;;
esac
export AzureWebJobsStorage
unset AzureWebJobsStorage__accountName
case "$1" in
--show-completion) PYTHONPATH={root} exec {python} -m shared "$@" ;;
*) exec {program} "$@" ;;
esac
"""
"""The command for completion looks for the shell among the processes that have started it."""
ACCOUNT = "{name}) AzureWebJobsStorage={connection} ;;\n"


def blocks(text: str, *kinds: str) -> list[tuple[str, str]]:
    """Return the blocks of these kinds, in their order, each with its kind."""
    found = re.findall(rf"^( *)```({'|'.join(kinds)})\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [(kind, textwrap.dedent(block)) for _, kind, block in found]


class Reader:
    """Has the programs of the PATH, and those that a test gives."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._settings = settings or {}
        (folder / "bin").mkdir(exist_ok=True)

    def has_installed(self, installed: Installed, accounts: Mapping[str, str]) -> None:
        """Give the reader our command line, for these storage accounts: names and connections."""
        cases = (
            ACCOUNT.format(name=name, connection=shlex.quote(connection))
            for name, connection in accounts.items()
        )
        text = COMMAND_LINE.format(
            accounts="".join(cases), program=installed.program, root=ROOT, python=sys.executable
        )
        program = self.folder / "bin" / "ase-route-sync"
        program.write_text(text)
        program.chmod(0o755)

    def has(self, name: str, answers: Mapping[str, str] | None = None) -> RecordedAz:
        """Give this program the answers, and return what notes its calls."""
        return RecordedAz(self.folder, answers or {}, name=name)

    def run(
        self, command: Iterable[str | Path], types: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command. If the reader `types` something, it reads from a terminal."""
        here = {
            "HOME": str(self.folder),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        with standard_input(types) as typed:
            return subprocess.run(
                [*command],
                cwd=self.folder,
                env={**self._settings, **here, **environment},
                stdin=typed,
                capture_output=True,
                text=True,
                timeout=LONGEST_SECONDS,
                check=False,
            )

    def bash(
        self, script: str, types: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run(("bash", "-euo", "pipefail", "-c", script), types, **environment)
