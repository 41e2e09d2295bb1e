"""Find a command by its name, run it, and return its exit status."""

import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from .. import __version__
from ..redaction import guard_log, presentable_trace
from .commands import actions, doctor, lists, opening, tables
from .commands.options import Commands
from .errors import Ended
from .interruption import Abandoned, Interrupted, interruptible

PROGRAM = "ase-route-sync"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


commands = Commands(
    help="Keep the routes of App Service Environment management addresses right. The settings are "
    "those that the app has recorded in its storage account, so the environment only has to name "
    "that account. Azure sees the identity that is signed in with az login.",
    epilog="Exit status: 0 done or nothing to do, 1 failed, 2 changes are planned or wait, "
    "3 blocked, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich takes as long to import as all the rest of `--help`
)


@commands.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """These options stand before a command."""


for command in (
    *(actions.plan, actions.apply, actions.check, actions.approve, actions.provision),
    *(actions.adopt, actions.rollback, actions.release),
    *(actions.discover, lists.versions, lists.runs),
    doctor.doctor,
):
    commands.command()(command)
commands.command("open")(opening.open_)
commands.add_typer(tables.commands, name="tables")
_program = get_command(commands)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status; the console script and `python -m shared` end with it."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _let_every_letter_out()
    # Records are for the log of the functions, but libraries may warn at the terminal.
    guard_log()
    logging.getLogger("ase_route_sync").addHandler(logging.NullHandler())
    # It warns of each way to sign in that it has tried in vain. The command says which one counts.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)

    with interruptible():
        return _status_of(given)


def _let_every_letter_out() -> None:
    """On Windows, files and pipes have an encoding that lacks letters: a ✗ would end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_chosen = stream.isatty() or "PYTHONIOENCODING" in os.environ
            stream.reconfigure(encoding=None if is_chosen else "utf-8", errors="replace")


def _status_of(given: Sequence[str]) -> int:
    try:
        _program(given, prog_name=PROGRAM)
    except Abandoned as end:
        # Python itself would wait for the threads.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(str(end.code)))
    except Interrupted as end:
        sys.stderr.write("Interrupted.\n")
        return int(str(end.code))
    except Ended as end:
        return int(str(end.code))
    except SystemExit as end:
        # Typer ends with 2 if the command was typed wrongly, but here 2 means changes that wait.
        return 1 if end.code else 0
    except Exception as error:
        # The modules of the errors take a second to import, so they wait until one is met.
        from .shell import failed

        status = failed(error, given)
        if status is None:
            sys.stderr.write(presentable_trace(error) + "\n")
            return 1
        return status

    return 0
