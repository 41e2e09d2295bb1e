"""A code and what to say about it, as reports, alarms and notices show it.

The list of all codes is in `codes.py`.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Self

from .codes import CODES, INTERNAL_ERROR, Code, Grade
from .errors import RouteSyncError

__all__ = ["CODES", "Code", "Finding", "Grade", "listed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A code and what to say about it: an error or a finding."""

    code: Code
    message: str

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Say what a typed error says, and of an error that nobody foresaw only kind and place.

        The text of such an error may hold a secret.
        """
        if isinstance(error, RouteSyncError):
            return cls(error.code, error.message)
        frames = traceback.extract_tb(error.__traceback__)[-1:]
        places = (f" in {PurePath(frame.filename).name}, line {frame.lineno}" for frame in frames)
        return cls(INTERNAL_ERROR, f"{type(error).__name__}{''.join(places)}")

    @classmethod
    def plain(cls, code: Code) -> Self:
        """A finding that has nothing to add to its code."""
        return cls(code, code.advice)


def without_remedy(code: Code, message: str) -> str:
    """Return the message without what to do, for a place that says this by itself."""
    return message.removesuffix(f" {code.to_do}")


def listed(code: Code, said: str, prefixes: Sequence[str]) -> tuple[Finding, ...]:
    """One finding of all these prefixes, if there are any."""
    return (Finding(code, f"{said}: {', '.join(prefixes)}"),) if prefixes else ()
