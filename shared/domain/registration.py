"""What is registered for a route table, and what it has applied."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .armid import RouteTableId
from .report import utc_text


@dataclass(frozen=True, slots=True)
class Registration:
    """One registered route table. Its desired set is the union of its service tags."""

    route_table_id: RouteTableId
    service_tags: tuple[str, ...]
    ase_id: str | None = None
    enabled: bool = True
    note: str | None = None
    applied_version_ids: tuple[str, ...] = ()
    verified_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "routeTableId": str(self.route_table_id),
            "aseId": self.ase_id,
            "serviceTags": list(self.service_tags),
            "addressSource": "serviceTag",
            "routeStyle": "prefixes",
            "exceptions": [],
            "enabled": self.enabled,
            "note": self.note,
            "appliedVersionIds": list(self.applied_version_ids),
            "verifiedAt": None if self.verified_at is None else utc_text(self.verified_at),
        }
