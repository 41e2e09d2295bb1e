"""The command line as a person or a script runs it: a process of its own."""

import fcntl
import json
import logging
import os
import pty
import re
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, Self

import pytest

from local.sample import for_a_laptop
from local.warm import WarmProcess
from shared.settings import RECORDED
from tests.builders.clocks import LONGEST_SECONDS
from tests.builders.keyboards import standard_input
from tests.deployed import Deployed


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


type Cli = Callable[..., Done]


@pytest.fixture(autouse=True)
def quiet_sign_in() -> Iterator[None]:
    """A command quiets the library of the sign-in for its process, which here goes on."""
    library = logging.getLogger("azure.identity")
    level = library.level
    yield
    library.setLevel(level)


class Command:
    """A command that has begun."""

    def __init__(
        self,
        arguments: Iterable[str],
        env: Mapping[str, str],
        typed: int,
        out: IO[bytes],
        err: IO[bytes],
    ) -> None:
        self._out, self._err = out, err
        self._process = WarmProcess(
            "shared",
            *arguments,
            env=env,
            streams=(typed, out.fileno(), err.fileno()),
            warnings_are_errors=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def interrupt(self, number: int = signal.SIGINT) -> None:
        os.kill(self._process.pid, number)

    def wait_until_said(self, text: str) -> None:
        """Wait until standard error has this text."""
        ends = time.monotonic() + LONGEST_SECONDS
        while text not in _read(self._err):
            assert self._process.poll() is None, _read(self._err)
            assert time.monotonic() < ends, _read(self._err)
            time.sleep(0.01)

    def end(self) -> Done:
        status = self._process.wait(LONGEST_SECONDS)
        done = Done(status, _read(self._out), _read(self._err))
        assert "Traceback" not in done.err, done.err
        return done


def _read(file: IO[bytes]) -> str:
    """Read what the process has written, whose place in the file is ours as well."""
    length = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), length, 0).decode()


type Start = Callable[..., Command]
type Environment = Callable[..., dict[str, str]]
_HERE = {name: os.environ[name] for name in ("PATH", "HOME")}


@contextmanager
def _outputs() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    with TemporaryFile() as out, TemporaryFile() as err:
        yield out, err


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
def environment(app_settings: dict[str, str], deployed: Deployed) -> Environment:
    """A laptop that has the connections alone, and an app that has the settings.

    Of the settings that a test changes, the app gets those that it records, and the laptop gets the
    others. What is `here` is in the laptop's environment in any case. If the laptop is `alone`, no
    app is started for it, and all settings are here.
    """

    def make(
        *,
        without: Iterable[str] = (),
        here: Mapping[str, str] | None = None,
        alone: bool = False,
        **changed: str,
    ) -> dict[str, str]:
        settings = {k: v for k, v in (app_settings | changed).items() if k not in without}
        if not alone:
            own = {"AzureWebJobsStorage": app_settings["AzureWebJobsStorage"]}
            deployed.follow(settings | own)
            settings = for_a_laptop(settings)
        return _HERE | settings | dict(here or {})

    return make


@pytest.fixture
def start(environment: Environment) -> Iterator[Start]:
    """Begin a command. Whoever `types` sits at a terminal."""
    running = ExitStack()

    def begin(*arguments: str, types: str | None = None, **how: Any) -> Command:
        env = environment(**how)
        typed = running.enter_context(standard_input(types))
        out, err = running.enter_context(_outputs())
        return running.enter_context(Command(arguments, env, typed, out, err))

    with running:
        yield begin


@pytest.fixture
def cli(environment: Environment, start: Start) -> Cli:
    """Run a command to its end. With `columns`, so wide is the terminal for its output."""

    def run(*arguments: str, columns: int | None = None, **how: Any) -> Done:
        if columns is not None:
            return _at_terminal(arguments, environment(**how), columns)
        with start(*arguments, **how) as command:
            return command.end()

    return run


def _at_terminal(arguments: Sequence[str], settings: Mapping[str, str], columns: int) -> Done:
    """Run the command with its output at a terminal. Its errors are there as well."""
    with _terminal(columns) as (terminal, ended), standard_input(None) as typed:
        streams = (typed, terminal, terminal)
        process = WarmProcess("shared", *arguments, env=settings, streams=streams)
        try:
            status = process.wait(120)
        finally:
            process.kill()
        return Done(status, ended(), "")


@pytest.fixture
def laptop(
    app_settings: dict[str, str], deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Make this process a laptop, for tests that call `main` in it."""
    deployed.follow(app_settings)
    for name in RECORDED:
        monkeypatch.delenv(name, raising=False)
    for name, value in for_a_laptop(app_settings).items():
        monkeypatch.setenv(name, value)
