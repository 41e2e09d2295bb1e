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
    # This measures which branches run. It takes no time, unlike coverage.py, with which the tests
    # take half as long again. It warns that it does not measure the tests themselves.
    *("python", "-W", "ignore::RuntimeWarning:slipcover.importer", "-m", "slipcover"),
    *("--branch", "--source=shared/domain,shared/sync"),
    *("--json", "--out={folder}/coverage.json", "-m"),
    # Many tests wait, so four workers keep two processors busy.
    *("pytest", "--numprocesses=4", "--dist=loadfile", "--no-loadscope-reorder", "--durations=10"),
)
AFTER_THE_TESTS: Mapping[str, Sequence[str]] = {
    "coverage": (
        *("python", "-m", "slipcover", "--merge", "{folder}/coverage.json"),
        *("--out={folder}/merged.json", "--skip-covered", "--fail-under=99"),
    ),
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
            checks = [_aloud("tests", _in_folder(TESTS, folder), environment)] if with_tests else []
            checks += [future.result() for future in static]
        except KeyboardInterrupt:
            beside.shutdown(wait=False, cancel_futures=True)
            raise

        # After a failure, the tests may not have left everything behind.
        if with_tests and all(check.passed for check in checks):
            checks += [
                _aloud(name, _in_folder(command, folder), environment)
                for name, command in AFTER_THE_TESTS.items()
            ]
        return checks


def _in_folder(command: Sequence[str], folder: str) -> Sequence[str]:
    return [part.format(folder=folder) for part in command]


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
