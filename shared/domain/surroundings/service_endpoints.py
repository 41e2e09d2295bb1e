"""Find the service endpoints of a subnet that go before routes of a service tag.

Azure adds a route for each prefix of the service's tag, and no route of a table overrides it.
Sources: "Virtual network traffic routing" (how Azure selects a route), "Virtual network service
tags" (whose prefixes these routes have), "Virtual Network service endpoints" (which services have
one). Format: Microsoft.Network/virtualNetworks/subnets.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from ..addresses import Source
from .environments import Subnet

TAGS: Mapping[str, str] = MappingProxyType(
    {
        "Microsoft.AzureCosmosDB": "AzureCosmosDB",
        "Microsoft.CognitiveServices": "CognitiveServicesManagement",
        "Microsoft.ContainerRegistry": "AzureContainerRegistry",
        "Microsoft.EventHub": "EventHub",
        "Microsoft.KeyVault": "AzureKeyVault",
        "Microsoft.ServiceBus": "ServiceBus",
        "Microsoft.Sql": "Sql",
        "Microsoft.Storage": "Storage",
        "Microsoft.Storage.Global": "Storage",
        "Microsoft.Web": "AppService",
    }
)
"""The service tag of each service endpoint.

`Microsoft.AzureActiveDirectory` is not among them: Microsoft Entra ID has no service endpoint.
"""
_TAG_KEYS = {service.lower(): tag.lower() for service, tag in TAGS.items()}


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    """A service endpoint of a subnet, and the regions whose addresses it has; `*` is every one."""

    service: str
    locations: tuple[str, ...]

    @classmethod
    def from_arm(cls, raw: Mapping[str, Any]) -> Self:
        return cls(str(raw.get("service")), tuple(map(str, raw.get("locations") or ())))

    def goes_before(self, tag: Source) -> bool:
        """Return whether it has addresses of this tag, which may be regional."""
        name, _, region = tag.lower().partition(".")
        if _TAG_KEYS.get(self.service.lower()) != name:
            return False
        regions = {location.lower().replace(" ", "") for location in self.locations}
        return not region or not regions or bool(regions & {region, "*"})

    def __str__(self) -> str:
        where = f" ({', '.join(self.locations)})" if self.locations else ""
        return f"service endpoint {self.service}{where}"


def service_endpoints(subnet: Subnet) -> Iterator[ServiceEndpoint]:
    return map(ServiceEndpoint.from_arm, subnet.raw["properties"].get("serviceEndpoints") or ())
