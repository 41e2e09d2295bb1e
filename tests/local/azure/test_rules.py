"""What Microsoft.Network refuses, and how."""

import pytest

from local.azure.faults import FailOperation, InjectedFault
from local.azure.resources import RouteTable, SecurityGroup, VirtualNetwork
from local.azure.route_tables import SERVICE_TAGS_A_TABLE
from local.azure.server import SimulatedAzure
from shared.domain.routing.published_tags import PUBLISHED
from tests.builders.azure import SUBSCRIPTION, add_table, ask_azure, table_id, table_with
from tests.builders.routes import route, to_appliances, to_firewall

LOCATION = "westeurope"
NETWORK = table_id("net").replace("routeTables", "virtualNetworks")
GROUP = table_id("nsg").replace("routeTables", "networkSecurityGroups")


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


# -- Route tables --


@pytest.mark.parametrize(
    ("bad", "refused"),
    [
        ([route("a", "10.11.12.13/8")], "InvalidCIDRNotation"),
        ([route("a", "10.0.0.0/33")], "InvalidAddressPrefixFormat"),
        ([route("a", "")], "InvalidAddressPrefixFormat"),
        ([route("a", "13.64.0.1 /32")], "InvalidAddressPrefixFormat"),
        ([route("a", "VirtualNetwork")], "InvalidAddressPrefixFormat"),
        ([route("a", "NoSuchTag")], "InvalidAddressPrefixFormat"),
        ([route("a", "AppServiceManagement.WestEurope")], "InvalidAddressPrefixFormat"),
        ([route("a", "10.0.0.0/8"), route("b", "10.0.0.0/8", "None")], "RouteConflict"),
        ([route("a", "10.0.0.0/8"), route("A", "11.0.0.0/8")], "InvalidRequestFormat"),
        ([route("a", "10.0.0.0/8", "Nowhere")], "InvalidRequestFormat"),
        ([route("a", "10.0.0.0/8", "VirtualAppliance")], "UnconfirmedNextHopIpAddressInvalid"),
        ([to_appliances("10.0.0.0/8", 1)], "UnconfirmedNextHopInvalid"),
        ([to_appliances("10.0.0.0/8", 65)], "UnconfirmedNextHopInvalid"),
        ([to_appliances("10.0.0.0/8", next_hop="Internet")], "UnconfirmedNextHopNotAllowed"),
        (
            [route("a", "10.0.0.0/8", nextHopIpAddress="10.0.0.4")],
            "UnconfirmedNextHopNotAllowed",
        ),
        ([route("a/b", "10.0.0.0/8")], "InvalidResourceName"),
        ([route("-a", "10.0.0.0/8")], "InvalidResourceName"),
        ([route("a.", "10.0.0.0/8")], "InvalidResourceName"),
        ([route("a" * 81, "10.0.0.0/8")], "InvalidResourceName"),
    ],
)
def test_one_bad_route_refuses_the_whole_table(azure, ask, bad, refused):
    table = add_table(azure.state, "one", [to_firewall()])
    etag = table.etag
    body = table_with(to_firewall(), *bad)
    answer = ask("PUT", table_id("one"), api_version="2025-07-01", json=body)
    assert code(answer) == (400, refused)
    assert (table.routes, table.etag) == ([to_firewall()], etag)


@pytest.mark.parametrize(
    "good",
    [
        route("a" * 80, "10.0.0.0/8"),
        route("a_", "10.0.0.0/8"),
        route("a", "2001:db8::/32"),
        route("a", "AppServiceManagement"),
        route("a", "Storage.WestEurope"),
        route("a", "10.0.0.0/8", "VnetLocal"),
        to_appliances("10.0.0.0/8", 2),
        to_appliances("10.0.0.0/8", 64),
    ],
)
def test_what_a_route_may_be(azure, ask, good):
    table = add_table(azure.state, "one")
    written = ask("PUT", table_id("one"), api_version="2025-07-01", json=table_with(good))
    assert written.status_code == 200
    assert table.routes == [good]


def test_an_older_api_version_does_not_know_a_route_to_several_appliances(azure, ask):
    several = to_appliances("10.0.0.0/8")
    table = add_table(azure.state, "one", [several])
    older, newer = (
        ask("GET", table_id("one"), api_version=version).json()["properties"]["routes"][0]
        for version in ("2025-05-01", "2025-07-01")
    )
    assert "nextHop" not in older["properties"]
    assert newer["properties"].items() >= several["properties"].items()
    refused = ask("PUT", table_id("one"), api_version="2025-05-01", json=table_with(several))
    assert code(refused) == (400, "InvalidRequestFormat")
    assert table.routes == [several]


