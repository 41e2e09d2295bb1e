"""A code and what to say about it, as reports, alarms and notices show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from .errors import RouteSyncError


@dataclass(frozen=True, slots=True)
class Finding:
    """A code and what to say about it: an error or a finding."""

    code: str
    message: str

    @classmethod
    def of(cls, error: RouteSyncError) -> Self:
        return cls(error.code, error.message)


def listed(code: str, said: str, prefixes: Sequence[str]) -> tuple[Finding, ...]:
    """One finding of all these prefixes, where there are any."""
    return (Finding(code, f"{said}: {', '.join(prefixes)}"),) if prefixes else ()


def finding_json(finding: Finding | None) -> dict[str, str] | None:
    return None if finding is None else {"code": finding.code, "message": finding.message}
