"""A registered route table."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from ..armid import RouteTableId
from .contest import Contest
from .registration import Registration
from .status import Status


@dataclass(frozen=True, slots=True)
class RegisteredTable:
    """A route table with the wishes of a person and with everything that was seen of it.

    The two parts have different writers, as `spec` and `status` of Kubernetes have.
    """

    route_table_id: RouteTableId
    registration: Registration
    status: Status = field(default_factory=Status)

    def with_registration(self, registration: Registration, at: datetime) -> "RegisteredTable":
        """Replace the registration. A source that the table loses is a former source from then."""
        left = {**dict.fromkeys(self.registration.sources, at), **self.status.former_sources}
        former = {
            source: ended for source, ended in left.items() if source not in registration.sources
        }
        status = replace(self.status, former_sources=former)
        return replace(self, registration=registration, status=status)

    def release(self) -> "RegisteredTable":
        """Lift every hold and clear the contested state."""
        status = replace(self.status, holds=(), contest=Contest(), owned_left=None)
        return replace(self, status=status)
