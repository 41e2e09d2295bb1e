"""A code and what to say about it, as reports, alarms and notices show it.

The list of all codes is in `codes.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from .codes import CODES, Code, Grade
from .errors import RouteSyncError

__all__ = ["CODES", "Code", "Finding", "Grade", "listed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A code and what to say about it: an error or a finding."""

    code: Code
    message: str

    @classmethod
    def of(cls, error: RouteSyncError) -> Self:
        return cls(error.code, error.message)

    @classmethod
    def plain(cls, code: Code) -> Self:
        """A finding that has nothing to add to its code."""
        return cls(code, code.advice)


def listed(code: Code, said: str, prefixes: Sequence[str]) -> tuple[Finding, ...]:
    """One finding of all these prefixes, if there are any."""
    return (Finding(code, f"{said}: {', '.join(prefixes)}"),) if prefixes else ()
