"""Follow a run that goes on elsewhere, such as in the function app, until it has ended."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from .. import answers
from ..app import app
from ..domain.runs.run import Run
from .shell import console

SECONDS_BETWEEN = 2.0
"""Between two looks at the run. Each is two or three requests to storage."""


def followed(run_id: str, *, as_json: bool) -> Run:
    """Return the run when it has ended. A person sees how far it has come."""
    with _progress(console(stderr=True), quiet=as_json) as progress:
        task = progress.add_task(f"Run {run_id}", total=None)
        while not (run := answers.existing_run(app(), run_id)).ended:
            _show(progress, task, run)
            time.sleep(SECONDS_BETWEEN)
    return run


def _progress(errors: Console, *, quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    unseen = quiet or not errors.is_terminal
    return Progress(*columns, console=errors, transient=True, disable=unseen)


def _show(progress: Progress, task: TaskID, run: Run) -> None:
    if run.fanned_out_at is not None and run.request.action.is_about_tables:
        done, total = app().outcomes.how_far(run.run_id)
        progress.update(task, completed=done, total=total)
