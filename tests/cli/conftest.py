"""The command line as a person or a script runs it: a process of its own."""

import json
import os
import pty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from local.warm import WarmProcess


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


type Cli = Callable[..., Done]


@contextmanager
def _standard_input(typed: str | None) -> Iterator[int]:
    """A terminal at which somebody has typed this, or nothing at all."""
    if typed is None:
        with Path(os.devnull).open() as nothing:
            yield nothing.fileno()
        return
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, typed.encode())
        yield terminal
    finally:
        os.close(keyboard)
        os.close(terminal)


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
        with (
            _standard_input(types) as typed,
            TemporaryFile("w+") as out,
            TemporaryFile("w+") as err,
        ):
            process = WarmProcess(
                "shared",
                *arguments,
                env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **settings},
                streams=(typed, out.fileno(), err.fileno()),
                warnings_are_errors=True,
            )
            try:
                status = process.wait(120)
            finally:
                process.kill()
            out.seek(0)
            err.seek(0)
            done = Done(status, out.read(), err.read())
        assert "Traceback" not in done.err, done.err
        return done

    return run
