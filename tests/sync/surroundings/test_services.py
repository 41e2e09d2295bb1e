"""Which resources of services there are, what is wrong around them, and how they are registered."""

from datetime import timedelta

import pytest

from local.azure.authorization import READER, Role
from local.azure.faults import refusal
from local.azure.resources import RouteTable
from local.azure.security_groups import simple_rule
from local.azure.target import key_of
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.sync.surroundings import discovery
from shared.sync.surroundings.services import ServiceSearch
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    rid,
    table_id,
)
from tests.builders.routes import owned
from tests.builders.runs import TAG, begin_discovery, discover, keep, sync, to_the_end
from tests.builders.services import (
    API_MANAGEMENT,
    DATABRICKS,
    DOMAIN_SERVICES,
    HDINSIGHT,
    OF_SERVICES,
    add_each,
    add_network,
    add_service,
    api_management,
    databricks,
    domain_services,
    hdinsight,
    network_of,
    publish,
)


@pytest.fixture
def app(make_app):
    return make_app(ALLOWED_SERVICE_TAGS=f"{TAG},{','.join(OF_SERVICES)}")


@pytest.fixture
def published(azure):
    """Let the Service Tag Discovery API answer with the tags of all services."""
    publish(azure.state, TAG)


def add_databricks(azure, name="dbx", public="one", private="one", routes=(), **properties):
    """Add a workspace in two subnets with these tables, each with these routes."""
    names = {public, private} - {None}
    tables = {table: add_table(azure.state, table, routes) for table in names}
    subnets = {"public": tables.get(public), "private": tables.get(private)}
    network = add_network(azure.state, name, subnets)
    return add_service(azure.state, DATABRICKS, name, databricks(network, **properties))


def faults_of(app, name="dbx", **search):
    """Return whether each subnet's table is registered, and the codes of what is wrong."""
    found = discover(app, **search)["result"]["services"]
    [one] = [each for each in found if each["resourceId"].endswith(f"/{name}")]
    registered = [subnet["registered"] for subnet in one["subnets"]]
    return registered, [fault["code"] for fault in one["faults"]]


@pytest.mark.usefixtures("published")
def test_each_service_is_found_and_registered_by_its_name(azure, app):
    add_each(azure.state)
    found = discover(app)
    assert (found["status"], found["result"]["errors"]) == ("Succeeded", [])
    assert {each["service"] for each in found["result"]["services"]} == set(OF_SERVICES)
    assert not any(s["registered"] for e in found["result"]["services"] for s in e["subnets"])

    whole = discover(app, register=True)
    assert whole["status"] == "Succeeded"
    assert all(s["registered"] for e in whole["result"]["services"] for s in e["subnets"])
    assert all(each["faults"] == [] for each in whole["result"]["services"])
    registrations = [entry.registration for entry in app.registry.list()]
    assert {one.service: one.service_tags for one in registrations} == OF_SERVICES
    assert {one.service: one.region for one in registrations} == {
        **dict.fromkeys(OF_SERVICES),
        "databricks": "westeurope",
    }


@pytest.mark.usefixtures("published")
def test_one_query_serves_all_subscriptions(azure, app):
    add_each(azure.state)
    add_each(azure.state, OTHER_SUBSCRIPTION)
    found = discover(app, register=True)["result"]["services"]
    assert [each["resourceId"].split("/")[2] for each in found] == (
        [SUBSCRIPTION] * 4 + [OTHER_SUBSCRIPTION] * 4
    )
    queries = [e for e in azure.state.log if e["path"].endswith("ResourceGraph/resources")]
    assert [sorted(e["body"]["subscriptions"]) for e in queries] == [
        [SUBSCRIPTION, OTHER_SUBSCRIPTION]
    ]
    assert len(list(app.registry.list())) == 8


def test_more_subscriptions_than_a_query_should_name_are_asked_in_groups(azure, app, monkeypatch):
    monkeypatch.setattr(discovery, "SUBSCRIPTIONS_A_QUERY", 1)
    add_each(azure.state)
    add_each(azure.state, OTHER_SUBSCRIPTION)
    assert len(discover(app)["result"]["services"]) == 8


