"""Commands as a page or a message has them, read by the real command line."""

import functools
from collections.abc import Sequence

import typer
from typer._click import Command
from typer.core import TyperGroup

from shared.cli.main import PROGRAM, commands


@functools.cache
def _program() -> Command:
    return typer.main.get_command(commands)


def parse(words: Sequence[str]) -> None:
    """Let the real command line read the words, up to the call of the command."""
    command: Command | None = _program()
    context = None
    while isinstance(command, TyperGroup):
        context = command.make_context(PROGRAM, [*words], parent=context)
        remaining = [*context._protected_args, *context.args]
        _, command, words = command.resolve_command(context, remaining)
    assert command is not None
    command.make_context(PROGRAM, [*words], parent=context)
