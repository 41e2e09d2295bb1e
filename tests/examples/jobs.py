"""Run the example runbooks as Azure Automation does, all scenarios side by side."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.pwsh import ENVIRONMENT

from .scenarios import Scenario, scenarios
from .scripted import Reply, Scripted, Seen

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "examples" / "runbooks"
POWERSHELL = RUNBOOKS / "Start-AseRouteSync.ps1"
PYTHON = RUNBOOKS / "start_ase_route_sync.py"
BATCH = Path(__file__).parent / "batch.ps1"
ONLY_POWERSHELL = {"debug", "what if", "alert as Automation writes it"}
WAIT_SECONDS = 120
SIDE_BY_SIDE = 16

JOB_OF_PYTHON = """
import json, runpy, sys, time, types
notes, key, runbook = sys.argv[1:4]
assets = types.ModuleType("automationassets")
assets.get_automation_variable = lambda name: key
sys.modules["automationassets"] = assets
slept, sleep, began = [], time.sleep, time.monotonic()
def pause(seconds):
    slept.append(seconds)
    sleep(min(seconds / 50, 0.2))
time.sleep = pause
sys.argv = sys.argv[3:]
try:
    runpy.run_path(runbook, run_name="__main__")
finally:
    seconds = time.monotonic() - began
    open(notes, "w").write(json.dumps({"slept": slept, "seconds": seconds}))
"""
"""Defines what Azure Automation has. A pause is noted, and takes a moment only."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a job came to. `failure` is None if it did not fail."""

    failure: str | None
    output: list[Any]
    information: list[str]
    warnings: list[str]
    errors: list[str]
    slept: list[float]
    seconds: float
    text: str
    """Everything that the job has written anywhere."""
    seen: list[Seen]
    elsewhere: list[Seen]
    """The requests that another host got."""

    def asked(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]


def run_powershell(program: Path) -> dict[str, Ended]:
    """Run all scenarios in one process, because PowerShell takes long to start."""
    with tempfile.TemporaryDirectory() as text, servers(scenarios()) as (running, other):
        folder = Path(text)
        jobs = [_job(name, one, running[name], folder) for name, one in scenarios().items()]
        (folder / "jobs.json").write_text(json.dumps(jobs))
        arguments = [folder / "jobs.json", folder / "results.json"]
        done = subprocess.run(
            [program, "-NoProfile", "-NonInteractive", "-File", BATCH, *arguments],
            env=environment(other, HOME=text, **ENVIRONMENT),
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        results = json.loads((folder / "results.json").read_text())
        return {one["name"]: _ended(one, running[one["name"]], other) for one in results}


def _job(name: str, scenario: Scenario, server: Scripted, folder: Path) -> dict[str, Any]:
    return {
        "name": name,
        "runbook": str(_copy(POWERSHELL, scenario, "${}Seconds = ", folder)),
        "key": scenario.key,
        "jobId": scenario.job_id,
        "environment": filled(scenario.environment, server),
        "parameters": parameters(scenario, server),
    }


def _ended(found: dict[str, Any], server: Scripted, other: Scripted) -> Ended:
    return Ended(
        failure=found["failure"],
        output=found["output"],
        information=found["information"],
        warnings=found["warnings"],
        errors=found["errors"],
        slept=found["slept"],
        seconds=found["seconds"],
        text=json.dumps(found),
        seen=server.seen,
        elsewhere=other.seen,
    )


def run_python(program: Path) -> dict[str, Ended]:
    wanted = {name: one for name, one in scenarios().items() if name not in ONLY_POWERSHELL}
    with (
        tempfile.TemporaryDirectory() as folder,
        servers(wanted) as (running, other),
        ThreadPoolExecutor(SIDE_BY_SIDE) as pool,
    ):
        jobs = {
            name: pool.submit(_python_job, program, Path(folder), one, running[name], other)
            for name, one in wanted.items()
        }
        return {name: job.result() for name, job in jobs.items()}


def _python_job(
    program: Path, folder: Path, scenario: Scenario, server: Scripted, other: Scripted
) -> Ended:
    notes = folder / f"{server.port}.json"
    # As in Automation, the project's packages are not there.
    runbook = _copy(PYTHON, scenario, "{}_SECONDS = ", folder)
    command: list[str | Path] = [
        program,
        "-I",
        "-S",
        "-c",
        JOB_OF_PYTHON,
        notes,
        scenario.key,
        runbook,
    ]
    job = {"AUTOMATION_JOB_ID": scenario.job_id} if scenario.job_id else {}
    done = subprocess.run(
        [*command, *options(parameters(scenario, server))],
        env=environment(other, **job, **filled(scenario.environment, server)),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )

    lines = done.stderr.splitlines()
    rest = [line for line in lines if not line.startswith(("warning: ", "error: "))]
    assert (done.returncode, len(rest)) in {(0, 0), (1, 1)}, done.stderr
    return Ended(
        failure=rest[0] if rest else None,
        output=[json.loads(line) for line in done.stdout.splitlines()],
        information=[],
        warnings=[line for line in lines if line.startswith("warning: ")],
        errors=[line for line in lines if line.startswith("error: ")],
        **json.loads(notes.read_text()),
        text=done.stdout + done.stderr,
        seen=server.seen,
        elsewhere=other.seen,
    )


def _copy(runbook: Path, scenario: Scenario, line: str, folder: Path) -> Path:
    """Return the runbook itself, or a copy with other limits, for which nobody waits for long."""
    if not scenario.limits:
        return runbook
    text = runbook.read_text()
    for limit, seconds in scenario.limits.items():
        name = line.format(limit.upper() if runbook is PYTHON else limit)
        text, count = re.subn(
            rf"^{re.escape(name)}\d+", f"{name}{seconds}", text, flags=re.MULTILINE
        )
        assert count == 1
    copy = folder / f"{'-'.join(scenario.limits)}{runbook.suffix}"
    copy.write_text(text)
    return copy


@contextmanager
def servers(wanted: Mapping[str, Scenario]) -> Iterator[tuple[dict[str, Scripted], Scripted]]:
    """A server for each scenario, and another host that must not be asked."""
    with ExitStack() as stack:
        other = stack.enter_context(Scripted(lambda *_: Reply()))
        running = {
            name: stack.enter_context(Scripted(one.script, away_for=one.away_for, other=other.url))
            for name, one in wanted.items()
        }
        yield running, other


def environment(other: Scripted, **more: str) -> dict[str, str]:
    """The other host is the proxy for plain HTTP, too: keys must not go there either."""
    return {"PATH": os.environ["PATH"], "http_proxy": other.url, **more}


def filled(values: Mapping[str, str], server: Scripted) -> dict[str, str]:
    return {name: value.replace("{url}", server.url) for name, value in values.items()}


def parameters(scenario: Scenario, server: Scripted) -> dict[str, Any]:
    """As PowerShell has them."""
    given = {"Url": "{url}", "KeyVariable": "AseRouteSyncKey", **scenario.parameters}
    return given | filled({"Url": given["Url"]}, server)


def options(given: Mapping[str, Any]) -> list[str]:
    """As Python has them."""
    result = [given["Url"]]
    for name, value in given.items():
        option = "--" + re.sub("(?<=[a-z])(?=[A-Z])", "-", name).lower()
        if name == "RouteTable":
            result += [part for each in value for part in (option, each)]
        elif name == "WebhookData":
            result += [option, value if isinstance(value, str) else json.dumps(value)]
        elif name != "Url":
            result += [option] if value is True else [option, str(value)]
    return result