def test_a_service_that_is_not_allowed_is_named_and_not_registered(azure, make_app):
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},ApiManagement")
    add_each(azure.state)
    assert faults_of(app, "n1", register=True) == ([False, False], ["ServiceNotAllowed"])
    # Whoever allows every tag of a service allows the service.
    assert faults_of(app, "n0", register=True) == ([True], [])
    assert [str(entry.route_table_id) for entry in app.registry.list()] == [table_id("n0")]


def test_a_registration_of_a_person_stays_and_the_tags_that_it_lacks_are_named(azure, app):
    add_databricks(azure)
    keep(app, RegisteredTable(rid("one"), Registration((TAG, "sql.westeurope"), note="mine")))
    found = discover(app, register=True)["result"]["services"]
    [fault] = found[0]["faults"]
    assert fault["code"] == "RegisteredWithoutTags"
    assert "without AzureDatabricks, Storage.WestEurope, EventHub.WestEurope" in fault["message"]
    assert app.registry.get(rid("one")).registration.note == "mine"


def test_a_registration_that_has_the_tags_and_more_is_right(azure, app):
    add_databricks(azure)
    keep(app, RegisteredTable(rid("one"), Registration((TAG, *OF_SERVICES["databricks"]))))
    assert faults_of(app) == ([True, True], [])


def test_a_tag_without_a_region_has_the_addresses_of_every_region(azure, app):
    add_databricks(azure)
    tags = ("AzureDatabricks", "SQL", "Storage", "EventHub.NorthEurope")
    keep(app, RegisteredTable(rid("one"), Registration(tags)))
    [fault] = discover(app)["result"]["services"][0]["faults"]
    assert fault["message"].endswith("one is registered without EventHub.WestEurope")


@pytest.mark.usefixtures("published")
def test_subnets_with_different_tables_need_the_routes_in_each(azure, app):
    add_databricks(azure, public="one", private="two")
    keep(app, RegisteredTable(rid("one"), Registration(OF_SERVICES["databricks"])))
    assert faults_of(app) == ([True, False], ["DifferentRouteTables"])
    assert faults_of(app, register=True) == ([True, True], [])


@pytest.mark.usefixtures("published")
def test_a_subnet_without_a_table_is_named_beside_one_that_has_it(azure, app):
    add_databricks(azure, private=None)
    assert faults_of(app, register=True) == ([True, False], ["SubnetWithoutRouteTable"])


@pytest.mark.usefixtures("published")
def test_a_table_that_other_subnets_have_too_is_registered_only_if_that_is_acknowledged(azure, app):
    """There the routes of Storage would lead past the firewall, and maybe to nowhere."""
    shared, own = add_table(azure.state, "shared"), add_table(azure.state, "own")
    network = add_network(azure.state, "a", {"public": shared, "private": own, "vms": shared})
    add_service(azure.state, DATABRICKS, "a", databricks(network))
    found = discover(app, register=True)["result"]["services"][0]
    different, on_others = found["faults"]
    assert (different["code"], on_others["code"]) == ("DifferentRouteTables", "OnOtherSubnets")
    assert on_others["message"].endswith(f"has no resource: {network}/subnets/vms".lower())
    assert [str(entry.route_table_id) for entry in app.registry.list()] == [table_id("own")]

    registered, _ = faults_of(app, "a", register=True, acknowledge=True)
    assert registered == [True, True]
    assert faults_of(app, "a") == ([True, True], [])


PRIVATE = {"defaultOutboundAccess": False}
NAT = {"natGateway": {"id": network_of("n").replace("virtualNetworks", "natGateways")}}


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("subnet", "leads_nowhere"),
    [
        (PRIVATE, True),
        (PRIVATE | NAT, False),
        ({"defaultOutboundAccess": True}, False),
        ({}, False),
    ],
)
def test_routes_that_lead_nowhere_are_no_gift_to_a_private_subnet(
    azure, app, subnet, leads_nowhere
):
    subnets = dict.fromkeys(("public", "private"), add_table(azure.state, "one"))
    network = add_network(azure.state, "a", subnets, more=subnet)
    add_service(azure.state, DATABRICKS, "a", databricks(network))
    said = ["SubnetWithoutOutbound"] * 2 if leads_nowhere else []
    assert faults_of(app, "a", register=True) == ([not leads_nowhere] * 2, said)
    assert faults_of(app, "a", register=True, acknowledge=True) == ([True, True], said)
    # The report of each run says it, too.
    [outcome] = sync(app)["outcomes"]
    found = [each["code"] for each in outcome["findings"]]
    assert found.count("SubnetWithoutOutbound") == len(said)


