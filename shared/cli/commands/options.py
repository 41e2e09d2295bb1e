"""The options that several commands share, and the one that every command has."""

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

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
Reason = Annotated[str, typer.Option(metavar="TEXT", help="The reason, which the report shows.")]
OptionalReason = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The reason, which the report shows.")
]
Acknowledge = Annotated[
    bool, typer.Option("--acknowledge", help="Include an ASEv3, which needs no such routes.")
]
Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="A registered route table: its ARM id, its name, or a part of RESOURCE_GROUP/NAME.",
        autocompletion=complete_tables,
    ),
]
Force = Annotated[
    list[str] | None,
    typer.Option(metavar="CODE", help="The code of a violation to let pass; repeat it for more."),
]
_Override = Annotated[
    bool,
    typer.Option(
        "--override-settings", help="Let settings of this environment win over those of the app."
    ),
]


class Commands(typer.Typer):
    """Commands that follow the app's settings, each with the option to override them."""

    def command(self, *args: Any, **options: Any) -> Callable[..., Any]:
        register = super().command(*args, **options)
        return lambda function: register(_following_the_app(function))


def _following_the_app(function: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(function)
    def command(*, override_settings: bool, **given: Any) -> None:
        from ..agreement import following

        with following(override=override_settings):
            function(**given)

    # Typer makes the options of a command from its signature.
    own = inspect.signature(function)
    option = inspect.Parameter(
        "override_settings", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Override
    )
    vars(command)["__signature__"] = own.replace(parameters=[*own.parameters.values(), option])
    return command
