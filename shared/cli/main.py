"""The commands by name, and how all of them end."""

import logging
import sys
from collections.abc import Sequence

import typer
from azure.core.exceptions import AzureError

from shared.domain.errors import RouteSyncError
from shared.settings import InvalidSettings

from . import doctor, lists, runs, show, tables
from .in_place import Refused
from .shell import Ended, answer, say

commands = typer.Typer(
    help="Keep the routes of App Service Environment management addresses right. Settings are "
    "read from the environment, as the functions read theirs; whoever is signed in with az login "
    "is who does it.",
    epilog="Exit status: 0 done or nothing to do, 1 failed, 2 changes pending (plan), 3 blocked.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (
    *(runs.plan, runs.apply, runs.provision, runs.adopt, runs.rollback, runs.release),
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
    except (Refused, InvalidSettings, RouteSyncError, AzureError) as error:
        return _failed(_refused(error), given)
    return 0


def _refused(error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case InvalidSettings():
            faults = [{"target": "settings", "message": fault} for fault in error.faults]
            return Refused("InvalidSettings", "missing or wrong settings", faults)
        case RouteSyncError():
            return Refused(error.code, error.message)
        case _:
            return Refused("StorageUnavailable", f"storage does not answer: {error}")


def _failed(error: Refused, given: Sequence[str]) -> int:
    if "--json" in given:
        answer(error.to_json(), "", as_json=True)
    else:
        say(show.error(error))
    return 1
