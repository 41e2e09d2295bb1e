"""Options that several commands share."""

from typing import Annotated

import typer

# These are plain assignments because Typer does not look into `type` aliases.
Json = Annotated[bool, typer.Option("--json", help="Print JSON, as the HTTP functions do.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Reason = Annotated[str, typer.Option(help="Why: it stands in the report.")]
OptionalReason = Annotated[str | None, typer.Option(help="Why: it stands in the report.")]
Acknowledge = Annotated[
    bool, typer.Option("--acknowledge", help="An ASEv3 too, that needs no such routes.")
]
Table = Annotated[str, typer.Argument(help="The ARM id of a registered route table.")]
Force = Annotated[
    list[str] | None, typer.Option(help="The code of a violation to let pass; repeat for more.")
]
