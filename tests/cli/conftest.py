"""The command line as a person or a script runs it: a process of its own."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


type Cli = Callable[..., Done]


@pytest.fixture
def cli(app_settings: dict[str, str]) -> Cli:
    """Whoever `types` sits at a terminal."""

    def run(
        *arguments: str,
        types: str | None = None,
        without: Iterable[str] = (),
        **changed: str,
    ) -> Done:
        settings = {k: v for k, v in (app_settings | changed).items() if k not in without}
        keyboard, terminal = pty.openpty()
        try:
            if types is not None:
                os.write(keyboard, types.encode())
            done = subprocess.run(
                [sys.executable, "-W", "error", "-m", "shared", *arguments],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **settings},
                stdin=subprocess.DEVNULL if types is None else terminal,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        finally:
            os.close(keyboard)
            os.close(terminal)
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run
