"""PowerShell as one process for many scripts, because it takes long to start."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from local.pwsh import ENVIRONMENT

SESSION = Path(__file__).with_name("session.ps1")


class PowerShell:
    """Starts and stops as a context."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [self._program, "-NoProfile", "-NonInteractive", "-File", SESSION],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)

    def run(self, script: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {"script": str(script), "environment": dict(environment)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess([script], **answer)
