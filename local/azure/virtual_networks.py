"""Microsoft.Network/virtualNetworks and their subnets: the rules that are theirs alone."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from . import errors
from .call import Call
from .network import NetworkResourceApi, check_cidr, check_names, part
from .resources import Child, Resource, RouteTable, SecurityGroup, VirtualNetwork, new_etag

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

REFERENCES: dict[str, type[RouteTable | SecurityGroup]] = {
    "networkSecurityGroup": SecurityGroup,
    "routeTable": RouteTable,
}
"""What a subnet may refer to; the other side lists the subnets that do."""
JOINS = {
    "networkSecurityGroup": "Microsoft.Network/networkSecurityGroups/join/action",
    "routeTable": "Microsoft.Network/routeTables/join/action",
}
_SUBNET_DEFAULTS = {
    "delegations": [],
    "privateEndpointNetworkPolicies": "Disabled",
    "privateLinkServiceNetworkPolicies": "Enabled",
}


class VirtualNetworkApi(NetworkResourceApi[VirtualNetwork]):
    kind = "Microsoft.Network/virtualNetworks"
    child_kind = "Microsoft.Network/virtualNetworks/subnets"
    child_noun = "Subnet"
    model = VirtualNetwork
    retry_after = 3

    def properties_to_json(
        self, resource: VirtualNetwork, children: Sequence[Child], call: Call
    ) -> dict[str, Any]:
        return {**resource.properties, "subnets": children}

    def parse(self, properties: dict[str, Any], **common: Any) -> VirtualNetwork:
        own = {k: v for k, v in properties.items() if k != "subnets"}
        own = {
            "addressSpace": {"addressPrefixes": []},
            "virtualNetworkPeerings": [],
            "enableDdosProtection": False,
            "enableVmProtection": False,
            **own,
        }
        subnets = self.parse_children(properties, "subnets")
        return VirtualNetwork(properties=own, subnets=subnets, **common)

    def parse_child(self, body: dict[str, Any]) -> Child:
        """Of what it refers to only the id is kept, and nothing that is empty but by default."""
        child = super().parse_child(body)
        given = {k: v for k, v in child["properties"].items() if v not in (None, [])}
        for name in REFERENCES:
            if name in given:
                given[name] = {"id": part(given[name], "id", str)}
        kept = {k: v for k, v in child["properties"].items() if k == "serviceEndpoints"}
        child["properties"] = {**_SUBNET_DEFAULTS, **kept, **given}
        return child

    def check(self, call: Call, wanted: VirtualNetwork, existing: VirtualNetwork | None) -> None:
        super().check(call, wanted, existing)
        for subnet in existing.subnets if existing else ():
            if wanted.child(subnet["name"]) is None:
                self.refuse_if_child_in_use(wanted, subnet)

    def check_children(self, call: Call, resource: VirtualNetwork, children: list[Child]) -> None:
        check_names(children)
        taken: list[tuple[str, Network]] = []
        space = part(part(resource.properties, "addressSpace", dict), "addressPrefixes", list)
        for prefix in space:
            check_cidr(prefix, resource.resource_id)
        for subnet in children:
            subnet_id = f"{resource.resource_id}/subnets/{subnet['name']}"
            for prefix in _prefixes(subnet):
                check_cidr(prefix, subnet_id)
                network = ipaddress.ip_network(prefix)
                _check_place(resource, subnet["name"], network, space, taken)
                taken.append((subnet["name"], network))
            self._check_references(call, resource, subnet, subnet_id)

    def refuse_if_busy(self, call: Call, key: str) -> None:
        """A dependent of what is being written is refused with 409, as recorded for a gateway."""
        running = call.state.running_on(key)
        if running is not None:
            raise errors.another_operation(running.operation_id)

    def refuse_if_in_use(self, resource: VirtualNetwork) -> None:
        for subnet in resource.subnets:
            self.refuse_if_child_in_use(resource, subnet)

    def refuse_if_child_in_use(self, resource: VirtualNetwork, child: Child) -> None:
        """UNCONFIRMED: the text. A delegated subnet is taken to have its service in it."""
        if child["properties"].get("delegations"):
            raise errors.in_use("InUseSubnetCannotBeDeleted", f"Subnet {child['name']}")

    def refer(
        self, call: Call, before: VirtualNetwork | None, after: VirtualNetwork | None
    ) -> None:
        """The other side lists the subnets that refer to it."""
        for name, kind in REFERENCES.items():
            was, now = _referring(before, name), _referring(after, name)
            for subnet_id, key in was - now:
                if other := call.state.find(kind, key):
                    other.subnets = [s for s in other.subnets if s.lower() != subnet_id.lower()]
                    other.etag = new_etag()  # UNCONFIRMED: that it changes is the harsher
            for subnet_id, key in now - was:
                if other := call.state.find(kind, key):
                    other.subnets.append(subnet_id)
                    other.etag = new_etag()

    def _check_references(
        self, call: Call, resource: VirtualNetwork, subnet: Child, subnet_id: str
    ) -> None:
        for name, kind in REFERENCES.items():
            referenced_id = subnet["properties"].get(name, {}).get("id")
            if referenced_id is None:
                continue
            _may_join(call, subnet_id, referenced_id, JOINS[name])
            found: Resource | None = call.state.find(kind, referenced_id.lower())
            if found is None or found.location != resource.location:
                raise errors.invalid_reference(referenced_id, subnet_id)
            running = call.state.running_on(found.key)
            if running is not None:
                raise errors.reference_not_provisioned(
                    referenced_id, subnet_id, found.provisioning_state, running.name
                )


def _may_join(call: Call, subnet_id: str, referenced_id: str, join: str) -> None:
    """The gateway's: whoever writes a subnet needs to be allowed to join what it refers to."""
    call.linked.append(join)
    if not call.principal.may(join, referenced_id):
        raise errors.linked_authorization_failed(
            call.principal.object_id,
            call.target.action(call.request.method),
            subnet_id,
            "/".join(join.split("/")[-2:]),
            referenced_id,
        )


def _prefixes(subnet: Child) -> list[str]:
    properties = subnet["properties"]
    return part(properties, "addressPrefixes", list) or [part(properties, "addressPrefix", str)]


def _check_place(
    resource: VirtualNetwork,
    name: str,
    network: Network,
    space: list[str],
    taken: list[tuple[str, Network]],
) -> None:
    if not any(_is_within(network, ipaddress.ip_network(prefix)) for prefix in space):
        raise errors.refused(
            "NetcfgInvalidSubnet",
            f"Subnet '{name}' is not valid because its IP address range is outside the IP address "
            f"range of virtual network '{resource.name}'.",
        )
    for other, there in taken:
        if other != name and network.overlaps(there):
            raise errors.refused(
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{name}' is not valid because its IP address range overlaps with that of "
                f"an existing subnet in virtual network '{resource.name}'.",
            )


def _is_within(network: Any, other: Any) -> bool:
    return bool(network.version == other.version and network.subnet_of(other))


def _referring(network: VirtualNetwork | None, name: str) -> set[tuple[str, str]]:
    """Subnet id and the key of what it refers to."""
    if network is None:
        return set()
    return {
        (
            f"{network.resource_id}/subnets/{subnet['name']}",
            subnet["properties"][name]["id"].lower(),
        )
        for subnet in network.subnets
        if name in subnet["properties"]
    }
