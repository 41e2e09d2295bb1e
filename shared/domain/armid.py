"""ARM resource ids, compared without regard to case.

Name rules: "Naming rules and restrictions for Azure resources" (Microsoft.Network/routeTables,
resourceGroups, Microsoft.Web/hostingEnvironments).
"""

import re
from dataclasses import dataclass
from typing import Self

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_GROUP = r"[-\w.()]{0,89}[-\w()]"
_NAME = r"\w(?:[\w.\-]{0,78}\w)?"


def _pattern(provider_type: str) -> re.Pattern[str]:
    return re.compile(
        rf"/subscriptions/(?P<subscription>{_GUID})/resourceGroups/(?P<group>{_GROUP})"
        rf"/providers/{re.escape(provider_type)}/(?P<name>{_NAME})",
        re.IGNORECASE,
    )


_ROUTE_TABLE = _pattern("Microsoft.Network/routeTables")
_ENVIRONMENT = _pattern("Microsoft.Web/hostingEnvironments")


@dataclass(frozen=True, slots=True, eq=False)
class RouteTableId:
    """The ARM id of a route table; equal where it differs in case alone."""

    subscription_id: str
    resource_group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError for whatever is not the id of a route table."""
        match = _ROUTE_TABLE.fullmatch(text)
        if match is None:
            raise ValueError(f"not the ARM id of a route table: {text[:300]!r}")
        return cls(match["subscription"], match["group"], match["name"])

    @property
    def key(self) -> str:
        """The same for every spelling of one id."""
        return str(self).lower()

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.Network/routeTables/{self.name}"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RouteTableId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def is_environment_id(text: str) -> bool:
    """Whether this is the ARM id of an App Service Environment."""
    return _ENVIRONMENT.fullmatch(text) is not None
