"""Whoever asks for something, at every door."""

from dataclasses import dataclass

from ..domain import codes
from ..domain.armid import RouteTableId
from ..domain.errors import NotAllowed
from ..domain.runs.run import Action, Mode, RunRequest, Trigger


@dataclass(frozen=True, slots=True)
class Requester:
    """The person or program that asks, and the door; `name` is None if the door knows none.

    An approver may loosen what guards a table. An Azure tag, as the requester, changes only the
    registrations that it has made.
    """

    trigger: Trigger
    name: str | None = None
    is_approver: bool = True
    is_azure_tag: bool = False

    def asks(
        self, action: Action, mode: Mode, *tables: RouteTableId, reason: str | None = None
    ) -> RunRequest:
        """Return the request for a run about these route tables, or about none."""
        return RunRequest(
            trigger=self.trigger,
            mode=mode,
            action=action,
            route_tables=tables,
            requested_by=self.name,
            reason=reason,
        )

    def needs_approver(self, what: str) -> None:
        """Raise NotAllowed if the requester is none; `what` is what loosens the guard."""
        if not self.is_approver:
            message = f"{what}: this needs a token with the app role Approver"
            raise NotAllowed(codes.ROLE_NEEDED, message)
