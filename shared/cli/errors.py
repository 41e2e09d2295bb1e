"""The ways in which a command can end before it has an answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..domain.codes import Code


class Ended(SystemExit):
    """The command is done, with an exit status of the contract."""


class Refused(Exception):
    """The command cannot be carried out. Each of `details` has a `target` and a `message`."""

    def __init__(self, code: Code, message: str, details: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def to_json(self) -> dict[str, Any]:
        """The contract has the form of an error."""
        details = {"details": list(self.details)} if self.details else {}
        return {"error": {"code": self.code.name, "message": self.message, **details}}
