"""Microsoft.Network/virtualNetworks and their subnets, and the rules that only they have."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from . import errors
from .call import Call
from .network import NetworkResourceApi, check_cidr, check_names, part, without
from .resources import Child, Resource, RouteTable, SecurityGroup, VirtualNetwork, new_etag
from .target import key_of

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

REFERENCES: dict[str, type[RouteTable | SecurityGroup]] = {
    "networkSecurityGroup": SecurityGroup,
    "routeTable": RouteTable,
}
"""Resources to which a subnet may refer. They list the subnets that refer to them."""
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
        own = {
            "addressSpace": {"addressPrefixes": []},
            "virtualNetworkPeerings": [],
            "enableDdosProtection": False,
            "enableVmProtection": False,
            **without(("subnets",), properties),
        }
        subnets = self.parse_children(properties, "subnets")
        return VirtualNetwork(properties=own, subnets=subnets, **common)

    def parse_child(self, body: dict[str, Any]) -> Child:
        """Keep only the id of a reference, and drop what is empty except `serviceEndpoints`."""
        child = super().parse_child(body)
        kept = {
            name: value
            for name, value in child["properties"].items()
            if name == "serviceEndpoints" or value not in (None, [])
        }
        properties: dict[str, Any] = {**_SUBNET_DEFAULTS, **kept}
        for name in REFERENCES:
            if name in properties:
                properties[name] = {"id": part(properties[name], "id", str)}
        child["properties"] = properties
        return child

    def check(self, call: Call, wanted: VirtualNetwork, existing: VirtualNetwork | None) -> None:
        super().check(call, wanted, existing)
        for subnet in existing.subnets if existing else ():
            if wanted.child(subnet["name"]) is None:
                self.refuse_if_child_in_use(wanted, subnet)

    def check_children(self, call: Call, resource: VirtualNetwork, children: list[Child]) -> None:
        check_names(children)
        space = part(part(resource.properties, "addressSpace", dict), "addressPrefixes", list)
        for prefix in space:
            check_cidr(prefix, resource.resource_id)

        others: list[tuple[str, Network]] = []
        for subnet in children:
            name, subnet_id = subnet["name"], _subnet_id(resource, subnet)
            for prefix in _prefixes(subnet):
                check_cidr(prefix, subnet_id)
                network = ipaddress.ip_network(prefix)
                _check_is_within(space, network, name, resource.name)
                _check_overlaps(others, network, name, resource.name)
                others.append((name, network))
            self._check_references(call, resource, subnet)

    def refuse_if_busy(self, call: Call, key: str) -> None:
        """Refuse a write with 409 while another one runs, as recorded for a gateway."""
        running = call.state.running_on(key)
        if running is not None:
            raise errors.another_operation(running.operation_id)

    def refuse_if_in_use(self, resource: VirtualNetwork) -> None:
        for subnet in resource.subnets:
            self.refuse_if_child_in_use(resource, subnet)

    def refuse_if_child_in_use(self, resource: VirtualNetwork, child: Child) -> None:
        """Assume that a delegated subnet contains its service. UNCONFIRMED: the text."""
        if child["properties"].get("delegations"):
            raise errors.in_use("InUseSubnetCannotBeDeleted", f"Subnet {child['name']}")

    def refer(
        self, call: Call, before: VirtualNetwork | None, after: VirtualNetwork | None
    ) -> None:
        """Update the lists of subnets in the resources to which subnets refer."""
        for name, kind in REFERENCES.items():
            old, new = _references(before, name), _references(after, name)
            for subnet_id, key in old - new:
                if other := call.state.find(kind, key):
                    other.subnets = [
                        known_id
                        for known_id in other.subnets
                        if key_of(known_id) != key_of(subnet_id)
                    ]
                    other.etag = new_etag()  # UNCONFIRMED: the ETag changes

            for subnet_id, key in new - old:
                if other := call.state.find(kind, key):
                    other.subnets.append(subnet_id)
                    other.etag = new_etag()

    def _check_references(self, call: Call, network: VirtualNetwork, subnet: Child) -> None:
        subnet_id = _subnet_id(network, subnet)
        for name, kind in REFERENCES.items():
            other_id = subnet["properties"].get(name, {}).get("id")
            if other_id is None:
                continue

            _check_join(call, subnet_id, other_id, JOINS[name])
            other: Resource | None = call.state.find(kind, key_of(other_id))
            visible = other is not None and call.state.is_visible(other)
            if other is None or not visible or other.location != network.location:
                raise errors.invalid_reference(other_id, subnet_id)

            running = call.state.running_on(other.key)
            if running is not None:
                raise errors.reference_not_provisioned(
                    other_id, subnet_id, other.provisioning_state, running.name
                )


def _check_join(call: Call, subnet_id: str, referenced_id: str, join: str) -> None:
    """The gateway lets a caller refer to a resource only with the right to join it."""
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


def _subnet_id(network: VirtualNetwork, subnet: Child) -> str:
    return f"{network.resource_id}/subnets/{subnet['name']}"


def _check_is_within(space: list[str], range_: Network, name: str, network_name: str) -> None:
    if not any(_is_within(range_, ipaddress.ip_network(prefix)) for prefix in space):
        raise errors.refused(
            "NetcfgInvalidSubnet",
            f"Subnet '{name}' is not valid because its IP address range is outside the IP address "
            f"range of virtual network '{network_name}'.",
        )


def _check_overlaps(
    others: list[tuple[str, Network]], range_: Network, name: str, network_name: str
) -> None:
    for other_name, other_range in others:
        if other_name != name and range_.overlaps(other_range):
            raise errors.refused(
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{name}' is not valid because its IP address range overlaps with that of "
                f"an existing subnet in virtual network '{network_name}'.",
            )


def _is_within(range_: Any, other: Any) -> bool:
    return bool(range_.version == other.version and range_.subnet_of(other))


def _references(network: VirtualNetwork | None, name: str) -> set[tuple[str, str]]:
    """Return the id of each subnet with such a reference, and the key of the other resource."""
    if network is None:
        return set()
    return {
        (_subnet_id(network, subnet), key_of(subnet["properties"][name]["id"]))
        for subnet in network.subnets
        if name in subnet["properties"]
    }
