"""Each service, registered by one word, routed and audited, with the tags as Microsoft has them."""

import functools
import json
from html import unescape

import pytest

from shared.domain.addresses import ipv4_of
from shared.domain.routing.published_tags import PUBLISHED
from shared.domain.runs.run import Mode
from shared.domain.services.known import NAMED, SERVICES
from shared.endpoints.operations import OPERATIONS
from tests.builders.azure import add_environment, add_table, subnet_of, table_id, table_writes
from tests.builders.endpoints import call, serve
from tests.builders.recorded import needs_documents, weekly_file
from tests.builders.routes import route, rule, to_firewall
from tests.builders.runs import outcome_of, sync

LIST = next(one for one in OPERATIONS if one.operation_id == "lists")
SHOW = next(one for one in OPERATIONS if one.operation_id == "dashboard")
PUT = next(one for one in OPERATIONS if one.operation_id == "register_route_table")
LIMIT = 1000
"""The routes of a table since May 2026. The simulated Azure has the older limit of 400."""
FIREWALL = to_firewall()
REGION = "westeurope"

pytestmark = needs_documents


@functools.cache
def published():
    """Return each tag of a service as the newest weekly file of the public cloud has it."""
    values = weekly_file("ServiceTags_Public_20251027.json")["values"]
    return {v["name"]: v for v in values if any(one.has(v["name"]) for one in SERVICES)}


@pytest.fixture
def allow(azure, make_app, monkeypatch):
    """Make an app that allows these services only. Each run reads all that is allowed."""

    def make(*names):
        tags = azure.state.tags
        tags.page_size = 1000
        tags.answers[REGION] = {**tags.document(REGION), "values": [*published().values()]}
        azure.state.limits["RoutesPerRouteTable"] = LIMIT
        app = make_app(ALLOWED_SERVICE_TAGS=",".join(names))
        serve(app, monkeypatch)
        return app

    return make


@pytest.fixture
def app(allow):
    return allow(*NAMED)


@pytest.fixture
def table(azure):
    """A table behind a firewall, on a subnet whose security group lets nothing in."""
    table = add_table(azure.state, "one", [FIREWALL])
    table.subnets.clear()
    add_environment(azure.state, "one", table=table, rules=[])
    return table


def put(**body):
    answer = call(PUT, body=body)
    return answer.status_code, json.loads(answer.get_body())


def asked_for(service):
    return {"service": service.name} | ({"region": REGION} if service.is_regional else {})


def written(azure):
    """Return the routes in the body of the only write, without somebody else's."""
    [write] = table_writes(azure.state)
    routes = write["body"]["properties"]["routes"]
    assert FIREWALL["properties"] in [route["properties"] for route in routes]
    ours = [route for route in routes if route["name"].startswith("asemgmt--")]
    assert len(ours) == len(routes) - 1
    assert {route["properties"]["nextHopType"] for route in ours} == {"Internet"}
    return {route["properties"]["addressPrefix"] for route in ours}


def findings(whole):
    return {one["code"]: one["message"] for one in outcome_of(whole, "one")["findings"]}


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
def test_each_service_is_registered_routed_and_audited(azure, app, table, service):
    status, body = put(**asked_for(service))
    assert (status, body["registration"]["serviceTags"]) == (201, [])
    again = call(PUT, body=body["registration"])
    assert (again.status_code, json.loads(again.get_body())) == (200, body)

    whole = sync(app)
    tags = service.tags_in("WestEurope")
    wanted = {p for tag in tags for p in ipv4_of(published()[tag]["properties"]["addressPrefixes"])}
    assert {version["serviceTag"] for version in whole["versions"]} == {*tags}
    assert written(azure) == wanted

    found = findings(whole)
    said = "".join(found.get(code, "") for code in ("NsgDeniesService", "NsgDeniesOptional"))
    assert bool(said) is (service.inbound is not None)
    if service.inbound is not None:
        tag = service.inbound.service_tag.replace("{region}", "WestEurope")
        assert (
            f"keeps out TCP {service.inbound.ports} from {tag}, which {service.name} needs" in said
        )
        assert (service.unless in said) is (service.inbound.only is None)
    assert "454" not in said or service.name == "appServiceEnvironment"


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
def test_what_is_said_about_effective_routing_names_the_service(azure, allow, table, service):
    app = allow(service.name)
    put(**asked_for(service))
    wanted = ipv4_of(published()[service.tags_in("WestEurope")[0]]["properties"]["addressPrefixes"])
    wide = next(prefix for prefix in sorted(wanted) if not prefix.endswith("/32"))
    inside = f"{wide.split('/')[0]}/32"
    table.routes = [route("default", "0.0.0.0/0"), to_firewall(inside, "theirs")]

    found = findings(sync(app, mode=Mode.PLAN))

    assert f"the addresses of {service.name} would go there too" in found["NotForcedTunnelled"]
    assert f"{wide} of {service.name}: route theirs takes {inside}" in found["MoreSpecificRoute"]


