"""Run many jobs of a runbook side by side, and write the exit status of each.

What Azure Automation has and a plain Python has not is defined here. A pause is noted, and takes a
moment only. Each job is a fork of this process, which has imported what a runbook imports.

The Pythons of Azure Automation run this file: 3.8 has to know every word of it.
"""

import ast
import importlib
import json
import os
import runpy
import signal
import sys
import time
import types
from pathlib import Path

LONGEST_SECONDS = 90


def main(jobs, results):
    wanted = json.loads(Path(jobs).read_text())
    import_for(wanted[0]["runbook"])

    processes = []
    for job in wanted:
        process = os.fork()
        if process == 0:
            run(job)
            return
        processes.append(process)

    statuses = [status_of(os.waitpid(process, 0)[1]) for process in processes]
    Path(results).write_text(json.dumps(statuses))


def status_of(ended):
    """Return the exit status, or less than 0 if a signal has ended the process."""
    return os.WEXITSTATUS(ended) if os.WIFEXITED(ended) else -os.WTERMSIG(ended)


def import_for(runbook):
    for statement in ast.parse(Path(runbook).read_text()).body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                importlib.import_module(alias.name)


def run(job):
    """Be this job to the end of the process."""
    signal.alarm(LONGEST_SECONDS)
    folder = Path(job["folder"])
    for name, stream in (("output", sys.stdout), ("errors", sys.stderr)):
        with (folder / name).open("w") as file:
            os.dup2(file.fileno(), stream.fileno())
    os.environ.update(job["environment"])

    assets = types.ModuleType("automationassets")
    vars(assets)["get_automation_variable"] = lambda name: job["key"]
    sys.modules["automationassets"] = assets
    slept, sleep, began = [], time.sleep, time.monotonic()

    def pause(seconds):
        slept.append(seconds)
        sleep(min(seconds / 50, 0.2))

    time.sleep = pause
    sys.argv = [job["runbook"], *job["arguments"]]
    try:
        runpy.run_path(job["runbook"], run_name="__main__")
    finally:
        notes = {"slept": slept, "seconds": time.monotonic() - began}
        (folder / "notes").write_text(json.dumps(notes))


main(*sys.argv[1:])
