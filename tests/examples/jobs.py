"""Run the example runbooks as Azure Automation does, all scenarios side by side."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
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
BATCH = Path(__file__).with_name("batch")
ONLY_POWERSHELL = {"debug", "what if", "alert as Automation writes it"}
WAIT_SECONDS = 120


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
        command: list[str | Path] = [
            program,
            "-NoProfile",
            "-NonInteractive",
            "-File",
            f"{BATCH}.ps1",
        ]
        results = _results(command, jobs, folder, environment(other, HOME=text, **ENVIRONMENT))
        return {one["name"]: _ended(one, running[one["name"]], other) for one in results}


def _results(
    command: Sequence[str | Path], jobs: object, folder: Path, env: Mapping[str, str]
) -> Any:
    """Let a batch run the jobs, and return what it says of them."""
    (folder / "jobs.json").write_text(json.dumps(jobs))
    done = subprocess.run(
        [*command, folder / "jobs.json", folder / "results.json"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "results.json").read_text())


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
    """Run all scenarios as forks of one process, because its imports take long."""
    wanted = {name: one for name, one in scenarios().items() if name not in ONLY_POWERSHELL}
    with tempfile.TemporaryDirectory() as text, servers(wanted) as (running, other):
        folder = Path(text)
        jobs = [_job_of_python(one, running[name], folder) for name, one in wanted.items()]
        # As in Automation, the project's packages are not there.
        command: list[str | Path] = [program, "-I", "-S", f"{BATCH}.py"]
        # The authorities take long to read, for each call anew, and no address here is https.
        env = environment(other, SSL_CERT_FILE=os.devnull)
        statuses = _results(command, jobs, folder, env)
        return {
            name: _ended_python(Path(job["folder"]), status, running[name], other)
            for name, job, status in zip(wanted, jobs, statuses, strict=True)
        }


def _job_of_python(scenario: Scenario, server: Scripted, folder: Path) -> dict[str, Any]:
    own = folder / str(server.port)
    own.mkdir()
    job = {"AUTOMATION_JOB_ID": scenario.job_id} if scenario.job_id else {}
    return {
        "folder": str(own),
        "runbook": str(_copy(PYTHON, scenario, "{}_SECONDS = ", folder)),
        "key": scenario.key,
        "arguments": options(parameters(scenario, server)),
        "environment": {**job, **filled(scenario.environment, server)},
    }


def _ended_python(folder: Path, status: int, server: Scripted, other: Scripted) -> Ended:
    output, errors = ((folder / name).read_text() for name in ("output", "errors"))
    lines = errors.splitlines()
    rest = [line for line in lines if not line.startswith(("warning: ", "error: "))]
    assert (status, len(rest)) in {(0, 0), (1, 1)}, errors
    return Ended(
        failure=rest[0] if rest else None,
        output=[json.loads(line) for line in output.splitlines()],
        information=[],
        warnings=[line for line in lines if line.startswith("warning: ")],
        errors=[line for line in lines if line.startswith("error: ")],
        **json.loads((folder / "notes").read_text()),
        text=output + errors,
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
