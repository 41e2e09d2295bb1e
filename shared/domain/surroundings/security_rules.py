"""Whether a network security group lets an App Service Environment be managed, as Azure evaluates
its rules: by priority, the first that matches decides, and the default rules come last.

Source: "Network security groups" and "Virtual network service tags". Format:
Microsoft.Network/networkSecurityGroups.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

from ..addresses import MANAGEMENT_TAG
from ..armid import SecurityGroupId
from ..findings import Finding

MANAGEMENT_PORTS = range(454, 456)
PRIORITIES = range(100, 4097)

type _Network = ipaddress.IPv4Network
type _Flow = tuple[_Network, _Network]
"""From where, to where."""

_ANYWHERE = ipaddress.IPv4Network("0.0.0.0/0")
_SOURCES_OF_ALL = {"*", "any", "internet", "azurecloud", MANAGEMENT_TAG.lower()}
"""Each holds every management address: they are public, and Azure's own."""
_DESTINATIONS_OF_ALL = {"*", "any", "virtualnetwork"}
_NEVER_PUBLIC = {"azureloadbalancer"}
_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Rule:
    """An inbound rule. `unknown` are sources whose addresses are not known here."""

    name: str
    priority: int
    allows: bool
    sources: tuple[_Network, ...]
    unknown: tuple[str, ...]
    destinations: tuple[_Network, ...]
    source_ports: tuple[range, ...]
    ports: tuple[range, ...]


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A network security group as read: every rule, and those for inbound TCP in their order."""

    group_id: SecurityGroupId
    rules: tuple[Mapping[str, Any], ...]
    inbound: tuple[Rule, ...]

    @classmethod
    def from_arm(cls, raw: Mapping[str, Any], group_id: SecurityGroupId) -> Self:
        """Raise ValueError or LookupError where a rule is not understood."""
        lists = (raw["properties"][key] for key in ("securityRules", "defaultSecurityRules"))
        rules = tuple(rule for listed in lists for rule in listed)
        inbound = sorted(_inbound_tcp(rules), key=lambda rule: rule.priority)
        return cls(group_id, rules, tuple(inbound))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who lets the management traffic in, or who keeps at least some of it out.

    `unsure` are rules before that, which may deny some of it: their sources are not known here.
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
    """Whether TCP 454 and 455 from these addresses reach all of the subnet (IPv4 prefixes)."""
    flows = list(product(_networks(management), _networks(subnet)))
    verdicts = [
        _judge([rule for rule in group.inbound if _has(rule.ports, port)], flows)
        for port in MANAGEMENT_PORTS
    ]
    denying = [v.denied_by for v in verdicts if v.denied_by is not None]
    return Verdict(
        tuple(dict.fromkeys(name for v in verdicts for name in v.allowed_by)),
        min(denying, key=lambda rule: rule.priority, default=None),
        tuple(dict.fromkeys(rule for v in verdicts for rule in v.unsure)),
    )


def missing_rule(
    group: SecurityGroup, verdict: Verdict, *, owner: str
) -> tuple[str, dict[str, Any]] | Finding:
    """The name and the properties of the one rule that lets the management traffic in, at a free
    priority before the rules that keep it out; or why there can be none.
    """
    name = f"{owner}--{MANAGEMENT_TAG}"
    if any(str(rule.get("name")).lower() == name.lower() for rule in group.rules):
        return Finding("NsgRuleNameTaken", f"rule {name} is there already, and does not let it in")
    keeping_out = [rule for rule in (verdict.denied_by, *verdict.unsure) if rule is not None]
    first = min((rule.priority for rule in keeping_out), default=PRIORITIES.stop)
    taken = {
        _properties(rule).get("priority")
        for rule in group.rules
        if str(_properties(rule).get("direction")).lower() == "inbound"
    }
    free = [p for p in PRIORITIES if p < first and p not in taken]
    if not free:
        return Finding(
            "NsgNoPriorityFree",
            f"no inbound priority from {PRIORITIES.start} up to that of rule "
            f"{keeping_out[0].name} is free: move a rule, or allow it there",
        )
    return name, {
        "description": "App Service Environment management",
        "protocol": "Tcp",
        "sourceAddressPrefix": MANAGEMENT_TAG,
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": f"{MANAGEMENT_PORTS.start}-{MANAGEMENT_PORTS.stop - 1}",
        "access": "Allow",
        "priority": free[-1],
        "direction": "Inbound",
    }


def _judge(rules: Iterable[Rule], left: list[_Flow]) -> Verdict:
    """By the rules of one port, in their order."""
    allowed: list[str] = []
    unsure: list[Rule] = []
    for rule in rules:
        if left and not rule.allows and rule.unknown and _reaches(rule.destinations, left):
            unsure.append(rule)
        if not any(_overlap(rule, flow) for flow in left):
            continue
        if not rule.allows:
            return Verdict(denied_by=rule, unsure=tuple(unsure))
        if _has_all(rule.source_ports):
            allowed.append(rule.name)
            left = [rest for flow in left for rest in _outside(flow, rule)]
    denied_by = _NOTHING_ALLOWS if left else None
    return Verdict(tuple(allowed), denied_by, tuple(unsure))


_NOTHING_ALLOWS = Rule("(none)", PRIORITIES.stop, False, (), (), (), (), ())


def _inbound_tcp(rules: Iterable[Mapping[str, Any]]) -> Iterator[Rule]:
    for rule in rules:
        properties = _properties(rule)
        inbound = str(properties.get("direction")).lower() == "inbound"
        if inbound and str(properties.get("protocol")).lower() in {"*", "tcp"}:
            yield _rule(str(rule.get("name")), properties)


def _rule(name: str, properties: Mapping[str, Any]) -> Rule:
    sources = _several(properties, "sourceAddressPrefix", "sourceAddressPrefixes")
    known: list[_Network] = []
    unknown: list[str] = []
    for source in sources:
        if source.lower() in _SOURCES_OF_ALL:
            known.append(_ANYWHERE)
        elif (network := _network(source)) is not None:
            known.append(network)
        elif source.lower() not in _NEVER_PUBLIC and ":" not in source:
            unknown.append(source)
    return Rule(
        name=name,
        priority=int(properties["priority"]),
        allows=str(properties.get("access")).lower() == "allow",
        sources=tuple(known),
        unknown=tuple(unknown),
        destinations=tuple(
            network
            for text in _several(
                properties, "destinationAddressPrefix", "destinationAddressPrefixes"
            )
            if (network := _destination(text)) is not None
        ),
        source_ports=_ranges(_several(properties, "sourcePortRange", "sourcePortRanges")),
        ports=_ranges(_several(properties, "destinationPortRange", "destinationPortRanges")),
    )


def _properties(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = rule.get("properties") or {}
    return found


def _several(properties: Mapping[str, Any], singular: str, plural: str) -> Sequence[str]:
    """Azure keeps a value in either field; both count."""
    one = properties.get(singular)
    return [str(text) for text in (*([one] if one else []), *(properties.get(plural) or ()))]


def _destination(text: str) -> _Network | None:
    return _ANYWHERE if text.lower() in _DESTINATIONS_OF_ALL else _network(text)


def _network(text: str) -> _Network | None:
    """None for a tag, and for what is not IPv4."""
    try:
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return None


def _networks(prefixes: Iterable[str]) -> list[_Network]:
    return [network for text in prefixes if (network := _network(text)) is not None]


def _ranges(texts: Iterable[str]) -> tuple[range, ...]:
    """`*`, `454` or `454-455`."""
    found = []
    for text in texts:
        first, _, last = ("0", "-", str(_LARGEST_PORT)) if text == "*" else text.partition("-")
        found.append(range(int(first), int(last or first) + 1))
    return tuple(found)


def _has(ranges: Iterable[range], port: int) -> bool:
    return any(port in ports for ports in ranges)


def _has_all(ranges: Iterable[range]) -> bool:
    """Whoever connects picks any port of his own: a rule that wants one lets nobody else in."""
    return any(ports.start <= 1 and ports.stop > _LARGEST_PORT for ports in ranges)


def _reaches(destinations: Iterable[_Network], flows: Iterable[_Flow]) -> bool:
    return any(d.overlaps(there) for d in destinations for _, there in flows)


def _overlap(rule: Rule, flow: _Flow) -> bool:
    source, destination = flow
    return any(s.overlaps(source) for s in rule.sources) and any(
        d.overlaps(destination) for d in rule.destinations
    )


def _outside(flow: _Flow, rule: Rule) -> list[_Flow]:
    """What of a flow the rule does not match."""
    left = [flow]
    source, destination = flow
    sources = (s for s in rule.sources if s.overlaps(source))
    for box in product(sources, (d for d in rule.destinations if d.overlaps(destination))):
        left = [rest for one in left for rest in _minus(one, box)]
    return left


def _minus(flow: _Flow, box: _Flow) -> Iterator[_Flow]:
    """Two networks are apart, or one is within the other."""
    (source, destination), (from_, to) = flow, box
    if not (source.overlaps(from_) and destination.overlaps(to)):
        yield flow
        return
    if not source.subnet_of(from_):
        for rest in source.address_exclude(from_):
            yield rest, destination
        source = from_
    if not destination.subnet_of(to):
        for rest in destination.address_exclude(to):
            yield source, rest
