"""ARM resource ids, which ignore case when they are compared.

Name rules: "Naming rules and restrictions for Azure resources" (Microsoft.Network/routeTables,
virtualNetworks, networkSecurityGroups; resourceGroups; Microsoft.Web/hostingEnvironments).
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_GROUP = r"[-\w.()]{0,89}[-\w()]"
_NAME = r"\w(?:[\w.\-]{0,78}\w)?"

SUBSCRIPTION_ID = re.compile(_GUID, re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class ResourceId:
    """The ARM id of a resource in a resource group; ids that differ only in case are equal."""

    subscription_id: str
    resource_group: str
    name: str

    provider_type: ClassVar[str]
    noun: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError if the text is not the id of a resource of this type."""
        match = re.fullmatch(
            rf"/subscriptions/(?P<subscription>{_GUID})/resourceGroups/(?P<group>{_GROUP})"
            rf"/providers/{re.escape(cls.provider_type)}/(?P<name>{_NAME})",
            text,
            re.IGNORECASE,
        )
        if match is None:
            raise ValueError(f"not the ARM id of {cls.noun}: {text[:300]!r}")
        return cls(match["subscription"], match["group"], match["name"])

    @classmethod
    def matches(cls, text: str) -> bool:
        try:
            cls.parse(text)
        except ValueError:
            return False
        return True

    @property
    def key(self) -> str:
        """The id in lower case, equal for every spelling of the same id."""
        return str(self).lower()

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{self.provider_type}/{self.name}"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class RouteTableId(ResourceId):
    __slots__ = ()
    provider_type = "Microsoft.Network/routeTables"
    noun = "a route table"


class EnvironmentId(ResourceId):
    __slots__ = ()
    provider_type = "Microsoft.Web/hostingEnvironments"
    noun = "an App Service Environment"


class SecurityGroupId(ResourceId):
    __slots__ = ()
    provider_type = "Microsoft.Network/networkSecurityGroups"
    noun = "a network security group"


class VirtualNetworkId(ResourceId):
    __slots__ = ()
    provider_type = "Microsoft.Network/virtualNetworks"
    noun = "a virtual network"


@dataclass(frozen=True, slots=True)
class SubnetId:
    virtual_network: VirtualNetworkId
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError if the text is not the id of a subnet."""
        network, separator, name = text.rpartition("/subnets/")
        if not separator or not re.fullmatch(_NAME, name):
            raise ValueError(f"not the ARM id of a subnet: {text[:300]!r}")
        return cls(VirtualNetworkId.parse(network), name)

    @property
    def key(self) -> str:
        """The id in lower case, equal for every spelling of the same id."""
        return str(self).lower()

    def __str__(self) -> str:
        return f"{self.virtual_network}/subnets/{self.name}"
