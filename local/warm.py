"""Processes that start with everything imported.

A short process spends most of its time importing the Azure SDKs. A fork server imports them once,
and each process here is a fork of it. It has its own environment, arguments and standard streams,
and runs a module as `python -m` does.
"""

import gc
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from multiprocessing import reduction
from typing import IO, Any

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        *("azure.data.tables", "azure.identity", "azure.mgmt.network", "azure.mgmt.web", "jwt"),
        *("azure.storage.queue", "local.host.server", "local.warm", "shared.cli.main"),
        *("shared.cli.actions", "shared.cli.doctor", "shared.cli.lists", "shared.cli.tables"),
        # The host and its worker import these when they begin, and at the first call.
        *("azure.functions", "shared.endpoints", "shared.lanes", "shared.workers"),
        *("uvicorn.lifespan.on", "uvicorn.loops.asyncio", "uvicorn.protocols.http.h11_impl"),
        *("anyio._backends._asyncio", "azure.core.rest._requests_basic", "cattrs.preconf.json"),
        *("httpcore", "_strptime", "encodings.utf_16_le", "email.generator", "rich.status"),
        *("typer._click.decorators", "typer._click._textwrap", "typer._adapters"),
        *("pydantic.type_adapter", "rich._emoji_codes"),
        "azure.identity._credentials.app_service",
        "azure.identity._internal.msal_managed_identity_client",
        "local.warmed",
    ]
)


class WarmProcess:
    """Has the part of `subprocess.Popen` that callers need.

    `streams` are open files: input, output and errors. The process works in the `folder`.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        env: Mapping[str, str],
        streams: Sequence[int],
        folder: str = ".",
        warnings_are_errors: bool = False,
    ) -> None:
        self._process = _context.Process(
            target=_run,
            args=(module, arguments, dict(env), _Streams(streams), folder),
            kwargs={"warnings_are_errors": warnings_are_errors},
            daemon=True,  # it ends with this process
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raise subprocess.TimeoutExpired if the process has not ended by then."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return status

    def kill(self) -> None:
        self._process.kill()


class PipedProcess(WarmProcess):
    """A process whose standard streams are pipes of text."""

    def __init__(self, module: str, *arguments: str, env: Mapping[str, str]) -> None:
        (stdin, to_it), (from_it, stdout), (errors, stderr) = os.pipe(), os.pipe(), os.pipe()
        self.stdin: IO[str] | None = os.fdopen(to_it, "w")
        self.stdout: IO[str] | None = os.fdopen(from_it)
        self.stderr: IO[str] | None = os.fdopen(errors)
        super().__init__(module, *arguments, env=env, streams=(stdin, stdout, stderr))
        for fd in (stdin, stdout, stderr):
            os.close(fd)


class _Streams:
    """The standard streams of a child process, which receives them as open files."""

    def __init__(self, fds: Sequence[int]) -> None:
        self._fds = fds

    def __getstate__(self) -> list[Any]:
        return [reduction.DupFd(fd) for fd in self._fds]

    def __setstate__(self, duplicates: list[Any]) -> None:
        self._fds = [duplicate.detach() for duplicate in duplicates]

    def take(self) -> None:
        """Make them the standard streams of this process."""
        for number, fd in enumerate(self._fds):
            os.dup2(fd, number)
            os.close(fd)
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False, buffering=1)


def _run(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    streams: _Streams,
    folder: str,
    *,
    warnings_are_errors: bool,
) -> None:
    gc.freeze()  # or each collection would copy what this process shares with the fork server
    streams.take()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    # A shell lets its background jobs ignore Ctrl-C, and `nohup` the end of the terminal. This may
    # be a child of both.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if warnings_are_errors:
        warnings.simplefilter("error")
    runpy.run_module(module, run_name="__main__", alter_sys=True)