@pytest.mark.usefixtures("published")
def test_a_service_that_azure_reaches_from_the_internet_answers_from_a_private_subnet(azure, app):
    table = add_table(azure.state, "one")
    network = add_network(azure.state, "a", {"s": table}, more=PRIVATE)
    add_service(azure.state, API_MANAGEMENT, "a", api_management(f"{network}/subnets/s"))
    assert faults_of(app, "a", register=True) == ([True], [])


@pytest.mark.usefixtures("published")
def test_a_table_with_the_azure_tag_is_left_to_the_next_check(azure, make_app):
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},databricks", DISCOVER_BY_TAG="true")
    add_databricks(azure)
    azure.state.find(RouteTable, key_of(table_id("one"))).tags = {"aseRouteSync": "off"}
    registered, faults = faults_of(app, register=True)
    assert (registered, "AzureTagDecides" in faults) == ([False, False], True)


@pytest.mark.usefixtures("published")
def test_resources_of_one_service_may_share_a_table(azure, app):
    table = add_table(azure.state, "one")
    for name in ("a", "b"):
        subnets = dict.fromkeys(("public", "private"), table)
        add_service(
            azure.state, DATABRICKS, name, databricks(add_network(azure.state, name, subnets))
        )
    assert faults_of(app, "a", register=True) == ([True, True], [])


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("kind", "sku", "properties"),
    [
        (DATABRICKS, "premium", {"requiredNsgRules": "NoAzureDatabricksRules"}),
        (API_MANAGEMENT, "StandardV2", {}),
    ],
)
def test_what_needs_no_routes_is_registered_only_if_that_is_acknowledged(
    azure, app, kind, sku, properties
):
    subnets = dict.fromkeys(("public", "private"), add_table(azure.state, "one"))
    network = add_network(azure.state, "x", subnets)
    made = databricks if kind == DATABRICKS else api_management
    place = network if kind == DATABRICKS else f"{network}/subnets/public"
    add_service(azure.state, kind, "x", made(place, **properties), sku=sku)
    registered, faults = faults_of(app, "x", register=True)
    assert (any(registered), faults) == (False, ["NotNeeded"])
    registered, faults = faults_of(app, "x", register=True, acknowledge=True)
    assert (all(registered), faults) == (True, ["NotNeeded"])


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (API_MANAGEMENT, api_management(None)),
        (DATABRICKS, databricks(None)),
        (HDINSIGHT, hdinsight(None)),
    ],
)
def test_without_a_network_no_routes_are_needed(azure, app, kind, properties):
    add_service(azure.state, kind, "x", properties)
    assert faults_of(app, "x", register=True) == ([], ["NotNeeded"])


def test_domain_services_without_a_subnet_are_not_understood(azure, app):
    add_service(azure.state, DOMAIN_SERVICES, "x", domain_services())
    assert faults_of(app, "x", register=True) == ([], ["SubnetUnknown"])


@pytest.mark.parametrize(
    ("kind", "made", "faults"),
    [(DOMAIN_SERVICES, domain_services, []), (HDINSIGHT, hdinsight, ["SubnetWithoutRouteTable"])],
)
def test_domain_services_alone_need_nothing_on_a_subnet_without_a_table(
    azure, app, kind, made, faults
):
    network = add_network(azure.state, "x", {"s": None})
    add_service(azure.state, kind, "x", made(f"{network}/subnets/s"))
    assert faults_of(app, "x") == ([False], faults)


def test_of_a_subnet_that_is_gone_the_resource_is_listed_with_that(azure, app):
    network = add_network(azure.state, "x", {"s": None})
    add_service(azure.state, DOMAIN_SERVICES, "x", domain_services(f"{network}/subnets/gone"))
    assert faults_of(app, "x", register=True) == ([False], ["SubnetNotFound"])


def test_a_network_in_another_subscription_is_not_looked_at(azure, app):
    network = network_of("far", OTHER_SUBSCRIPTION)
    add_service(azure.state, HDINSIGHT, "x", hdinsight(f"{network}/subnets/s"))
    assert faults_of(app, "x", register=True) == ([False], ["VirtualNetworkInOtherSubscription"])


