"""The command line as a person or a script runs it: a process of its own."""

import fcntl
import json
import os
import pty
import re
import struct
import termios
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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


@contextmanager
def _terminal(columns: int) -> Iterator[tuple[int, Callable[[], str]]]:
    """A terminal of this width to write to, and what it has shown in the end, without colours."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    shown: list[bytes] = []

    def look() -> None:
        # The terminal ends with an error when its last writer has closed it.
        with suppress(OSError):
            while part := os.read(screen, 4096):
                shown.append(part)

    looking = threading.Thread(target=look)
    looking.start()

    def ended() -> str:
        os.close(terminal)
        looking.join()
        return re.sub(r"\x1b\[[0-9;]*m", "", b"".join(shown).decode()).replace("\r\n", "\n")

    try:
        yield terminal, ended
    finally:
        os.close(screen)


@pytest.fixture
def cli(app_settings: dict[str, str]) -> Cli:
    """Whoever `types` sits at a terminal. With `columns`, so wide is the one for the output."""

    def run(
        *arguments: str,
        types: str | None = None,
        without: Iterable[str] = (),
        columns: int | None = None,
        **changed: str,
    ) -> Done:
        settings = {k: v for k, v in (app_settings | changed).items() if k not in without}
        settings |= {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
        if columns is not None:
            return _at_terminal(arguments, settings, columns)
        with (
            _standard_input(types) as typed,
            TemporaryFile("w+") as out,
            TemporaryFile("w+") as err,
        ):
            process = WarmProcess(
                "shared",
                *arguments,
                env=settings,
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


def _at_terminal(arguments: Sequence[str], settings: Mapping[str, str], columns: int) -> Done:
    """Run the command with its output at a terminal. Its errors are there as well."""
    with _terminal(columns) as (terminal, ended), _standard_input(None) as typed:
        streams = (typed, terminal, terminal)
        process = WarmProcess("shared", *arguments, env=settings, streams=streams)
        try:
            status = process.wait(120)
        finally:
            process.kill()
        return Done(status, ended(), "")