def test_in_china_no_route_has_the_tag():
    with SimulatedAzure("AzureChinaCloud") as azure:
        add_table(azure.state, "one")
        body = table_with(route("a", "AppServiceManagement"))
        answer = ask_azure(azure, "PUT", table_id("one"), json=body)
        assert code(answer) == (400, "InvalidAddressPrefixFormat")


def test_a_route_of_another_prefix_may_not_take_one_that_is_there(azure, ask):
    add_table(azure.state, "one", [route("a", "10.0.0.0/8")])
    answer = ask("PUT", f"{table_id('one')}/routes/b", json=route("b", "10.0.0.0/8"))
    assert code(answer) == (400, "RouteConflict")


def test_a_body_that_is_not_json(azure, ask):
    add_table(azure.state, "one")
    for content in (b"{", b"[]", b"", b"\xff"):
        assert code(ask("PUT", table_id("one"), content=content)) == (400, "InvalidRequestFormat")


@pytest.mark.parametrize(
    "wrong",
    [
        {"properties": []},
        {"properties": {"routes": {}}},
        {"properties": {"routes": [None]}},
        {"properties": {"routes": [{"name": 7}]}},
        {"properties": {"routes": [{"name": "a", "properties": "x"}]}},
        {"properties": {"routes": [{"name": "a", "properties": {"addressPrefix": 7}}]}},
        {"tags": ["a"]},
        {"location": 7},
    ],
)
def test_a_body_of_another_shape_is_refused_and_changes_nothing(azure, ask, wrong):
    table = add_table(azure.state, "one", [to_firewall()])
    etag = table.etag
    answer = ask("PUT", table_id("one"), json={"location": LOCATION, **wrong})
    assert code(answer) == (400, "InvalidRequestFormat")
    assert (table.routes, table.etag) == ([to_firewall()], etag)


def test_a_table_stays_where_it_is(azure, ask):
    add_table(azure.state, "one")
    elsewhere = ask("PUT", table_id("one"), json={"location": "eastus"})
    assert code(elsewhere) == (409, "InvalidResourceLocation")
    assert code(ask("PUT", table_id("one"), json={})) == (400, "LocationRequired")
    as_displayed = {"location": "West Europe", "properties": {"routes": [to_firewall()]}}
    assert ask("PUT", table_id("one"), json=as_displayed).status_code == 200


def test_the_limits_of_a_table_hold_on_both_sides(azure, ask):
    table = add_table(azure.state, "one")
    azure.state.limits["RoutesPerRouteTable"] = 3
    routes = [route(f"r{n}", f"10.{n}.0.0/16") for n in range(4)]
    assert ask("PUT", table_id("one"), json=table_with(*routes[:3])).status_code == 200
    over = "UnconfirmedRoutesPerRouteTableExceeded"
    assert code(ask("PUT", table_id("one"), json=table_with(*routes))) == (400, over)
    fourth = ask("PUT", f"{table_id('one')}/routes/r3", json=routes[3])
    assert code(fourth) == (400, over)
    assert len(table.routes) == 3


def test_so_many_service_tags_a_table(azure, ask):
    add_table(azure.state, "one")
    regions = PUBLISHED["AzureCloud"].regions.split()[: SERVICE_TAGS_A_TABLE + 1]
    tags = [route(f"r-{region}", f"Storage.{region}") for region in regions]
    assert ask("PUT", table_id("one"), json=table_with(*tags[:-1])).status_code == 200
    answer = ask("PUT", table_id("one"), json=table_with(*tags))
    assert code(answer) == (400, "UnconfirmedRoutesWithServiceTagPerRouteTableExceeded")


def test_so_many_tables_a_region_and_subscription(azure, ask):
    add_table(azure.state, "one")
    azure.state.limits["RouteTables"] = 1
    azure.state.add_group(SUBSCRIPTION, "rg-two")
    there = ask("PUT", table_id("two"), json={"location": LOCATION})
    assert code(there) == (400, "UnconfirmedRouteTablesExceeded")
    assert ask("PUT", table_id("two"), json={"location": "eastus"}).status_code == 201
    assert ask("PUT", table_id("one"), json=table_with(to_firewall())).status_code == 200


