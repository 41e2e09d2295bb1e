"""Network security groups, evaluated as Azure does."""

import ipaddress
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azure.security_groups import DEFAULT_RULES
from shared.domain.armid import SecurityGroupId
from shared.domain.findings import Finding
from shared.domain.surroundings.security_rules import SecurityGroup, judge_inbound, missing_rule
from tests.builders.azure import table_id
from tests.builders.routes import OWNER, rule

GROUP = table_id("nsg").replace("routeTables", "networkSecurityGroups")
MANAGEMENT = ["20.0.0.0/24", "20.9.0.7/32"]
SUBNET = ["10.1.0.0/24"]


def group(*rules):
    raw = {"properties": {"securityRules": rules, "defaultSecurityRules": DEFAULT_RULES}}
    return SecurityGroup.from_arm(raw, SecurityGroupId.parse(GROUP))


def verdict(*rules, management=MANAGEMENT, subnet=SUBNET):
    return judge_inbound(group(*rules), management, subnet)


def denied_by(*rules):
    found = verdict(*rules).denied_by
    return found and found.name


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"source": "*"},
        {"source": "Internet"},
        {"source": "AzureCloud"},
        {"source": "appservicemanagement"},
        {"source": ["10.0.0.0/8", "AppServiceManagement"]},
        {"source": ["20.0.0.0/24", "20.9.0.7"]},
        {"source": ["20.0.0.0/25", "20.0.0.128/25", "20.9.0.0/16"]},
        {"source": "0.0.0.0/0"},
        {"ports": "*"},
        {"ports": "400-500"},
        {"ports": ["454", "455"]},
        {"ports": ["80", "454-455"]},
        {"destination": "VirtualNetwork"},
        {"destination": "10.1.0.0/16"},
        {"destination": ["10.1.0.0/25", "10.1.0.128/25"]},
        {"protocol": "Tcp"},
        {"protocol": "TCP"},
        {"sourcePortRange": "0-65535"},
        {"sourcePortRange": None, "sourcePortRanges": ["*"]},
    ],
)
def test_a_rule_lets_the_management_in(changed):
    assert verdict(rule("in", 100, **changed)).allowed_by == ("in",)


@pytest.mark.parametrize(
    "changed",
    [
        {"source": "VirtualNetwork"},
        {"source": "AppServiceManagement.WestEurope"},
        {"source": "AzureLoadBalancer"},
        {"source": "20.0.0.0/24"},
        {"source": ["20.0.0.0/25", "20.9.0.7"]},
        {"source": "2001:db8::/32"},
        {"ports": "454"},
        {"ports": "455"},
        {"ports": ["1-454", "456-65535"]},
        {"destination": "10.2.0.0/24"},
        {"destination": "10.1.0.0/25"},
        {"destination": "Internet"},
        {"protocol": "Udp"},
        {"direction": "Outbound"},
        {"sourcePortRange": "1024-65535"},
        {"access": "Deny"},
    ],
)
def test_a_rule_that_does_not_let_all_of_it_in(changed):
    assert not verdict(rule("in", 100, **changed)).allowed


def test_without_a_rule_the_default_ones_keep_it_out():
    assert denied_by() == "DenyAllInBound"


def test_two_rules_together_let_it_in():
    found = verdict(rule("a", 200, ports="454"), rule("b", 100, ports="455"))
    assert (found.allowed, set(found.allowed_by)) == (True, {"a", "b"})


def test_the_first_rule_that_matches_decides():
    deny = rule("deny", 200, access="Deny", source="*", ports="*")
    assert denied_by(deny, rule("in", 201)) == "deny"
    assert denied_by(deny, rule("in", 199)) is None


@pytest.mark.parametrize(
    "narrow", [{"source": "20.0.0.9"}, {"ports": "455"}, {"destination": "10.1.0.4"}]
)
def test_keeping_some_of_it_out_is_keeping_it_out(narrow):
    deny = rule("deny", 100, access="Deny", **({"source": "*"} | narrow))
    assert denied_by(deny, rule("in", 200)) == "deny"
    assert denied_by(deny, rule("in", 99)) is None


