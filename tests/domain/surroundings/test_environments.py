"""App Service Environments and their subnets, as Azure describes them."""

import pytest

from shared.domain.armid import RouteTableId, SubnetId
from shared.domain.surroundings.environments import Environment, Subnet
from tests.builders.azure import ase_id_of, subnet_id_of, table_id

SUBNET = SubnetId.parse(subnet_id_of("one"))
NETWORK, _, NAME = subnet_id_of("one").partition("/subnets/")
RAW = {
    "id": subnet_id_of("one"),
    "etag": 'W/"1"',
    "properties": {
        "addressPrefix": "10.1.0.0/24",
        "delegations": [{"name": "theirs"}],
        "routeTable": {"id": table_id("old")},
    },
}


def environment(kind: str, network: dict[str, str]) -> Environment:
    properties = {"virtualNetwork": network}
    return Environment.from_arm({"id": ase_id_of("one"), "kind": kind, "properties": properties})


@pytest.mark.parametrize(
    ("kind", "network", "manages_itself"),
    [
        ("ASEV2", {"id": NETWORK, "subnet": NAME}, False),
        ("ASEV3", {"id": subnet_id_of("one"), "subnet": ""}, True),
        ("asev3", {"id": subnet_id_of("one")}, True),
        ("ASEV3", {"id": subnet_id_of("one").replace("/subnets/", "/Subnets/")}, True),
        ("ASEV3", {"id": subnet_id_of("one").upper()}, True),
        ("ASEV2", {"id": NETWORK.upper(), "subnet": NAME.upper()}, False),
    ],
)
def test_each_version_names_its_subnet_in_its_own_way(kind, network, manages_itself):
    read = environment(kind, network)
    assert (read.subnet_id, read.manages_itself) == (SUBNET, manages_itself)


@pytest.mark.parametrize(
    "network", [{}, {"id": "x", "subnet": NAME}, {"id": NETWORK}, {"id": NETWORK, "subnet": ""}]
)
def test_a_subnet_that_is_not_clearly_named_is_none(network):
    assert environment("ASEV2", network).subnet_id is None


def test_a_new_route_table_changes_nothing_else_of_the_subnet():
    sent = Subnet.from_arm(RAW, SUBNET).with_route_table(RouteTableId.parse(table_id("new")))
    assert sent["properties"]["routeTable"] == {"id": table_id("new")}
    sent["properties"]["routeTable"] = {"id": table_id("old")}
    assert sent == RAW


def test_the_json_of_another_subnet_is_refused():
    with pytest.raises(ValueError, match="is not"):
        Subnet.from_arm({**RAW, "id": subnet_id_of("two")}, SUBNET)
