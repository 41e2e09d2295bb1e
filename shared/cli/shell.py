"""How the commands ask and answer, and how they fail."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer
from azure.core.exceptions import AzureError
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ..app import app
from ..domain.errors import RouteSyncError
from ..messages import TableMessage
from ..settings import InvalidSettings
from . import show
from .errors import Refused
from .in_place import carry_out

WIDTH_OF_A_FILE = 1000
"""Columns, where it is no terminal: nothing is cut off."""


def answer(body: Any, shown: RenderableType, *, as_json: bool) -> None:
    """On standard output: the body for programs, or what people are shown."""
    if as_json:
        sys.stdout.write(json.dumps(body, indent=2) + "\n")
    else:
        console().print(shown, soft_wrap=True)


def say(shown: RenderableType) -> None:
    """Beside the answer, on standard error."""
    console(stderr=True).print(shown, soft_wrap=True)


def need_somebody(*, as_json: bool) -> None:
    """Raise Refused where nobody can be asked."""
    if as_json or not sys.stdin.isatty():
        raise Refused("NotConfirmed", "nobody is here to confirm it: say --yes")


def ask(question: str) -> None:
    """Raise Refused where the answer is no."""
    if not typer.confirm(question, err=True):
        raise Refused("NotConfirmed", "not confirmed: nothing was changed")


def carried_out(start: str, *, as_json: bool) -> dict[str, Any]:
    """The report of the run with this start message; meanwhile its progress, table by table."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    errors = console(stderr=True)
    watched = errors.is_terminal and not as_json
    with Progress(*columns, console=errors, transient=True, disable=not watched) as progress:
        task = progress.add_task("Reading the service tags", total=None)

        def begun(tables: int) -> None:
            progress.update(task, description="Route tables", total=tables)

        def delivered(message: TableMessage) -> None:
            outcome = app().outcomes.get(message.run_id, message.route_table_id)
            if outcome is not None:
                progress.console.print(show.progress_line(outcome))
                progress.advance(task)

        return carry_out(start, begun, delivered if watched else lambda _message: None)


def said(**given: object) -> dict[str, Any]:
    """A body of what was said; the functions know their defaults."""
    return {name: value for name, value in given.items() if value}


def failed(error: Exception, given: Sequence[str]) -> int | None:
    """Show why the command failed; the exit status, or None if nobody foresaw this error."""
    refused = _refused(error)
    if refused is None:
        return None
    if "--json" in given:
        answer(refused.to_json(), "", as_json=True)
    else:
        say(show.error(refused))
    return 1


def _refused(error: Exception) -> Refused | None:
    match error:
        case Refused():
            return error
        case InvalidSettings():
            faults = [{"target": "settings", "message": fault} for fault in error.faults]
            return Refused("InvalidSettings", "missing or wrong settings", faults)
        case RouteSyncError():
            return Refused(error.code, error.message)
        case AzureError():
            return Refused("StorageUnavailable", f"storage does not answer: {error}")
        case _:
            return None


def console(*, stderr: bool = False) -> Console:
    # What others have named or noted is text, whatever it looks like.
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = WIDTH_OF_A_FILE
    return made