@pytest.mark.parametrize("service", [one for one in SERVICES if one.inbound], ids=lambda o: o.name)
def test_the_inbound_rule_of_each_service_is_seen(azure, allow, service):
    app = allow(service.name)
    table = add_table(azure.state, "one", [FIREWALL])
    tag = service.inbound.service_tag.replace("{region}", "WestEurope")
    let_in = rule("in", 100, source=tag, ports=service.inbound.ports)
    add_environment(azure.state, "one", table=table, rules=[let_in])
    assert put(**asked_for(service))[0] == 201
    found = findings(sync(app))
    said = f"in let in TCP {service.inbound.ports} from {tag}"
    assert said in found["NsgAllows"]
    assert not {"NsgDeniesService", "NsgDeniesOptional", "NsgNotSure"} & found.keys()


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
def test_tag_routes_are_written_or_refused_with_the_tag_that_may_have_none(
    azure, app, table, service
):
    tags = service.tags_in("WestEurope")
    refused = [tag for tag in tags if not PUBLISHED["AzureCloud"].says(tag)]
    status, body = put(**asked_for(service), routeStyle="serviceTag")
    if refused:
        assert status == 400
        details = body["error"]["details"]
        assert [one["target"] for one in details] == ["routeStyle"] * len(refused)
        assert all(tag in one["message"] for tag, one in zip(refused, details, strict=True))
    else:
        assert status == 201
        assert sync(app)["status"] == "Succeeded"
        assert written(azure) == {*tags}


def test_databricks_in_west_europe_is_four_tag_routes(azure, app, table):
    assert put(service="databricks", region=REGION, routeStyle="serviceTag")[0] == 201
    sync(app)
    regional = {"Sql.WestEurope", "Storage.WestEurope", "EventHub.WestEurope"}
    assert written(azure) == {"AzureDatabricks", *regional}


def test_databricks_in_west_europe_is_715_prefixes_if_the_table_has_room(azure, app, table):
    assert put(service="databricks", region=REGION)[0] == 201
    whole = sync(app)
    assert outcome_of(whole, "one")["status"] == "changed"
    assert len(written(azure)) == 715


def test_databricks_does_not_fit_into_a_table_of_the_older_limit(azure, app, table):
    azure.state.limits["RoutesPerRouteTable"] = 400
    assert put(service="databricks", region=REGION)[0] == 201
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "blocked"
    assert "NoCapacity" in {one["code"] for one in outcome["violations"]}
    assert len(written(azure)) <= 399


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("HDInsight", "NsgAllows"),
        ("hdinsight", "NsgAllows"),
        ("Internet", "NsgAllows"),
        ("HDInsight.WestEurope", "NsgNotSure"),
        ("HDInsightOther", "NsgDeniesService"),
        ("ApiManagement", "NsgDeniesService"),
        ("AppServiceManagement", "NsgDeniesService"),
    ],
)
def test_which_sources_let_a_service_in(azure, allow, source, code):
    app = allow("hdInsight")
    table = add_table(azure.state, "one", [FIREWALL])
    add_environment(
        azure.state, "one", table=table, rules=[rule("in", 100, source=source, ports="443")]
    )
    assert put(service="hdInsight")[0] == 201
    assert {"NsgAllows", "NsgNotSure", "NsgDeniesService"} & findings(sync(app)).keys() == {code}


