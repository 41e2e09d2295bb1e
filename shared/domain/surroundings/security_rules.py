"""Judge whether a network security group lets an environment, or another service, be managed.

Azure takes the rules by priority, the first rule that matches decides, and the default rules come
last. Source: "Network security groups" and "Virtual network service tags". Format:
Microsoft.Network/networkSecurityGroups.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Self

from .. import codes
from ..addresses import MANAGEMENT_TAG
from ..armid import SecurityGroupId
from ..findings import Finding
from ..services.service import InboundRule

type _Json = Mapping[str, Any]

MANAGEMENT_PORTS = range(454, 456)
PRIORITIES = range(100, 4097)

type _Network = ipaddress.IPv4Network
type _Flow = tuple[_Network, _Network]
"""Traffic from a source network to a destination network."""

_ANYWHERE = ipaddress.IPv4Network("0.0.0.0/0")
_LOAD_BALANCER = ipaddress.IPv4Network("168.63.129.16/32")
"""The tag `AzureLoadBalancer` stands for this address, from which the probes come."""
_PUBLIC = tuple(_ANYWHERE.address_exclude(_LOAD_BALANCER))
_SOURCES: Mapping[str, tuple[_Network, ...]] = {
    "*": (_ANYWHERE,),
    "any": (_ANYWHERE,),
    "azureloadbalancer": (_LOAD_BALANCER,),
    # These contain every address of a service tag: it is public and belongs to Azure.
    "internet": _PUBLIC,
    "azurecloud": _PUBLIC,
}
_DESTINATIONS_OF_ALL = {"*", "any", "virtualnetwork"}
_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Rule:
    """An inbound rule; `unknown` are the sources whose addresses this app does not know."""

    name: str
    priority: int
    allows: bool
    sources: tuple[_Network, ...]
    unknown: tuple[str, ...]
    destinations: tuple[_Network, ...]
    source_ports: tuple[range, ...]
    ports: tuple[range, ...]

    @property
    def has_every_source_port(self) -> bool:
        """True if one of the ranges has every source port that a client may use."""
        return any(ports.start <= 1 and ports.stop > _LARGEST_PORT for ports in self.source_ports)

    def is_for_port(self, port: int) -> bool:
        return any(port in ports for ports in self.ports)

    def matches(self, flow: _Flow) -> bool:
        """Return whether the rule matches some of the flow, by its known sources."""
        source, destination = flow
        return any(network.overlaps(source) for network in self.sources) and any(
            network.overlaps(destination) for network in self.destinations
        )

    def may_deny(self, flow: _Flow) -> bool:
        """Return whether the rule denies unknown sources, which may be sources of the flow."""
        if self.allows or not self.unknown:
            return False
        _, destination = flow
        return any(network.overlaps(destination) for network in self.destinations)


_NOTHING_ALLOWS = Rule("(none)", PRIORITIES.stop, False, (), (), (), (), ())
"""Stands for the denial if no rule of the group decides."""


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A network security group as it was read.

    `rules` are all of its rules; `inbound` are the rules for inbound TCP, by priority.
    """

    group_id: SecurityGroupId
    rules: tuple[_Json, ...]
    inbound: tuple[Rule, ...]

    @classmethod
    def from_arm(cls, raw: _Json, group_id: SecurityGroupId) -> Self:
        """Raise ValueError or LookupError if a rule is not understood."""
        properties = raw["properties"]
        rules = (*properties["securityRules"], *properties["defaultSecurityRules"])
        inbound = sorted(_inbound_tcp(rules), key=lambda rule: rule.priority)
        return cls(group_id, rules, tuple(inbound))

    def has_sound_rule(self, name: str) -> bool:
        """Return whether it has this rule, and the last write of the rule has ended well."""
        return any(
            str(rule.get("name")).lower() == name.lower()
            and rule["properties"].get("provisioningState") == "Succeeded"
            for rule in self.rules
        )

    def rules_for(self, port: int) -> Iterator[Rule]:
        """Yield the rules for inbound TCP to this port, by priority."""
        return (rule for rule in self.inbound if rule.is_for_port(port))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rules that let the management traffic in, or the rule that keeps some of it out.

    `unsure` are earlier rules that may deny some of it, because some of their sources are unknown.
    """

    allowed_by: tuple[str, ...] = ()
    denied_by: Rule | None = None
    unsure: tuple[Rule, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.denied_by is None and not self.unsure


def judge_inbound(
    group: SecurityGroup, management: Collection[str], subnet: Collection[str]
) -> Verdict:
    """Judge whether TCP 454 and 455 from the management prefixes reach the whole subnet.

    Prefixes that are not IPv4 are left out. The management tag stands for all of them, also for one
    that only the environment's own API names.
    """
    known = _with_tag(group, MANAGEMENT_TAG, _PUBLIC)
    return _judge_ports(known, MANAGEMENT_PORTS, _networks(management), subnet)


def judge_service(
    group: SecurityGroup, rule: InboundRule, addresses: Collection[str], subnet: Collection[str]
) -> Verdict:
    """Judge whether the traffic of a service's inbound rule reaches the whole subnet.

    `addresses` are the prefixes of the rule's tag. They are what the tag, and the tag without its
    region, stand for in a rule of the group.
    """
    networks = _networks(addresses)
    known = _with_tag(group, rule.service_tag, networks)
    return _judge_ports(known, _ports_of(rule), networks, subnet)


def letting_in_regions(group: SecurityGroup, rule: InboundRule, before: Rule) -> Iterator[Rule]:
    """Yield the rules that come `before` one, and let in the rule's tag of some region alone."""
    start = f"{rule.service_tag}.".lower()
    for each in group.rules_for(_ports_of(rule)[0]):
        comes_first = each.allows and each.priority < before.priority
        if comes_first and any(source.lower().startswith(start) for source in each.unknown):
            yield each


