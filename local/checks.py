"""`make test`: run every check, and print how long each took.

The tests print while they run. The other checks run beside them, one after the other, and print
only if they fail.
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
"""These checks read only the sources. The longest comes first."""
TESTS = (
    # The coverage of these folders is printed, and too little of it fails the tests. To measure it
    # with coverage.py takes half as long again as the tests themselves, and this takes nothing.
    *("python", "-W", "ignore::RuntimeWarning:slipcover.importer", "-m", "slipcover"),
    *("--branch", "--source=shared/domain,shared/sync"),
    *("--skip-covered", "--fail-under=95", "-m"),
    # Tests wait for Azurite and for hosts, so three workers keep two processors busy. Each worker
    # gets one test at a time, so that no worker has two long tests left at the end.
    *("pytest", "--numprocesses=3", "--maxschedchunk=1", "--durations=10"),
)
AFTER_THE_TESTS: Mapping[str, Sequence[str]] = {
    "rights": ("python", "-m", "tests.rights"),
    "recordings": ("python", "-m", "tests.recordings"),
}
"""These checks read what the tests have left behind, and always print."""


@dataclass(frozen=True, slots=True)
class Done:
    name: str
    seconds: float
    passed: bool


def main() -> int:
    parser = argparse.ArgumentParser(description="Run every check.")
    parser.add_argument("--static", action="store_true", help="run only the checks of the sources")
    parser.add_argument("--begun", type=int, help="when set-up began, in seconds since 1970")
    options = parser.parse_args()

    checks: list[Done] = []
    if options.begun is not None:
        checks.append(Done("set-up", time.time() - options.begun, passed=True))
    try:
        checks += _run_checks(with_tests=not options.static)
    except KeyboardInterrupt:
        return 130

    for check in checks:
        print(f"{check.name:<12}{check.seconds:7.1f} s  {'passed' if check.passed else 'FAILED'}")
    return 0 if all(check.passed for check in checks) else 1


def _run_checks(*, with_tests: bool) -> list[Done]:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        environment = _environment(folder)
        static = [beside.submit(_quietly, name, STATIC[name], environment) for name in STATIC]
        try:
            checks = [_aloud("tests", TESTS, environment)] if with_tests else []
            checks += [future.result() for future in static]
        except KeyboardInterrupt:
            beside.shutdown(wait=False, cancel_futures=True)
            raise

        # After a failure, the tests may not have left everything behind.
        if with_tests and all(check.passed for check in checks):
            checks += [_aloud(name, AFTER_THE_TESTS[name], environment) for name in AFTER_THE_TESTS]
        return checks


def _environment(folder: str) -> Mapping[str, str]:
    """The tests write into this folder, so that two runs at once do not disturb each other."""
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "ACTIONS_FILE": f"{folder}/actions",
    }


def _aloud(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Done:
    """Run a check that prints, and wait until it has ended."""
    started = time.monotonic()
    with subprocess.Popen(_found(command), cwd=ROOT, env=environment) as running:
        try:
            status = running.wait()
        except KeyboardInterrupt:
            running.wait()  # it is interrupted as well, and still prints its result
            raise
    return Done(name, time.monotonic() - started, status == 0)


def _quietly(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Done:
    """Run a check, and print its output only if it fails."""
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
