"""Microsoft.Web/hostingEnvironments, and their own API of inbound addresses."""

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
    """v3 has the id of the subnet. v1 and v2 have the id of the network and the subnet's name."""
    kind: str = "ASEV3"
    management: list[str] = field(default_factory=list)
    vip: str = "52.165.238.66/32"
    subnet_prefix: str = "192.168.250.0/24"
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.resource_id.rsplit("/", 1)[1]

    def to_json(self) -> dict[str, Any]:
        properties = {
            "provisioningState": "Succeeded",
            "status": "Ready",
            "virtualNetwork": _as_web_spells(self.virtual_network),
            "internalLoadBalancingMode": "None",
            "suspended": False,
            **self.properties,
        }

        return {
            "id": self.resource_id,
            "name": self.name,
            "type": KIND,
            "kind": self.kind,
            "location": self.location,
            "tags": {},
            "properties": properties,
        }


def _as_web_spells(network: dict[str, Any]) -> dict[str, Any]:
    """Microsoft.Web spells the segments of other providers' ids in its own way."""
    spelled = str(network["id"]).replace("/subnets/", "/Subnets/")
    return {**network, "id": spelled.replace("/resourceGroups/", "/resourcegroups/")}


class EnvironmentApi:
    kind = KIND

    def get(self, call: Call) -> Response:
        return JSONResponse(_find(call).to_json())

    def list_page(self, call: Call) -> Response:
        scope = call.target.key
        value = [
            environment.to_json()
            for key, environment in call.state.environments.items()
            if within(key, scope)
        ]
        return JSONResponse(call.page("value", value))


class InboundDependencyApi:
    """The addresses from which this environment is managed, and its own."""

    kind = f"{KIND}/inboundNetworkDependenciesEndpoints"

    def list_page(self, call: Call) -> Response:
        environment = _find(call)
        rows = [
            ("App Service management", environment.management, ["454", "455"]),
            ("App Service Environment VIP", [environment.vip], ["454", "455", "16001"]),
            ("App Service Environment subnet", [environment.subnet_prefix], ["All"]),
        ]
        keys = ("description", "endpoints", "ports")
        value = [dict(zip(keys, row, strict=True)) for row in rows]
        return JSONResponse({"nextLink": None, "id": None, **call.page("value", value)})


def _find(call: Call) -> Environment:
    target = call.target.parent
    environment = call.state.environments.get(target.key)
    if environment is None:
        raise resource_not_found(KIND, target.name, target.group)
    return environment