@pytest.mark.parametrize(
    ("priority", "code"), [(299, "NsgNotSure"), (301, "NsgDeniesService"), (None, "NsgNotSure")]
)
def test_a_rule_for_a_region_lets_nothing_in_after_the_rule_that_denies(
    azure, allow, priority, code
):
    app = allow("hdInsight")
    table = add_table(azure.state, "one", [FIREWALL])
    deny = rule("deny", 300, access="Deny", source="Internet", ports="*")
    region = rule("in", priority or 400, source="HDInsight.WestEurope", ports="443")
    rules = [region] if priority is None else [deny, region]
    add_environment(azure.state, "one", table=table, rules=rules)
    assert put(service="hdInsight")[0] == 201
    assert {"NsgAllows", "NsgNotSure", "NsgDeniesService"} & findings(sync(app)).keys() == {code}


@pytest.mark.parametrize("source", ["BatchNodeManagement", "BatchNodeManagement.WestEurope"])
def test_a_tag_without_its_region_lets_its_regions_in(azure, allow, source):
    app = allow("batch")
    table = add_table(azure.state, "one", [FIREWALL])
    let_in = rule("in", 100, source=source, ports=["29876", "29877"])
    add_environment(azure.state, "one", table=table, rules=[let_in])
    assert put(service="batch", region=REGION)[0] == 201
    assert "in let in TCP 29876-29877" in findings(sync(app))["NsgAllows"]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("hdInsight", "NsgNone", "TCP 443 from HDInsight is let in"),
        ("apiManagement", "NsgMissing", "TCP 3443 from ApiManagement, which apiManagement needs"),
        ("entraDomainServices", "NsgMissing", "TCP 5986 from AzureActiveDirectoryDomainServices"),
    ],
)
def test_a_subnet_without_a_security_group(azure, allow, table, name, code, said):
    app = allow(name)
    del subnet_of(azure.state, "one")["networkSecurityGroup"]
    assert put(service=name)[0] == 201
    found = findings(sync(app))
    assert {"NsgNone", "NsgMissing"} & found.keys() == {code}
    assert said in found[code]


@pytest.mark.parametrize(
    ("name", "routes", "is_said"),
    [
        ("entraDomainServices", [FIREWALL], True),
        ("entraDomainServices", [to_firewall("0.0.0.0/1", "half")], True),
        ("entraDomainServices", [route("out", "0.0.0.0/0")], False),
        ("entraDomainServices", [to_firewall("10.0.0.0/8")], False),
        ("hdInsight", [FIREWALL], False),
    ],
)
def test_a_default_route_that_microsoft_does_not_support(azure, allow, name, routes, is_said):
    app = allow(name)
    add_environment(azure.state, "one", table=add_table(azure.state, "one", routes), rules=[])
    assert put(service=name)[0] == 201
    found = findings(sync(app)).get("DefaultRouteNotSupported", "")
    assert (routes[0]["name"] in found) is is_said


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
def test_the_page_of_a_table_says_what_its_service_needs_the_routes_for(app, table, service):
    assert put(**asked_for(service))[0] == 201
    page = unescape(call(SHOW, params={"routeTable": table_id("one")}).get_body().decode())
    assert f"<dt>Service</dt><dd>{service.title}" in page
    assert f"{service.why} {service.unless}" in page
    assert (f", {REGION}. " in page) is service.is_regional


def test_firewalls_get_the_lists_of_an_allowed_service(app, table):
    assert put(service="databricks", region=REGION)[0] == 201
    sync(app)
    known = ("Sql.WestEurope", "AzureDatabricks", "ApiManagement")
    asked = {
        name: call(LIST, ids={"name": f"{name}.txt"}) for name in (*known, "Sql", "Sql.EastUS")
    }
    assert {name: asked[name].status_code for name in known} == dict.fromkeys(known, 200)
    assert asked["Sql"].status_code == 404
    assert asked["Sql.EastUS"].status_code == 503
    prefixes = published()["Sql.WestEurope"]["properties"]["addressPrefixes"]
    assert {*asked["Sql.WestEurope"].get_body().decode().split()} == {*prefixes}


def test_a_service_is_no_list_and_the_answer_names_the_lists_of_its_tags(app, table):
    assert put(service="databricks", region=REGION)[0] == 201
    sync(app)
    answer = call(LIST, ids={"name": "databricks.txt"})
    error = json.loads(answer.get_body())["error"]
    assert (answer.status_code, error["code"]) == (404, "ListNotFound")
    assert "AzureDatabricks, Sql.{region}, Storage.{region}, EventHub.{region}" in error["message"]
