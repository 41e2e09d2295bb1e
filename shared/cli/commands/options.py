"""The options that several commands share."""

from typing import Annotated

import typer

# These are plain assignments because Typer does not look into `type` aliases.
Json = Annotated[bool, typer.Option("--json", help="Print the JSON of the HTTP functions.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without a question.")]
Reason = Annotated[str, typer.Option(help="The reason, which the report shows.")]
OptionalReason = Annotated[str | None, typer.Option(help="The reason, which the report shows.")]
Acknowledge = Annotated[
    bool, typer.Option("--acknowledge", help="Include an ASEv3, which needs no such routes.")
]
Table = Annotated[str, typer.Argument(help="The ARM id of a registered route table.")]
Force = Annotated[
    list[str] | None, typer.Option(help="The code of a violation to let pass; repeat it for more.")
]