def test_writes_to_one_table_are_serialised(azure, ask):
    add_table(azure.state, "one", [to_firewall()]).subnets = []
    add_table(azure.state, "two")
    azure.state.timing.operation_seconds = (60, 60)
    ask("PUT", table_id("one"), json=table_with(route("a", "10.0.0.0/8")))
    child = f"{table_id('one')}/routes/a"
    for method, path, body in (
        ("PUT", table_id("one"), table_with()),
        ("PATCH", table_id("one"), {"tags": {}}),
        ("DELETE", table_id("one"), None),
        ("PUT", child, route("a", "11.0.0.0/8")),
        ("DELETE", child, None),
    ):
        answer = ask(method, path, json=body)
        assert code(answer) == (429, "RetryableError")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert ask("PUT", table_id("two"), json=table_with(to_firewall())).status_code == 200


def test_a_failed_table_takes_no_route_but_the_whole(azure, ask):
    table = add_table(azure.state, "one", [to_firewall()])
    table.provisioning_state = "Failed"
    child = ask("PUT", f"{table_id('one')}/routes/a", json=route("a", "10.0.0.0/8"))
    assert code(child) == (400, "ParentResourceIsInFailedState")
    gone = ask("DELETE", f"{table_id('one')}/routes/default-via-firewall")
    assert code(gone) == (400, "ParentResourceIsInFailedState")
    same = ask("GET", table_id("one")).json()
    assert ask("PUT", table_id("one"), json=same).headers["retry-after"]  # a write, not a no-op
    assert ask("GET", table_id("one")).json()["properties"]["provisioningState"] == "Succeeded"


@pytest.mark.parametrize("given", ["invalid", 'W/"invalid"', 'W/"W/"{etag}""'])
def test_another_etag_is_a_412_and_says_which_it_was(azure, ask, given):
    table = add_table(azure.state, "one", [to_firewall()])
    headers = {"If-Match": given.replace("{etag}", table.etag)}
    for method, path in (("PUT", table_id("one")), ("PUT", f"{table_id('one')}/routes/a")):
        body = {**table_with(), **route("a", "10.0.0.0/8")}
        answer = ask(method, path, json=body, headers=headers)
        assert code(answer) == (412, "PreconditionFailed")
        assert table.etag in answer.json()["error"]["details"][0]["message"]
    assert table.routes == [to_firewall()]


def test_the_same_etag_and_any_are_taken(azure, ask):
    table = add_table(azure.state, "one")
    for given in (table.etag, "*"):
        body = table_with(route("a", "10.0.0.0/8", "None" if given == "*" else "Internet"))
        answer = ask("PUT", table_id("one"), json=body, headers={"If-Match": given})
        assert answer.status_code == 200


def test_a_table_in_use_is_not_deleted(azure, ask):
    add_table(azure.state, "one")
    assert code(ask("DELETE", table_id("one"))) == (400, "InUseRouteTableCannotBeDeleted")


def test_a_route_of_no_table(azure, ask):
    azure.state.add_group(SUBSCRIPTION, "rg-one")
    path = f"{table_id('one')}/routes/a"
    assert code(ask("PUT", path, json=route("a", "10.0.0.0/8"))) == (404, "ParentResourceNotFound")
    assert code(ask("GET", path)) == (404, "ResourceNotFound")


# -- Virtual networks and subnets --


def network(azure, *subnets, prefixes=("10.0.0.0/16",)):
    space = {"addressSpace": {"addressPrefixes": list(prefixes)}}
    there = VirtualNetwork(resource_id=NETWORK, location=LOCATION, properties=space)
    there.subnets = [
        {"name": name, "properties": {"addressPrefix": prefix}} for name, prefix in subnets
    ]
    return azure.state.add(there)


def put_subnet(ask, name="a", prefix="10.0.1.0/24", **properties):
    body = {"properties": {"addressPrefix": prefix, **properties}}
    return ask("PUT", f"{NETWORK}/subnets/{name}", json=body)


def test_a_subnet_takes_its_table_and_gives_it_back(azure, ask):
    there = network(azure, ("a", "10.0.1.0/24"))
    table = add_table(azure.state, "one")
    table.subnets = []
    etags = {there.etag, table.etag}
    taken = put_subnet(ask, routeTable={"id": table_id("ONE")})
    assert taken.json()["properties"]["routeTable"] == {"id": table_id("ONE")}
    assert table.subnets == [f"{NETWORK}/subnets/a"]
    assert not etags & {there.etag, table.etag}
    put_subnet(ask)  # a PUT replaces: without the table it is detached
    assert table.subnets == []
    put_subnet(ask, routeTable={"id": table_id("one")})
    assert ask("DELETE", f"{NETWORK}/subnets/a").status_code == 202
    assert table.subnets == []