def test_what_the_routes_change_on_each_subnet_is_said_once(azure, app):
    denies = simple_rule("DenyLateral", 200, "Outbound", "*", "VirtualNetwork")
    table = add_table(azure.state, "one")
    subnets = dict.fromkeys(("public", "private"), table)
    network = add_network(azure.state, "dbx", subnets, rules=[denies])
    add_service(azure.state, DATABRICKS, "dbx", databricks(network))
    assert faults_of(app) == ([False, False], ["NsgDeniesRoutes", "NsgWiderByRoutes"])


@pytest.mark.parametrize("rules", [None, [], [simple_rule("in", 200, "Inbound", "*", "*", "3443")]])
def test_the_inbound_traffic_of_the_service_is_judged(azure, app, rules):
    publish(azure.state, TAG)
    table = add_table(azure.state, "one")
    network = add_network(azure.state, "apim", {"s": table}, rules=rules)
    add_service(azure.state, API_MANAGEMENT, "apim", api_management(f"{network}/subnets/s"))
    # Before the first run, nobody knows the addresses of the tag.
    _, faults = faults_of(app, "apim", register=True)
    assert ("NotAudited" in faults) is (rules is not None)
    sync(app)
    _, faults = faults_of(app, "apim")
    said = {None: ["NsgMissing"], 0: ["NsgDeniesService"], 1: []}
    expected = said[rules if rules is None else len(rules)]
    assert [code for code in faults if code != "NsgWiderByRoutes"] == expected


@pytest.mark.usefixtures("nobody_waits")
def test_a_subnet_that_does_not_answer_is_an_error_of_its_resource(azure, app):
    add_databricks(azure)
    down = refusal("GET", "subnets/private", 503, {"code": "ServiceUnavailable"}, times=99)
    azure.state.faults.append(down)
    whole = discover(app, register=True)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")
    [error] = whole["result"]["errors"]
    assert error["code"] == "ServiceUnavailable"
    [found] = whole["result"]["services"]
    assert [fault["code"] for fault in found["faults"]] == ["ServiceUnavailable"]


@pytest.mark.usefixtures("nobody_waits")
def test_an_answer_that_is_cut_off_is_tried_again_and_never_reported_as_the_whole(azure, app):
    azure.state.graph.page_size, azure.state.graph.pages = 1, False
    add_databricks(azure, "a", "one", "one")
    add_databricks(azure, "b", "two", "two")
    run_id = begin_discovery(app, SUBSCRIPTION)
    with pytest.raises(Exception, match="ResourceGraphIncomplete"):
        app.task_runs.go_on(run_id)
    azure.state.graph.pages = True
    whole = to_the_end(app, run_id)
    assert (whole["status"], len(whole["result"]["services"])) == ("Succeeded", 2)

    azure.state.graph.pages = False
    whole = discover(app, SUBSCRIPTION)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")
    [error] = whole["result"]["errors"]
    assert (error["code"], len(whole["result"]["services"])) == ("ResourceGraphIncomplete", 1)


@pytest.mark.usefixtures("nobody_waits")
def test_environments_are_found_while_the_graph_throttles(azure, app):
    azure.state.graph.quota = 0
    add_environment(azure.state, "ase", table=add_table(azure.state, "ase"))
    whole = discover(app, SUBSCRIPTION, register=True)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")
    assert [error["code"] for error in whole["result"]["errors"]] == ["RateLimiting"]
    assert [each["registered"] for each in whole["result"]["value"]] == [True]


def without(azure, *actions):
    reader = Role("reader", ("*/read",), not_actions=actions)
    azure.state.identities.app.assignments = [("/", reader)]


def test_a_right_without_which_the_graph_leaves_something_out_is_named(azure, app):
    add_databricks(azure)
    without(azure, "Microsoft.Databricks/*")
    whole = discover(app, SUBSCRIPTION)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")
    assert whole["result"]["services"] == []
    [error] = whole["result"]["errors"]
    assert error["code"] == "AuthorizationFailed"
    assert "no role gives Microsoft.Databricks/workspaces/read at" in error["message"]


