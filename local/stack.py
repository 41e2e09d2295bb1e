"""The Functions host as a separate process, on the simulated Azure and Azurite."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol, Self

import httpx

from .plain_http import http

ROOT = Path(__file__).parents[1]
STARTS_WITHIN_SECONDS = 120
STOPS_WITHIN_SECONDS = 5


class Running(Protocol):
    """A process with three pipes of text."""

    stdin: IO[str] | None
    stdout: IO[str] | None
    stderr: IO[str] | None

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


COLD = (sys.executable, "-m", "local.host")


def start_cold(environment: Mapping[str, str]) -> Running:
    """Start a new interpreter, which imports everything first. `make run` does this."""
    return start_command(COLD, environment)


def start_other(environment: Mapping[str, str]) -> Running:
    """Start the host of HOST_COMMAND instead of the local one (other_host.py)."""
    command = {"HOST_COMMAND": os.environ["HOST_COMMAND"]}
    return start_command((sys.executable, "-m", "local.other_host"), {**environment, **command})


def start_command(command: Sequence[str], environment: Mapping[str, str]) -> Running:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class HostProcess:
    """Starts and stops the host as a context. The app sees no settings but `settings`."""

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        port: int = 0,
        key: str = "local-host-key",
        master_key: str = "local-master-key",
        start: Callable[[Mapping[str, str]], Running] = start_cold,
    ) -> None:
        self.key = key
        self.master_key = master_key
        self.url = ""
        self._environment = {
            **_inherited_variables(),
            **settings,
            "HOST_PORT": str(port),
            "HOST_KEY": key,
            "MASTER_KEY": master_key,
        }

        self._start = start
        self._process: Running | None = None
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        self._process = self._start(self._environment)
        assert self._process.stdout is not None and self._process.stderr is not None

        # A process whose error pipe is full would stop, so somebody must read it.
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stderr,), daemon=True
        )
        self._reader.start()

        # The first line of its output is the host's address.
        try:
            self.url = self._process.stdout.readline().strip()
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join(10)
        process.stdout.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def worker_pid(self) -> int:
        """The process in which the app's functions run."""
        pid: int = self.request("GET", "/local/worker").raise_for_status().json()["pid"]
        return pid

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the app with its host key, or `/admin` and `/local` with the master key."""
        key = self.key if path.startswith("/api/") else self.master_key
        headers = {"x-functions-key": key, **options.pop("headers", {})}
        return http().request(method, self.url + path, headers=headers, **options)

    def fire(self, function: str, **body: str) -> None:
        self.request("POST", f"/admin/functions/{function}", json=body).raise_for_status()

    def set_clock(self, now: datetime) -> None:
        """Set the clock of the host and of its worker.

        An invocation that runs meanwhile may exceed `functionTimeout` by this.
        """
        answer = self.request("POST", "/local/clock", json={"now": now.isoformat()})
        answer.raise_for_status()

    def line_with(self, text: str, within: float = 120) -> str:
        """Wait until the host has written such a line. Raise TimeoutError after so many seconds."""

        def line() -> str | None:
            return next((line for line in self.errors if text in line), None)

        return self._until(line, f"no line with {text!r}", within, longest=0.01)

    def newest_run(self, *, other_than: str | None = None, within: float = 120) -> dict[str, Any]:
        """Wait until the newest run has another id than `other_than` and has ended.

        Return its report. Raise TimeoutError after `within` seconds.
        """

        def run_id() -> str | None:
            runs = self.request("GET", "/api/runs?top=1").raise_for_status().json()["value"]
            return runs[0]["runId"] if runs and runs[0]["runId"] != other_than else None

        ends = time.monotonic() + within
        found = self._until(run_id, "no new run", within)
        return self.ended_run(found, within=ends - time.monotonic())

    def ended_run(self, run_id: str, *, within: float = 120) -> dict[str, Any]:
        """Wait until the run has ended. Raise TimeoutError after `within` seconds."""

        def report() -> dict[str, Any] | None:
            answer = self.request("GET", f"/api/runs/{run_id}").raise_for_status()
            return answer.json() if answer.status_code == httpx.codes.OK else None

        return self._until(report, f"run {run_id} did not end", within)

    def _until[T](
        self, find: Callable[[], T | None], missing: str, within: float, *, longest: float = 0.4
    ) -> T:
        """Return what is found. Raise TimeoutError with what the host has written.

        Each pause is twice as long as the one before, up to the longest: whoever asks takes time
        from what it waits for.
        """
        pause, ends = min(0.05, longest), time.monotonic() + within
        while time.monotonic() < ends:
            found = find()
            if found is not None:
                return found
            time.sleep(pause)
            pause = min(2 * pause, longest)
        raise TimeoutError(f"{missing} within {within} s\n" + "\n".join(self.errors))

    def _read(self, stream: IO[str]) -> None:
        with stream:
            self.errors.extend(line.rstrip("\n") for line in stream)

    def _wait_until_ready(self) -> None:
        ends = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < ends:
            assert self._process is not None
            if self._process.poll() is not None:
                self._reader.join(10)
                raise RuntimeError("the host did not start:\n" + "\n".join(self.errors))

            # Until the host listens, it refuses connections.
            try:
                answer = self.request("GET", "/admin/host/status")
                if answer.is_success and answer.json()["state"] == "Running":
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise TimeoutError("the host did not answer")


def _inherited_variables() -> dict[str, str]:
    names = ("PATH", "HOME", "LANG", "LOG_LEVEL")
    return {name: os.environ[name] for name in names if name in os.environ}
