"""Microsoft.Web/hostingEnvironments, and what their own API says of their addresses."""

from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from .authorization import within
from .call import Call
from .errors import resource_not_found

KIND = "Microsoft.Web/hostingEnvironments"


@dataclass(kw_only=True)
class Environment:
    resource_id: str
    location: str
    virtual_network: dict[str, Any]
    """v3: the id of the subnet; v1 and v2: the id of the virtual network, and the subnet's name."""
    kind: str = "ASEV3"
    management: list[str] = field(default_factory=list)
    vip: str = "52.165.238.66/32"
    subnet_prefix: str = "192.168.250.0/24"
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.resource_id.rsplit("/", 1)[1]

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.resource_id,
            "name": self.name,
            "type": KIND,
            "kind": self.kind,
            "location": self.location,
            "tags": {},
            "properties": {
                "provisioningState": "Succeeded",
                "status": "Ready",
                "virtualNetwork": self.virtual_network,
                "internalLoadBalancingMode": "None",
                "suspended": False,
                **self.properties,
            },
        }


class EnvironmentApi:
    kind = KIND

    def get(self, call: Call) -> Response:
        return JSONResponse(_find(call).to_json())

    def list_page(self, call: Call) -> Response:
        scope = call.target.key
        found = [e for key, e in call.state.environments.items() if within(key, scope)]
        return JSONResponse(call.page("value", [environment.to_json() for environment in found]))


class InboundDependencyApi:
    """The addresses that manage this one environment, and others that do not."""

    kind = f"{KIND}/inboundNetworkDependenciesEndpoints"

    def list_page(self, call: Call) -> Response:
        found = _find(call)
        entries = [
            ("App Service management", found.management, ["454", "455"]),
            ("App Service Environment VIP", [found.vip], ["454", "455", "16001"]),
            ("App Service Environment subnet", [found.subnet_prefix], ["All"]),
        ]
        value = [{"description": d, "endpoints": e, "ports": p} for d, e, p in entries]
        page = call.page("value", value)
        return JSONResponse({"nextLink": None, "id": None, **page})


def _find(call: Call) -> Environment:
    target = call.target.parent
    found = call.state.environments.get(target.key)
    if found is None:
        raise resource_not_found(KIND, target.name, target.group)
    return found
