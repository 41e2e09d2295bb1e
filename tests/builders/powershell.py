"""PowerShell as one process for many scripts, because it takes long to start."""

import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from local.pwsh import ENVIRONMENT

from .clocks import LONGEST_SECONDS

SESSION = Path(__file__).with_name("session.ps1")


class PowerShell:
    """Starts and stops as a context."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def run(self, script: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run the script to its end. One that does not end takes the process with it."""
        if self._process.poll() is not None:
            self._start()
        assert self._process.stdin is not None and self._process.stdout is not None
        killing = threading.Timer(LONGEST_SECONDS, self._process.kill)
        killing.start()

        asked = {"script": str(script), "environment": dict(environment)}
        try:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            killing.cancel()

        if not line:
            self._process.communicate()
            raise TimeoutError(f"{script} did not end within {LONGEST_SECONDS} s")
        return subprocess.CompletedProcess([script], **json.loads(line))

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-NoProfile", "-NonInteractive", "-File", SESSION],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
