"""Commands as a page or a message has them, read by the real command line."""

from collections.abc import Sequence

import typer
from typer._click import Command
from typer.core import TyperGroup

from shared.cli.main import PROGRAM, commands


def parse(words: Sequence[str]) -> None:
    """Let the real command line read the words, up to the call of the command."""
    command: Command | None = typer.main.get_command(commands)
    context = None
    while isinstance(command, TyperGroup):
        context = command.make_context(PROGRAM, [*words], parent=context)
        remaining = [*context._protected_args, *context.args]
        _, command, words = command.resolve_command(context, remaining)
    assert command is not None
    command.make_context(PROGRAM, [*words], parent=context)