def test_a_subnet_has_the_etag_of_its_network_and_honours_it(azure, ask):
    there = network(azure, ("a", "10.0.1.0/24"))
    add_table(azure.state, "one").subnets = []
    read = ask("GET", f"{NETWORK}/subnets/a")
    assert read.headers["etag"] == read.json()["etag"] == there.etag
    body = {"properties": {"addressPrefix": "10.0.1.0/24", "routeTable": {"id": table_id("one")}}}
    for given, status in (('W/"other"', 412), (there.etag, 200)):
        headers = {"If-Match": given}
        answer = ask("PUT", f"{NETWORK}/subnets/a", json=body, headers=headers)
        assert answer.status_code == status


def test_a_subnet_whose_write_fails_and_reverts_gives_its_table_back(azure, ask):
    network(azure, ("a", "10.0.1.0/24"))
    table = add_table(azure.state, "one")
    table.subnets = []
    effect = FailOperation(reverts=True)
    azure.state.faults.append(InjectedFault(method="PUT", path="subnets/a$", effect=effect))
    begun = put_subnet(ask, routeTable={"id": table_id("one")})
    assert ask("GET", begun.headers["azure-asyncoperation"]).json()["status"] == "Failed"
    assert "routeTable" not in ask("GET", f"{NETWORK}/subnets/a").json()["properties"]
    assert table.subnets == []


def test_a_network_brings_its_subnets_and_takes_them_away(azure, ask):
    table = add_table(azure.state, "one")
    table.subnets = []
    azure.state.add_group(SUBSCRIPTION, "rg-net")
    subnet = {"addressPrefix": "10.0.1.0/24", "routeTable": {"id": table_id("one"), "tags": {}}}
    body = {
        "location": LOCATION,
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "a", "properties": subnet}],
        },
    }
    made = ask("PUT", NETWORK, json=body)
    assert (made.status_code, made.headers["retry-after"]) == (201, "3")
    [child] = made.json()["properties"]["subnets"]
    assert child["etag"] == made.json()["etag"]
    assert child["properties"]["routeTable"] == {"id": table_id("one")}
    assert table.subnets == [f"{NETWORK}/subnets/a"]
    assert len(ask("GET", f"{NETWORK}/subnets").json()["value"]) == 1
    assert ask("DELETE", NETWORK).status_code == 202
    assert table.subnets == []


@pytest.mark.parametrize(
    ("properties", "refused"),
    [
        ({"addressPrefix": "x"}, "InvalidAddressPrefixFormat"),
        ({"addressPrefix": "10.0.1.1/24"}, "InvalidCIDRNotation"),
        ({"addressPrefix": "10.9.0.0/24"}, "NetcfgInvalidSubnet"),
        ({"addressPrefix": "2001:db8::/64"}, "NetcfgInvalidSubnet"),
        ({"addressPrefix": "10.0.2.0/23"}, "NetcfgSubnetRangesOverlap"),
        ({"addressPrefixes": ["10.0.4.0/24", "10.0.3.0/24"]}, "NetcfgSubnetRangesOverlap"),
        ({"routeTable": {"id": table_id("nowhere")}}, "InvalidResourceReference"),
        ({"routeTable": {"id": table_id("abroad")}}, "InvalidResourceReference"),
    ],
)
def test_a_bad_subnet_is_refused_and_the_old_one_stays(azure, ask, properties, refused):
    there = network(azure, ("a", "10.0.1.0/24"), ("b", "10.0.3.0/24"))
    add_table(azure.state, "abroad").location = "eastus"
    before = [dict(subnet) for subnet in there.subnets]
    body = {"properties": {"addressPrefix": "10.0.1.0/24", **properties}}
    assert code(ask("PUT", f"{NETWORK}/subnets/a", json=body)) == (400, refused)
    assert there.subnets == before