@pytest.mark.parametrize("source", ["VirtualNetwork", "AppServiceManagement.WestEurope"])
def test_what_may_keep_it_out_is_named(source):
    """The tag VirtualNetwork holds prefixes of user-defined routes, too."""
    doubtful = rule("doubtful", 100, access="Deny", source=source)
    found = verdict(doubtful, rule("in", 200))
    assert ([r.name for r in found.unsure], found.allowed, found.denied_by) == (
        ["doubtful"],
        False,
        None,
    )
    assert verdict(doubtful, rule("in", 99)).allowed


# -- The rule that is missing --


def added(*rules):
    there = group(*rules)
    return missing_rule(there, judge_inbound(there, MANAGEMENT, SUBNET), owner=OWNER)


@pytest.mark.parametrize(
    ("rules", "priority"),
    [
        ([], 4096),
        ([rule("deny", 4096, access="Deny", source="*", ports="*")], 4095),
        ([rule("deny", 101, access="Deny", source="*", ports="*")], 100),
        (
            [
                rule("deny", 300, access="Deny", source="*", ports="454"),
                rule("earlier", 200, access="Deny", source="*", ports="455"),
                rule("taken", 199, ports="80"),
                rule("out", 198, direction="Outbound"),
            ],
            198,
        ),
        ([rule("doubtful", 150, access="Deny", source="VirtualNetwork"), rule("in", 200)], 149),
    ],
)
def test_the_missing_rule_takes_the_last_free_priority_that_takes_effect(rules, priority):
    name, properties = added(*rules)
    assert (name, properties["priority"]) == ("asemgmt--AppServiceManagement", priority)
    assert verdict(*rules, {"name": name, "properties": properties}).allowed


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([rule("deny", 100, access="Deny", source="*", ports="*")], "NsgNoPriorityFree"),
        (
            [
                *(rule(f"r{n}", 100 + n, ports="80") for n in range(3)),
                rule("deny", 103, access="Deny", source="*", ports="*"),
            ],
            "NsgNoPriorityFree",
        ),
        ([rule("ASEMGMT--appservicemanagement", 200, ports="454")], "NsgRuleNameTaken"),
    ],
)
def test_why_there_can_be_no_rule_is_said(rules, code):
    fault = added(*rules)
    assert isinstance(fault, Finding)
    assert fault.code.name == code


# -- Against an evaluation of every packet --

_SOURCES = ["*", "20.0.0.0/31", "20.0.0.2", "20.0.0.0/30", "AzureLoadBalancer", "Internet"]
_DESTINATIONS = ["*", "10.1.0.0/32", "10.1.0.1", "VirtualNetwork", "10.9.0.0/24"]
_PORTS = ["*", "454", "455-456", "80"]


def _some(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


_RULES = st.lists(
    st.builds(
        rule,
        st.uuids().map(str),
        st.integers(100, 4096),
        access=st.sampled_from(["Allow", "Deny"]),
        source=_some(_SOURCES),
        destination=_some(_DESTINATIONS),
        ports=_some(_PORTS),
        protocol=st.sampled_from(["*", "Tcp", "Udp"]),
    ),
    max_size=6,
    unique_by=lambda made: made["properties"]["priority"],
)


def _matches(properties, source, destination, port):
    def has(prefix, address):
        if prefix in {"*", "Internet", "VirtualNetwork"}:
            return True
        return prefix[0].isdigit() and address in ipaddress.ip_network(prefix)

    def within(text):
        first, _, last = ("0", "", "65535") if text == "*" else text.partition("-")
        return int(first) <= port <= int(last or first)

    return (
        properties["protocol"] != "Udp"
        and any(has(p, source) for p in properties["sourceAddressPrefixes"])
        and any(has(p, destination) for p in properties["destinationAddressPrefixes"])
        and any(within(text) for text in properties["destinationPortRanges"])
    )


@given(_RULES)
def test_every_packet_says_the_same(rules):
    management, subnet = "20.0.0.0/30", "10.1.0.0/31"
    by_priority = sorted((r["properties"] for r in rules), key=lambda p: p["priority"])
    packets = product(ipaddress.ip_network(management), ipaddress.ip_network(subnet), (454, 455))
    expected = all(
        next((p["access"] for p in by_priority if _matches(p, *packet)), "Deny") == "Allow"
        for packet in packets
    )
    assert verdict(*rules, management=[management], subnet=[subnet]).allowed is expected
