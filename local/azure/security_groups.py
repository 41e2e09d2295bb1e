"""Microsoft.Network/networkSecurityGroups and their security rules.

Sources: "Network security groups" and the REST reference. No answer of the real service is
recorded.
"""

from collections.abc import Sequence
from typing import Any

from . import errors
from .call import Call
from .network import NetworkResourceApi, check_names, without
from .resources import Child, SecurityGroup

PRIORITIES = range(100, 4097)
_ENUMERATIONS = {
    "access": {"Allow", "Deny"},
    "direction": {"Inbound", "Outbound"},
    "protocol": {"*", "Tcp", "Udp", "Icmp", "Esp", "Ah"},
}
_PLURALS = (
    "sourceAddressPrefix",
    "destinationAddressPrefix",
    "sourcePortRange",
    "destinationPortRange",
)


def _plural(name: str) -> str:
    return f"{name}es" if name.endswith("x") else f"{name}s"


def simple_rule(
    name: str, priority: int, direction: str, source: str, destination: str, ports: str = "*"
) -> Child:
    """Make a rule for any protocol. It denies if its name begins with `Deny`."""
    properties = {
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": ports,
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": destination,
        "access": "Deny" if name.startswith("Deny") else "Allow",
        "priority": priority,
        "direction": direction,
    }
    lists: dict[str, list[str]] = {_plural(field): [] for field in _PLURALS}
    return {"name": name, "properties": properties | lists}


DEFAULT_RULES = (
    simple_rule("AllowVnetInBound", 65000, "Inbound", "VirtualNetwork", "VirtualNetwork"),
    simple_rule("AllowAzureLoadBalancerInBound", 65001, "Inbound", "AzureLoadBalancer", "*"),
    simple_rule("DenyAllInBound", 65500, "Inbound", "*", "*"),
    simple_rule("AllowVnetOutBound", 65000, "Outbound", "VirtualNetwork", "VirtualNetwork"),
    simple_rule("AllowInternetOutBound", 65001, "Outbound", "*", "Internet"),
    simple_rule("DenyAllOutBound", 65500, "Outbound", "*", "*"),
)


class SecurityGroupApi(NetworkResourceApi[SecurityGroup]):
    kind = "Microsoft.Network/networkSecurityGroups"
    child_kind = "Microsoft.Network/networkSecurityGroups/securityRules"
    child_noun = "SecurityRule"
    model = SecurityGroup

    def properties_to_json(
        self, resource: SecurityGroup, children: Sequence[Child], call: Call
    ) -> dict[str, Any]:
        defaults = [self.child_to_json(resource, rule, call) for rule in DEFAULT_RULES]
        for rule in defaults:
            rule["id"] = rule["id"].replace("/securityRules/", "/defaultSecurityRules/")
            rule["type"] = "Microsoft.Network/networkSecurityGroups/defaultSecurityRules"

        properties = {
            **resource.properties,
            "securityRules": children,
            "defaultSecurityRules": defaults,
        }
        if resource.subnets:
            properties["subnets"] = [{"id": subnet} for subnet in resource.subnets]
        return properties

    def parse(self, properties: dict[str, Any], **common: Any) -> SecurityGroup:
        derived = ("securityRules", "defaultSecurityRules", "subnets", "networkInterfaces")
        own = without(derived, properties)
        rules = self.parse_children(properties, "securityRules")
        return SecurityGroup(properties=own, rules=rules, **common)

    def parse_child(self, body: dict[str, Any]) -> Child:
        """The service always answers with the list of each field, and drops null values."""
        child = super().parse_child(body)
        lists: dict[str, list[str]] = {_plural(field): [] for field in _PLURALS}
        properties = child["properties"].items()
        given = {name: value for name, value in properties if value is not None}
        child["properties"] = {**lists, **given}
        return child

    def check_children(self, call: Call, resource: SecurityGroup, children: list[Child]) -> None:
        check_names(children)

        holders: dict[tuple[object, object], str] = {}
        for rule in children:
            _check_rule(rule)
            place = (rule["properties"]["priority"], rule["properties"]["direction"])
            if place in holders:
                raise errors.refused(
                    "SecurityRuleConflict",
                    f"Security rule {rule['name']} conflicts with rule {holders[place]}. Rules "
                    "cannot have the same Priority and Direction.",
                )
            holders[place] = rule["name"]

    def refuse_if_in_use(self, resource: SecurityGroup) -> None:
        if resource.subnets:
            raise errors.in_use(
                "InUseNetworkSecurityGroupCannotBeDeleted",
                f"Network security group {resource.resource_id}",
            )


def _check_rule(rule: Child) -> None:
    """The service refuses these rules, as documented. UNCONFIRMED: the codes."""
    name, properties = rule["name"], rule["properties"]
    for field, values in _ENUMERATIONS.items():
        allowed = {value.lower() for value in values}
        if str(properties.get(field)).lower() not in allowed:
            raise errors.invalid_json(f"Security rule {name}: {field} is {properties.get(field)}.")

    if properties.get("priority") not in PRIORITIES:
        raise errors.refused(
            "SecurityRuleInvalidPriority",
            f"Security rule {name} has an invalid priority. It is between 100 and 4096.",
        )

    # Each field is given either in the singular or as a list.
    for field in _PLURALS:
        if bool(properties.get(field)) == bool(properties[_plural(field)]):
            raise errors.refused(
                "SecurityRuleFieldsInvalid",
                f"Security rule {name} needs either {field} or {_plural(field)}.",
            )
