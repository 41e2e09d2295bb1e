"""`make test`: every check, and how long each took.

The tests are shown while they run. The other checks run beside them, one after the other, and only
what one of them finds is shown.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SOURCES = ("function_app.py", "shared", "local", "bench", "tests")
STATIC: Mapping[str, Sequence[str]] = {
    "types": ("mypy", *SOURCES),
    "lint": ("ruff", "check", *SOURCES, "examples"),
    "format": ("ruff", "format", "--check", *SOURCES, "examples"),
    "layers": ("lint-imports",),
    "bandit": ("bandit", "-q", "-c=pyproject.toml", "-r", "function_app.py", "shared"),
    "zizmor": ("zizmor", "--offline", "--quiet", ".github"),
    "actionlint": ("actionlint",),
}
"""They look at the sources alone. The longest comes first."""
TESTS = (
    # They wait for Azurite and for hosts, so three keep two processors busy. Each gets one test at
    # a time, so that none is left with two long ones at the end.
    *("pytest", "--numprocesses=3", "--maxschedchunk=1", "--durations=10"),
    *("--cov=shared/domain", "--cov=shared/sync", "--cov-branch", "--cov-report="),
)
AFTER_THE_TESTS: Mapping[str, Sequence[str]] = {
    "coverage": ("coverage", "report", "--skip-covered", "--fail-under=95"),
    "rights": ("python", "-m", "tests.rights"),
    "recordings": ("python", "-m", "tests.recordings"),
}
"""They judge what the tests have left behind, and say what they found."""


@dataclass(frozen=True, slots=True)
class Done:
    name: str
    seconds: float
    passed: bool


def main() -> int:
    asked = argparse.ArgumentParser(description="Run every check.")
    asked.add_argument("--static", action="store_true", help="those of the sources alone")
    asked.add_argument("--begun", type=int, help="when set-up began, in seconds since 1970")
    given = asked.parse_args()

    done = [] if given.begun is None else [Done("set-up", time.time() - given.begun, passed=True)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        # Files of its own, so that two runs at once do not meet in them.
        environment = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "COVERAGE_FILE": f"{folder}/coverage",
            "ACTIONS_FILE": f"{folder}/actions",
        }
        static = [beside.submit(_quietly, name, STATIC[name], environment) for name in STATIC]
        try:
            if not given.static:
                done.append(_aloud("tests", TESTS, environment))
            done += [future.result() for future in static]
        except KeyboardInterrupt:
            beside.shutdown(wait=False, cancel_futures=True)
            return 130
        if all(one.passed for one in done) and not given.static:
            done += [_aloud(name, AFTER_THE_TESTS[name], environment) for name in AFTER_THE_TESTS]

    for one in done:
        print(f"{one.name:<12}{one.seconds:7.1f} s  {'passed' if one.passed else 'FAILED'}")
    return 0 if all(one.passed for one in done) else 1


def _aloud(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Done:
    """Run a check and let it print; wait until it has ended."""
    started = time.monotonic()
    with subprocess.Popen(_found(command), cwd=ROOT, env=environment) as running:
        try:
            status = running.wait()
        except KeyboardInterrupt:
            running.wait()  # it was interrupted as well, and still says what it has found
            raise
    return Done(name, time.monotonic() - started, status == 0)


def _quietly(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Done:
    """Run a check; print what it says only if it fails."""
    started = time.monotonic()
    ended = subprocess.run(
        _found(command), cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    if ended.returncode != 0:
        print(f"\n{' '.join(command)}\n{ended.stdout}{ended.stderr}", flush=True)
    return Done(name, time.monotonic() - started, ended.returncode == 0)


def _found(command: Sequence[str]) -> Sequence[str]:
    return (str(BIN / command[0]), *command[1:])


if __name__ == "__main__":
    sys.exit(main())
