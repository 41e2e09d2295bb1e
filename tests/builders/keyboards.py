"""A terminal at which somebody has typed something."""

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def standard_input(typed: str | None) -> Iterator[int]:
    """Give a terminal at which somebody has typed this, or nothing at all."""
    if typed is None:
        with Path(os.devnull).open() as nothing:
            yield nothing.fileno()
        return
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, typed.encode())
        yield terminal
    finally:
        os.close(keyboard)
        os.close(terminal)
