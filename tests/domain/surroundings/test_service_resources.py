"""The subnets of each service's resources, in the shapes of Microsoft's own examples."""

import pytest

from shared.domain.surroundings.service_resources import ServiceResource
from tests.builders.services import (
    API_MANAGEMENT,
    DATABRICKS,
    DOMAIN_SERVICES,
    HDINSIGHT,
    api_management,
    databricks,
    domain_services,
    hdinsight,
    network_of,
    service_id,
)

NETWORK = network_of("n")
SUBNET = f"{NETWORK}/subnets/s"


def read(kind, properties, sku=None):
    return ServiceResource.from_graph(
        {
            "id": service_id(kind, "one"),
            "type": kind.lower(),
            "location": "westeurope",
            "sku": sku and {"name": sku},
            "properties": properties,
        }
    )


def places(found):
    return [(str(place.subnet_id), place.location) for place in found.placements]


def test_each_location_of_an_api_management_instance_has_its_own_subnet():
    more = [{"location": "West US 2", **api_management(f"{NETWORK}/subnets/t")}]
    found = read(API_MANAGEMENT, api_management(SUBNET, additionalLocations=more), "Premium")
    assert (found.service, found.not_needed) == ("apiManagement", None)
    assert places(found) == [(SUBNET, "westeurope"), (f"{NETWORK}/subnets/t", "westus2")]


@pytest.mark.parametrize("tier", ["BasicV2", "StandardV2", "PremiumV2", "Consumption"])
def test_other_tiers_of_api_management_need_no_routes_although_they_have_a_subnet(tier):
    found = read(API_MANAGEMENT, api_management(SUBNET), tier)
    assert tier in found.not_needed
    assert places(found) == [(SUBNET, "westeurope")]


@pytest.mark.parametrize("tier", ["Developer", "Basic", "Standard", "Premium", "Isolated", None])
def test_all_classic_tiers_need_the_routes_in_a_network_and_not_without_one(tier):
    assert read(API_MANAGEMENT, api_management(SUBNET), tier).not_needed is None
    assert "no virtual network" in read(API_MANAGEMENT, api_management(None), tier).not_needed


def test_an_instance_of_the_network_type_none_is_in_no_network_whatever_it_still_names():
    found = read(API_MANAGEMENT, api_management(SUBNET, virtualNetworkType="None"), "Premium")
    assert places(found) == []
    assert "no virtual network" in found.not_needed


def test_a_databricks_workspace_has_two_subnets_in_one_network():
    found = read(DATABRICKS, databricks(NETWORK), "premium")
    assert (found.service, found.not_needed) == ("databricks", None)
    assert places(found) == [
        (f"{NETWORK}/subnets/public", "westeurope"),
        (f"{NETWORK}/subnets/private", "westeurope"),
    ]


@pytest.mark.parametrize(
    ("network", "rules", "why"),
    [
        (NETWORK, "NoAzureDatabricksRules", "Private Link"),
        (None, "AllRules", "no virtual network"),
    ],
)
def test_a_workspace_that_needs_no_routes_says_why(network, rules, why):
    assert why in read(DATABRICKS, databricks(network, requiredNsgRules=rules)).not_needed


def test_the_roles_of_a_cluster_share_a_subnet():
    found = read(HDINSIGHT, hdinsight(SUBNET))
    assert (found.service, places(found)) == ("hdInsight", [(SUBNET, "westeurope")])
    assert "no virtual network" in read(HDINSIGHT, hdinsight(None)).not_needed
    nowhere = [{"name": "headnode", "virtualNetworkProfile": {"id": None, "subnet": None}}]
    found = read(HDINSIGHT, {"computeProfile": {"roles": nowhere}})
    assert "no virtual network" in found.not_needed


@pytest.mark.parametrize(("connection", "needed"), [("Outbound", False), ("Inbound", True)])
def test_a_cluster_that_opens_the_connection_itself_needs_no_routes(connection, needed):
    network = {"resourceProviderConnection": connection, "privateLink": "Disabled"}
    found = read(HDINSIGHT, {**hdinsight(SUBNET), "networkProperties": network})
    assert places(found) == [(SUBNET, "westeurope")]
    assert (found.not_needed is None) is needed


def test_a_role_may_name_its_subnet_without_the_network():
    profile = {"virtualNetworkProfile": {"id": NETWORK, "subnet": "s"}}
    found = read(HDINSIGHT, {"computeProfile": {"roles": [profile]}})
    assert places(found) == [(SUBNET, "westeurope")]


def test_each_replica_set_of_domain_services_has_its_own_subnet_and_location():
    found = read(DOMAIN_SERVICES, domain_services(SUBNET, f"{NETWORK}/subnets/t"))
    assert (found.service, found.not_needed) == ("entraDomainServices", None)
    assert places(found) == [(SUBNET, "westus"), (f"{NETWORK}/subnets/t", "westus")]


@pytest.mark.parametrize("kind", [API_MANAGEMENT, DATABRICKS, DOMAIN_SERVICES, HDINSIGHT])
@pytest.mark.parametrize("properties", [None, {}, {"replicaSets": "x", "computeProfile": [1]}])
def test_of_an_unknown_shape_no_subnet_is_guessed(kind, properties):
    assert places(read(kind, properties)) == []


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (API_MANAGEMENT, api_management(None, virtualNetworkType="External")),
        (DATABRICKS, {"parameters": {"customVirtualNetworkId": {"value": NETWORK}}}),
        (DATABRICKS, databricks("a classic network")),
        (
            HDINSIGHT,
            {"computeProfile": {"roles": [{"virtualNetworkProfile": {"id": NETWORK}}]}},
        ),
        (HDINSIGHT, hdinsight("classic/subnets/s")),
    ],
)
def test_of_a_network_without_a_clear_subnet_nobody_says_that_it_needs_no_routes(kind, properties):
    found = read(kind, properties)
    assert (places(found), found.not_needed) == ([], None)


@pytest.mark.parametrize("resource_id", [service_id("Microsoft.Batch/accounts", "x"), "x", None])
def test_a_row_of_another_type_is_no_row(resource_id):
    with pytest.raises((ValueError, LookupError)):
        ServiceResource.from_graph({"id": resource_id, "properties": {}})
