"""The commands that list and show versions and runs."""

from typing import Annotated

import typer

from .options import Json, Output, OutputOption, complete_runs, complete_versions

Most = Annotated[int, typer.Option("--top", min=1, metavar="NUMBER", help="How many to list.")]


def versions(
    version_id: Annotated[
        str | None,
        typer.Argument(
            metavar="VERSION",
            help="Show this one. A part of its id is enough.",
            autocompletion=complete_versions,
        ),
    ] = None,
    other_id: Annotated[
        str | None,
        typer.Argument(
            metavar="OTHER",
            help="Show how this version differs from the first.",
            autocompletion=complete_versions,
        ),
    ] = None,
    top: Most = 20,
    output: OutputOption = None,
    as_json: Json = False,
) -> None:
    """List, show or compare the recorded versions of tags and lists."""
    from .. import lists

    as_json = as_json or output is Output.JSON
    if version_id is None:
        lists.list_versions(top, Output.JSON if as_json else output)
    elif other_id is None:
        lists.show_version(version_id, Output.JSON if as_json else output)
    elif output is Output.ID:
        raise typer.BadParameter("a comparison has no id")
    else:
        lists.compare_versions(version_id, other_id, as_json=as_json)


def runs(
    run_id: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="Show the report of this one: its id, the beginning of it, or last.",
            autocompletion=complete_runs,
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="With RUN: wait until it has ended.")
    ] = False,
    top: Most = 20,
    output: OutputOption = None,
    as_json: Json = False,
) -> None:
    """List the last runs, or show the report of one.

    If the shown run has failed, the exit status is 1.
    """
    from .. import lists

    if wait and run_id is None:
        raise typer.BadParameter("--wait needs the run to wait for, for example last")

    as_json = as_json or output is Output.JSON
    if run_id is None:
        lists.list_runs(top, Output.JSON if as_json else output)
    else:
        lists.show_run(run_id, Output.JSON if as_json else output, wait=wait)
