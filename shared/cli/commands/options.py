"""The options that several commands share."""

from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """The form of a list, if it is not the one for a terminal of 80 columns."""

    WIDE = "wide"
    JSON = "json"
    ID = "id"


def complete_tables(incomplete: str) -> list[tuple[str, str]]:
    from .. import completion

    return completion.tables(incomplete)


def complete_environments(incomplete: str) -> list[tuple[str, str]]:
    from .. import completion

    return completion.environments(incomplete)


def complete_runs() -> list[tuple[str, str]]:
    from .. import completion

    return completion.runs()


def complete_versions() -> list[tuple[str, str]]:
    from .. import completion

    return completion.versions()


# These are plain assignments because Typer does not look into `type` aliases.
Json = Annotated[bool, typer.Option("--json", help="Print the JSON of the HTTP functions.")]
OutputOption = Annotated[
    Output | None,
    typer.Option("--output", "-o", help="More columns, the same as --json, or the ids alone."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without a question.")]
Reason = Annotated[str, typer.Option(help="The reason, which the report shows.")]
OptionalReason = Annotated[str | None, typer.Option(help="The reason, which the report shows.")]
Acknowledge = Annotated[
    bool, typer.Option("--acknowledge", help="Include an ASEv3, which needs no such routes.")
]
Table = Annotated[
    str,
    typer.Argument(
        help="A registered route table: its ARM id, its name, or a part of RESOURCE_GROUP/NAME.",
        autocompletion=complete_tables,
    ),
]
Force = Annotated[
    list[str] | None, typer.Option(help="The code of a violation to let pass; repeat it for more.")
]
