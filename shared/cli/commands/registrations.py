"""`tables export|import`: the registrations as a file."""

from typing import Annotated

import typer

from .options import Acknowledge, Json, Yes


def export() -> None:
    """Print all registrations as YAML. Keep the file as a backup, or change it and import it."""
    from .. import importing

    importing.export_tables()


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The YAML file; - reads the input.")],
    prune: Annotated[
        bool, typer.Option("--prune", help="Unregister each table that is not in the file.")
    ] = False,
    prune_all: Annotated[
        bool, typer.Option("--prune-all", help="The same, even if that is more than 10 % of all.")
    ] = False,
    plan_only: Annotated[
        bool, typer.Option("--plan", help="Show the difference, and change nothing.")
    ] = False,
    acknowledge: Acknowledge = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring the registrations to what a file says. Nothing is written to Azure.

    It shows the difference and asks. With --plan, the exit status is 2 if there is a difference.
    """
    from .. import importing

    options = importing.ImportOptions(
        prune=prune or prune_all,
        prune_all=prune_all,
        plan_only=plan_only,
        acknowledge=acknowledge,
        yes=yes,
        as_json=as_json,
    )
    importing.import_tables(file, options)