def judge_probe(group: SecurityGroup, port: int, subnet: Collection[str]) -> Verdict:
    """Judge whether the probes of Azure's load balancer to this TCP port reach the whole subnet."""
    return _judge_ports(group, (port,), [_LOAD_BALANCER], subnet)


def _judge_ports(
    group: SecurityGroup, ports: Iterable[int], sources: Iterable[_Network], subnet: Iterable[str]
) -> Verdict:
    flows = list(product(sources, _networks(subnet)))
    verdicts = [_judge(group.rules_for(port), flows) for port in ports]

    # An environment is managed over both ports, so a rule that denies one of them denies it all.
    denials = [verdict.denied_by for verdict in verdicts if verdict.denied_by is not None]
    first_denial = min(denials, key=lambda rule: rule.priority, default=None)

    # Most rules are for both ports, but each is named once.
    allowed_by = dict.fromkeys(name for verdict in verdicts for name in verdict.allowed_by)
    unsure = dict.fromkeys(rule for verdict in verdicts for rule in verdict.unsure)
    return Verdict(tuple(allowed_by), first_denial, tuple(unsure))


def missing_rule(
    group: SecurityGroup, verdict: Verdict, *, owner: str
) -> tuple[str, dict[str, Any]] | Finding:
    """Return the name and the properties of the one rule that lets the management traffic in.

    Its priority is the last free one before the rules that keep the traffic out. Return a finding
    if the group can have no such rule.
    """
    name = f"{owner}--{MANAGEMENT_TAG}"
    if any(str(rule.get("name")).lower() == name.lower() for rule in group.rules):
        return Finding(
            codes.NSG_RULE_NAME_TAKEN,
            f"rule {name} exists but does not let the management traffic in",
        )

    # The new rule must come before every rule that keeps some of the traffic out.
    obstacles = [rule for rule in (verdict.denied_by, *verdict.unsure) if rule is not None]
    first = min(obstacles, key=lambda rule: rule.priority, default=_NOTHING_ALLOWS)
    priority = _last_free_priority(group, before=first.priority)
    if priority is None:
        return Finding(
            codes.NSG_NO_PRIORITY_FREE,
            f"no inbound priority from {PRIORITIES.start} up to the priority of rule {first.name} "
            "is free: move a rule, or let that rule allow the management traffic",
        )

    return name, {
        "description": "App Service Environment management",
        "protocol": "Tcp",
        "sourceAddressPrefix": MANAGEMENT_TAG,
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": f"{MANAGEMENT_PORTS.start}-{MANAGEMENT_PORTS.stop - 1}",
        "access": "Allow",
        "priority": priority,
        "direction": "Inbound",
    }


def _last_free_priority(group: SecurityGroup, *, before: int) -> int | None:
    properties = [_properties(rule) for rule in group.rules]
    taken = {one.get("priority") for one in properties if _is_inbound(one)}
    free = [priority for priority in PRIORITIES if priority < before and priority not in taken]
    return free[-1] if free else None


def _judge(rules: Iterable[Rule], undecided: list[_Flow]) -> Verdict:
    """Judge the flows by the rules in their order."""
    allowed_by: list[str] = []
    unsure: list[Rule] = []
    for rule in rules:
        if any(map(rule.may_deny, undecided)):
            unsure.append(rule)
        if not any(map(rule.matches, undecided)):
            continue
        if not rule.allows:
            return Verdict(denied_by=rule, unsure=tuple(unsure))

        # A client may use any source port, so a rule for only some of them lets nothing in safely.
        if rule.has_every_source_port:
            allowed_by.append(rule.name)
            undecided = _flows_outside(undecided, rule)

    return Verdict(tuple(allowed_by), _NOTHING_ALLOWS if undecided else None, tuple(unsure))


def _with_tag(
    group: SecurityGroup, service_tag: str, networks: Collection[_Network]
) -> SecurityGroup:
    """Return the group with these networks as what the tag stands for in its rules."""
    inbound = (_knowing(each, service_tag, networks) for each in group.inbound)
    return replace(group, inbound=tuple(inbound))


