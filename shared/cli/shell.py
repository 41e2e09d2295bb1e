"""Ask and answer at the terminal, follow a run, and show why a command failed."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import typer
from azure.core.exceptions import AzureError
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.segment import Segment

from .. import answers
from ..app import app
from ..domain import codes
from ..domain.errors import InvalidRequest, RouteSyncError
from ..domain.runs.report import Report
from ..domain.runs.run import Action, Run
from ..json_shapes import report_json
from ..messages import TableMessage
from ..redaction import presentable, redacted
from ..settings import InvalidSettings
from ..storage.errors import storage_fault
from . import show
from .errors import Ended, Refused
from .in_place import carry_out, end_interrupted
from .interruption import Abandoned, Interrupted

WIDTH_OF_A_FILE = 1000
"""In columns: nothing is cut off if the output is no terminal."""
_FIRST = {
    Action.CHECK: "Looking at the route tables",
    Action.DISCOVER: "Looking through the subscriptions",
}
"""The words for the first part of a run. Other runs begin with the service tags."""


def answer(body: object, shown: RenderableType, *, as_json: bool) -> None:
    """Write to standard output: `body` for programs, or else what is `shown` to people."""
    if as_json:
        sys.stdout.write(redacted(json.dumps(body, indent=2)) + "\n")
    else:
        console().print(shown, soft_wrap=True)


def answer_report(report: Report, *, as_json: bool) -> None:
    shown = show.report(report, paused=app().policy.paused)
    answer(report_json(report), shown, as_json=as_json)


def say(shown: RenderableType) -> None:
    """Write to standard error, so that standard output has the answer alone."""
    console(stderr=True).print(shown, soft_wrap=True)


def need_somebody(*, as_json: bool) -> None:
    """Raise Refused if nobody can be asked."""
    if as_json or not sys.stdin.isatty():
        raise Refused(codes.NOT_CONFIRMED, "nobody is here to confirm it: say --yes")


def ask(question: str) -> None:
    """Raise Refused if the answer is no, and Ended if it is Ctrl-C."""
    try:
        confirmed = typer.confirm(presentable(question), err=True)
    except Interrupted as end:
        say("\nInterrupted: nothing was changed.")
        raise Ended(end.code) from None
    if not confirmed:
        raise Refused(codes.NOT_CONFIRMED, "not confirmed: nothing was changed")


def waiting(text: str) -> AbstractContextManager[object]:
    """Show this text to a person at the terminal, within."""
    return console(stderr=True).status(text)


def carried_out(run: Run, *, as_json: bool) -> Report:
    """Carry the run out and return its report. A person sees each table when it is done.

    If somebody interrupts, show the report and raise Ended.
    """
    try:
        _carry_out(run, as_json=as_json)
    except Interrupted as end:
        end_interrupted(run.run_id)
        answer_report(_report(run), as_json=as_json)
        raise Ended(end.code) from None
    except Abandoned:
        say(f"Stopped at once. The report: ase-route-sync runs {run.run_id}")
        raise
    return _report(run)


def _carry_out(run: Run, *, as_json: bool) -> None:
    errors = console(stderr=True)
    if errors.is_terminal and not as_json:
        with _progress(errors) as progress:
            first = _FIRST.get(run.request.action, "Reading the service tags")
            carry_out(run.run_id, _Watch(progress, progress.add_task(first, total=None)))
    else:
        carry_out(run.run_id, _Quiet())


def _report(run: Run) -> Report:
    return answers.run_report(app(), answers.existing_run(app(), run.run_id))


def _progress(errors: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=errors, transient=True)


@dataclass(frozen=True, slots=True)
class _Watch:
    """Show how far a run has come."""

    progress: Progress
    task: TaskID

    def show_total(self, tables: int) -> None:
        self.progress.update(self.task, description="Route tables", total=tables)

    def show_table(self, message: TableMessage) -> None:
        outcome = app().outcomes.get(message.run_id, message.route_table_id)
        if outcome is not None:
            self.progress.console.print(show.progress_line(outcome))
            self.progress.advance(self.task)

    def show_stopping(self, begun: int) -> None:
        self.progress.console.print(_stopping(begun), soft_wrap=True)


class _Quiet:
    """Nobody watches the run."""

    def show_total(self, tables: int) -> None:
        pass

    def show_table(self, message: TableMessage) -> None:
        pass

    def show_stopping(self, begun: int) -> None:
        say(_stopping(begun))


def _stopping(begun: int) -> str:
    if not begun:
        return "Stopping."
    tables = "1 route table is" if begun == 1 else f"{begun} route tables are"
    return (
        f"Stopping. {tables} under way and will be finished first; no other one begins. "
        "Press Ctrl-C again to stop at once."
    )


def failed(error: Exception, given: Sequence[str]) -> int | None:
    """Show why the command failed. Return its exit status, or None if this error is unforeseen."""
    refused = _refused(error)
    if refused is None:
        return None

    if wants_json(given):
        answer(refused.to_json(), "", as_json=True)
    else:
        say(show.error(refused))
    return 1


def wants_json(given: Sequence[str]) -> bool:
    """Return whether the words of a command ask for JSON, in whatever way."""
    words = " ".join(given).replace("=", " ").replace("-ojson", "-o json")
    return any(f" {option} " in f" {words} " for option in ("--json", "--output json", "-o json"))


def _refused(error: Exception) -> Refused | None:
    if isinstance(error, AzureError):
        found = storage_fault(error)
        return Refused(found.code, found.message)
    if isinstance(error, InvalidSettings):
        wrong = [{"target": "settings", "message": fault} for fault in error.faults]
        return Refused(codes.INVALID_SETTINGS, "missing or wrong settings", wrong)
    if isinstance(error, RouteSyncError):
        faults = error.faults if isinstance(error, InvalidRequest) else ()
        details = [{"target": fault.target, "message": fault.message} for fault in faults]
        return Refused(error.code, error.message, details)
    return error if isinstance(error, Refused) else None


class _Terminal(Console):
    """A door: texts of Azure and of other people pass it, but neither secrets nor commands."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else presentable(segment.text)
            yield segment._replace(text=text)


def console(*, stderr: bool = False) -> Console:
    # Names and notes that other people wrote may look like markup, but are text.
    made = _Terminal(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = WIDTH_OF_A_FILE
    return made