def test_a_table_that_is_being_written_is_not_taken(azure, ask):
    network(azure)
    table = add_table(azure.state, "one")
    azure.state.timing.operation_seconds = (60, 60)
    azure.state.begin("PutRouteOperation", table)
    answer = put_subnet(ask, routeTable={"id": table_id("one")})
    [detail] = answer.json()["error"]["details"]
    assert (answer.status_code, detail["code"]) == (429, "ReferencedResourceNotProvisioned")
    assert "PutRouteOperation" in detail["message"]


def test_a_network_that_is_being_written_takes_no_subnet(azure, ask):
    network(azure)
    azure.state.timing.operation_seconds = (60, 60)
    assert put_subnet(ask).status_code == 201
    assert code(put_subnet(ask, "b", "10.0.2.0/24")) == (409, "AnotherOperationInProgress")


def test_a_subnet_with_a_service_in_it_does_not_go(azure, ask):
    delegated = {"name": "ase", "properties": {"serviceName": "Microsoft.Web/hostingEnvironments"}}
    network(azure)
    put_subnet(ask, delegations=[delegated])
    gone = (400, "InUseSubnetCannotBeDeleted")
    assert code(ask("DELETE", f"{NETWORK}/subnets/a")) == gone
    assert code(ask("DELETE", NETWORK)) == gone
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": []}
    assert code(ask("PUT", NETWORK, json={"location": LOCATION, "properties": space})) == gone


# -- Network security groups --


def rule(priority=100, **properties):
    return {
        "properties": {
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "454-455",
            "sourceAddressPrefix": "AppServiceManagement",
            "destinationAddressPrefix": "*",
            "access": "Allow",
            "priority": priority,
            "direction": "Inbound",
            **properties,
        }
    }


def test_a_security_group_has_default_rules_and_its_own(azure, ask):
    azure.state.add_group(SUBSCRIPTION, "rg-nsg")
    assert ask("PUT", GROUP, json={"location": LOCATION}).status_code == 201
    assert ask("PUT", f"{GROUP}/securityRules/a", json=rule()).status_code == 201
    group = ask("GET", GROUP).json()["properties"]
    assert [r["name"] for r in group["securityRules"]] == ["a"]
    defaults = {r["name"]: r["properties"]["priority"] for r in group["defaultSecurityRules"]}
    assert defaults["DenyAllInBound"] == defaults["DenyAllOutBound"] == 65500
    assert len(defaults) == 6
    assert group["securityRules"][0]["properties"]["sourceAddressPrefixes"] == []


@pytest.mark.parametrize(
    ("bad", "refused"),
    [
        (rule(99), "SecurityRuleInvalidPriority"),
        (rule(4097), "SecurityRuleInvalidPriority"),
        (rule(200), "SecurityRuleConflict"),
        (rule(access="Maybe"), "InvalidRequestFormat"),
        (rule(sourceAddressPrefixes=["10.0.0.0/8"]), "SecurityRuleFieldsInvalid"),
        (rule(destinationPortRange=None), "SecurityRuleFieldsInvalid"),
    ],
)
def test_a_bad_rule_is_refused(azure, ask, bad, refused):
    group = azure.state.add(SecurityGroup(resource_id=GROUP, location=LOCATION))
    assert ask("PUT", f"{GROUP}/securityRules/there", json=rule(200)).status_code == 201
    assert code(ask("PUT", f"{GROUP}/securityRules/a", json=bad)) == (400, refused)
    assert [r["name"] for r in group.rules] == ["there"]


def test_one_priority_serves_each_direction_once(azure, ask):
    azure.state.add(SecurityGroup(resource_id=GROUP, location=LOCATION))
    for name, body in (
        ("in", rule(100)),
        ("out", rule(100, direction="Outbound")),
        ("last", rule(4096)),
    ):
        assert ask("PUT", f"{GROUP}/securityRules/{name}", json=body).status_code == 201


def test_a_security_group_knows_its_subnets(azure, ask):
    group = azure.state.add(SecurityGroup(resource_id=GROUP, location=LOCATION))
    network(azure)
    put_subnet(ask, networkSecurityGroup={"id": GROUP})
    assert group.subnets == [f"{NETWORK}/subnets/a"]
    in_use = (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    assert code(ask("DELETE", GROUP)) == in_use


def test_a_table_that_azure_made_without_a_location(azure, ask):
    table = azure.state.add(RouteTable(resource_id=table_id("one"), location=""))
    assert "location" not in ask("GET", table_id("one")).json()
    body = table_with(to_firewall())
    assert ask("PUT", table_id("one"), json=body).status_code == 200
    assert table.routes == [to_firewall()]
