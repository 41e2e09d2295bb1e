"""The commands by name, and how all of them end."""

import logging
import sys
from collections.abc import Sequence

import typer

from .commands import actions, doctor, lists, tables
from .errors import Ended

commands = typer.Typer(
    help="Keep the routes of App Service Environment management addresses right. Settings are "
    "read from the environment, as the functions read theirs; whoever is signed in with az login "
    "is who does it.",
    epilog="Exit status: 0 done or nothing to do, 1 failed, 2 changes pending (plan), 3 blocked.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich takes as long to import as all the rest of `--help`
)
for command in (
    *(actions.plan, actions.apply, actions.provision),
    *(actions.adopt, actions.rollback, actions.release),
    *(lists.discover, lists.versions, lists.runs),
    doctor.doctor,
):
    commands.command()(command)
commands.add_typer(tables.commands, name="tables")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status; the console script and `python -m shared` end with it."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Records are for the log of the functions.
    logging.getLogger("ase_route_sync").addHandler(logging.NullHandler())
    try:
        commands(given, prog_name="ase-route-sync")
    except Ended as end:
        return int(str(end.code))
    except SystemExit as end:  # what was typed wrong: its 2 would say that changes are pending
        return 1 if end.code else 0
    except Exception as error:
        # Imported only now: the errors' own modules take a second.
        from .shell import failed

        status = failed(error, given)
        if status is None:
            raise
        return status
    return 0