def _knowing(rule: Rule, service_tag: str, networks: Iterable[_Network]) -> Rule:
    """Return the rule with these networks as what the tag stands for among its sources."""
    names = {service_tag.lower(), service_tag.partition(".")[0].lower()}
    unknown = tuple(source for source in rule.unknown if source.lower() not in names)
    if len(unknown) == len(rule.unknown):
        return rule
    return replace(rule, sources=(*rule.sources, *networks), unknown=unknown)


def _ports_of(rule: InboundRule) -> range:
    return _port_ranges([rule.ports])[0]


def _inbound_tcp(rules: Iterable[_Json]) -> Iterator[Rule]:
    for rule in rules:
        properties = _properties(rule)
        protocol = str(properties.get("protocol")).lower()
        if _is_inbound(properties) and protocol in {"*", "tcp"}:
            yield _parse_rule(str(rule.get("name")), properties)


def _parse_rule(name: str, properties: _Json) -> Rule:
    known, unknown = _sources(properties)
    return Rule(
        name=name,
        priority=int(properties["priority"]),
        allows=str(properties.get("access")).lower() == "allow",
        sources=known,
        unknown=unknown,
        destinations=_destinations(properties),
        source_ports=_port_ranges(_values(properties, "sourcePortRange", "sourcePortRanges")),
        ports=_port_ranges(_values(properties, "destinationPortRange", "destinationPortRanges")),
    )


def _sources(properties: _Json) -> tuple[tuple[_Network, ...], tuple[str, ...]]:
    """Return the networks of the known sources and the names of the unknown sources.

    IPv6 sources are left out.
    """
    known: list[_Network] = []
    unknown: list[str] = []
    for source in _values(properties, "sourceAddressPrefix", "sourceAddressPrefixes"):
        network = _network(source)
        found = _SOURCES.get(source.lower(), (network,) if network is not None else ())
        known += found
        if not found and ":" not in source:
            unknown.append(source)
    return tuple(known), tuple(unknown)


def _destinations(properties: _Json) -> tuple[_Network, ...]:
    texts = _values(properties, "destinationAddressPrefix", "destinationAddressPrefixes")
    networks = [
        _ANYWHERE if text.lower() in _DESTINATIONS_OF_ALL else _network(text) for text in texts
    ]
    return tuple(network for network in networks if network is not None)


def _properties(rule: _Json) -> _Json:
    found: _Json = rule.get("properties") or {}
    return found


def _is_inbound(properties: _Json) -> bool:
    return str(properties.get("direction")).lower() == "inbound"


def _values(properties: _Json, singular: str, plural: str) -> Sequence[str]:
    """Return the values of both fields, because Azure uses either of them."""
    one = properties.get(singular)
    values = [*([one] if one else []), *(properties.get(plural) or ())]
    return [str(value) for value in values]


def _network(text: str) -> _Network | None:
    """Return None if the text is a tag or not IPv4."""
    try:
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return None


def _networks(prefixes: Iterable[str]) -> list[_Network]:
    networks = [_network(prefix) for prefix in prefixes]
    return [network for network in networks if network is not None]


def _port_ranges(texts: Iterable[str]) -> tuple[range, ...]:
    """Parse `*`, `454` or `454-455`. Raise ValueError for anything else."""
    found = []
    for text in texts:
        first, _, last = ("0", "-", str(_LARGEST_PORT)) if text == "*" else text.partition("-")
        found.append(range(int(first), int(last or first) + 1))
    return tuple(found)


def _flows_outside(flows: Iterable[_Flow], rule: Rule) -> list[_Flow]:
    return [part for flow in flows for part in _parts_outside(flow, rule)]


def _parts_outside(flow: _Flow, rule: Rule) -> list[_Flow]:
    """Return the parts of a flow that the rule does not match."""
    source, destination = flow
    sources = [network for network in rule.sources if network.overlaps(source)]
    destinations = [network for network in rule.destinations if network.overlaps(destination)]

    parts = [flow]
    for box in product(sources, destinations):
        parts = [rest for part in parts for rest in _subtract(part, box)]
    return parts


def _subtract(flow: _Flow, box: _Flow) -> Iterator[_Flow]:
    """Yield the parts of a flow outside of a box.

    Two networks are either disjoint or one contains the other, so each part is a flow again.
    """
    (source, destination), (box_source, box_destination) = flow, box
    if not (source.overlaps(box_source) and destination.overlaps(box_destination)):
        yield flow
        return

    # First the sources outside of the box, to any destination.
    if not source.subnet_of(box_source):
        for rest in source.address_exclude(box_source):
            yield rest, destination
        source = box_source

    # Then the sources inside of the box, to the destinations outside.
    if not destination.subnet_of(box_destination):
        for rest in destination.address_exclude(box_destination):
            yield source, rest