def test_of_two_subscriptions_the_one_that_may_be_read_is_whole(azure, app):
    add_each(azure.state)
    add_each(azure.state, OTHER_SUBSCRIPTION)
    azure.state.identities.app.assignments = [(f"/subscriptions/{SUBSCRIPTION}", READER)]
    whole = discover(app, SUBSCRIPTION, OTHER_SUBSCRIPTION)
    assert (whole["status"], len(whole["result"]["services"])) == ("Failed", 4)
    errors = {(each["subscriptionId"], each["code"]) for each in whole["result"]["errors"]}
    assert errors == {(OTHER_SUBSCRIPTION, "AuthorizationFailed")}


@pytest.mark.parametrize(
    "action", ["Microsoft.ResourceGraph/resources/read", "Microsoft.Authorization/permissions/read"]
)
def test_without_the_right_to_ask_at_all_the_result_is_not_complete(azure, app, action):
    add_databricks(azure)
    without(azure, action)
    whole = discover(app, SUBSCRIPTION)
    assert whole["status"] == "Failed"
    [error] = whole["result"]["errors"]
    assert error["code"] == "AuthorizationFailed"
    assert action in error["message"]


def test_the_error_about_an_unknown_subscription_stands_once(azure, app):
    missing = SUBSCRIPTION.replace("1", "9")
    errors = discover(app, missing, SUBSCRIPTION)["result"]["errors"]
    assert [(each["subscriptionId"], each["code"]) for each in errors] == [
        (missing, "SubscriptionNotFound")
    ]


@pytest.mark.usefixtures("published")
def test_a_discovery_in_many_messages_finds_the_same(azure, app, monkeypatch):
    add_each(azure.state)
    add_environment(azure.state, "ase", table=add_table(azure.state, "ase"))
    at_once = discover(app)["result"]
    azure.state.log.clear()
    monkeypatch.setattr(discovery, "LONGEST", timedelta())
    assert discover(app)["result"] == at_once
    reads = [e for e in azure.state.log if e["method"] == "GET" and "/subnets/" in e["path"]]
    assert len(reads) == 6


def test_a_table_with_our_routes_on_a_subnet_of_a_service_gets_no_other_tag(azure, app):
    """With the app's own tag, the next run would take the service's routes away."""
    ours = [owned("20.0.0.0/24")]
    add_databricks(azure, routes=ours, requiredNsgRules="NoAzureDatabricksRules")
    add_table(azure.state, "alone", ours)
    result = discover(app, owner="asemgmt", register=True)["result"]
    stamped = {each["routeTableId"]: each["registered"] for each in result["routeTables"]}
    assert stamped == {table_id("alone"): True, table_id("one"): False}


@pytest.mark.usefixtures("nobody_waits")
def test_if_services_are_unknown_a_table_with_our_routes_is_listed_and_not_registered(azure, app):
    azure.state.graph.quota = 0
    add_table(azure.state, "alone", [owned("20.0.0.0/24")])
    result = discover(app, SUBSCRIPTION, owner="asemgmt", register=True)["result"]
    assert [each["registered"] for each in result["routeTables"]] == [False]


@pytest.mark.usefixtures("published")
def test_a_tag_that_is_not_published_there_is_an_error(azure, app):
    answers = azure.state.tags.answers["westeurope"]["values"]
    answers[:] = [each for each in answers if not each["name"].startswith("EventHub")]
    add_databricks(azure)
    whole = discover(app, SUBSCRIPTION, register=True)
    assert whole["status"] == "Failed"
    [error] = whole["result"]["errors"]
    assert error["code"] == "TagUnavailable" and "EventHub.WestEurope" in error["message"]
    assert list(app.registry.list()) == []


@pytest.mark.usefixtures("published")
def test_a_message_that_dies_in_the_middle_leaves_the_rest_to_the_next_one(azure, app, monkeypatch):
    add_each(azure.state)
    run_id, added, good = begin_discovery(app, SUBSCRIPTION, register=True), [], ServiceSearch.add

    def add(search, work, resource):
        good(search, work, resource)
        added.append(resource)
        if len(added) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(ServiceSearch, "add", add)
    with pytest.raises(KeyboardInterrupt):
        app.task_runs.go_on(run_id)
    assert len(list(app.registry.list())) == 2

    whole = to_the_end(app, run_id)
    assert (whole["status"], len(list(app.registry.list()))) == ("Succeeded", 4)
    assert all(s["registered"] for e in whole["result"]["services"] for s in e["subnets"])
    assert all(each["faults"] == [] for each in whole["result"]["services"])
