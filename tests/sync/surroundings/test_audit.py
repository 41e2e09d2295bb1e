"""What every report says of a table's environment."""

from typing import Any

import pytest

from local.azure.faults import refusal
from shared.domain.armid import EnvironmentId
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.run import Mode
from tests.builders.azure import (
    add_environment,
    add_table,
    answer,
    ase_id_of,
    history,
    published_ipv4,
    rid,
    subnet_id_of,
    subnet_of,
    table_id,
    tag_document,
)
from tests.builders.routes import owned_prefixes, rule, to_firewall
from tests.builders.runs import TAG, keep, outcome_of, register, sync

A = "20.0.0.0/24"
LET_IN = rule("in", 100)


@pytest.fixture
def enrol(azure, app):
    """A table registered with its environment."""

    def enrolled(name="one", **environment):
        table = add_table(azure.state, name, [to_firewall()])
        table.subnets.clear()
        around: dict[str, Any] = {"table": table, "rules": [LET_IN], "management": [A]}
        add_environment(azure.state, name, **{**around, **environment})
        ase_id = EnvironmentId.parse(ase_id_of(name))
        keep(app, RegisteredTable(rid(name), Registration((TAG,), ase_id)))
        answer(azure, A)
        return table

    return enrolled


def findings(app, name="one", mode=Mode.APPLY):
    outcome = outcome_of(sync(app, mode=mode), name)
    return {finding["code"]: finding["message"] for finding in outcome["findings"]}


def test_of_a_table_that_is_as_it_must_be_only_the_good_is_said(app, enrol):
    enrol()
    assert findings(app).keys() == {"NsgAllows", "NsgWiderByRoutes"}


def test_a_table_without_an_environment_is_not_audited(azure, app):
    add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, A)
    assert findings(app) == {}
    assert not any("Microsoft.Web" in entry["path"] for entry in azure.state.log)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_plan_and_a_run_are_audited_alike(app, enrol, mode):
    enrol(rules=[])
    assert "DenyAllInBound" in findings(app, mode=mode)["NsgDenies"]


@pytest.mark.parametrize(
    ("rules", "code", "named"),
    [
        ([], "NsgDenies", "DenyAllInBound"),
        ([rule("no", 99 + 1, access="Deny", source="*", ports="*")], "NsgDenies", "rule no "),
        ([rule("vnet", 100, access="Deny", source="VirtualNetwork")], "NsgNotSure", "rule vnet "),
        ([LET_IN], "NsgAllows", "in let in TCP 454-455"),
        (None, "NsgNone", "no network security group"),
    ],
)
def test_whether_the_management_is_let_in(app, enrol, rules, code, named):
    enrol(rules=rules)
    assert named in findings(app)[code]


@pytest.mark.parametrize(
    ("kind", "port", "other"), [("ASEV2", "16001", "80"), ("ASEV3", "80", "16001")]
)
@pytest.mark.parametrize("source", ["*", "AzureLoadBalancer", "168.63.129.16", "0.0.0.0/0"])
def test_a_group_that_keeps_out_the_load_balancers_probe_is_named(
    app, enrol, kind, port, other, source
):
    enrol(kind=kind, rules=[LET_IN, rule("no", 200, access="Deny", source=source, ports=port)])
    enrol("two", kind=kind, rules=[LET_IN, rule("no", 200, access="Deny", ports=other)])
    said = findings(app)["NsgDeniesLoadBalancer"]
    assert f"rule no keeps out TCP {port} from AzureLoadBalancer" in said
    assert "NsgDeniesLoadBalancer" not in findings(app, "two")


def test_a_rule_against_the_internet_is_none_against_the_load_balancer(app, enrol):
    enrol(rules=[LET_IN, rule("no", 200, access="Deny", source="Internet", ports="*")])
    assert "NsgDeniesLoadBalancer" not in findings(app)


@pytest.mark.parametrize(
    ("rules", "code"), [([], "NsgDenies"), ([LET_IN], "NsgAllows"), (None, "NsgNone")]
)
def test_that_security_admin_rules_are_not_visible_is_said(app, enrol, rules, code):
    enrol(rules=rules)
    said = "security admin rules of Azure Virtual Network Manager"
    assert f"{said} go first and are not visible here" in findings(app)[code]


def test_an_environment_that_is_suspended_is_named(azure, app, enrol):
    enrol()
    [environment] = azure.state.environments.values()
    environment.properties["suspended"] = True
    assert "Azure has suspended" in findings(app)["EnvironmentSuspended"]
    assert app.registry.get(rid("one")).status.suspended
    environment.properties["suspended"] = False
    assert "EnvironmentSuspended" not in findings(app)
    assert not app.registry.get(rid("one")).status.suspended


def test_a_list_of_addresses_has_to_hold_every_one_of_the_tag(azure, app, enrol):
    enrol(rules=[rule("in", 100, source=sorted(published_ipv4(history()[0])))])
    azure.state.tags.answers.clear()
    assert "NsgAllows" in findings(app)
    azure.state.tags.step(37)
    assert "NsgDenies" in findings(app)


def test_a_recorded_prefix_that_is_out_of_bounds_need_not_be_let_in(azure, make_app, enrol):
    enrol(rules=[rule("in", 100, source=A)])
    answer(azure, A, "23.0.0.0/8")
    assert "NsgDenies" in findings(make_app(MIN_PREFIX_LENGTH="8"))
    assert "NsgAllows" in findings(make_app(MIN_PREFIX_LENGTH="16"))


def test_a_table_that_is_not_on_the_subnet_is_named(app, azure, enrol):
    table = enrol(table=None)
    assert subnet_id_of("one") in findings(app)["NotAttached"]
    assert owned_prefixes(table) == {A}


def test_the_tables_own_list_of_subnets_counts(app, enrol):
    table = enrol()
    table.subnets.clear()
    assert "NotAttached" in findings(app)


def test_where_the_subnet_has_another_table_that_is_proposed_and_not_written(azure, app, enrol):
    enrol()
    other = add_table(azure.state, "other", [to_firewall()])
    subnet_of(azure.state, "one")["routeTable"] = {"id": other.resource_id}
    assert table_id("other") in findings(app)["OtherRouteTable"]
    assert other.routes == [to_firewall()]


def test_of_a_table_that_is_gone_the_subnets_new_one_is_proposed(azure, app, enrol):
    enrol()
    moved = add_table(azure.state, "moved", [to_firewall()])
    subnet_of(azure.state, "one")["routeTable"] = {"id": moved.resource_id}
    del azure.state._resources[rid("one").key]
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", "RouteTableNotFound")
    [message] = [f["message"] for f in outcome["findings"] if f["code"] == "OtherRouteTable"]
    assert table_id("moved") in message
    assert moved.routes == [to_firewall()]


def test_an_asev3_needs_none_of_it(app, enrol):
    enrol(kind="ASEV3")
    assert "needs none of these routes" in findings(app)["NotNeeded"]


@pytest.mark.parametrize("kind", ["asev2", "ASEV1"])
def test_the_kind_is_written_in_any_case(app, enrol, kind):
    enrol(kind=kind)
    assert "NotNeeded" not in findings(app)


@pytest.mark.parametrize(
    ("path", "status", "body", "code"),
    [
        ("hostingEnvironments/one$", 403, {"code": "AuthorizationFailed"}, "AuthorizationFailed"),
        ("/subnets/", 403, {"code": "AuthorizationFailed"}, "AuthorizationFailed"),
        ("networkSecurityGroups", 403, {"code": "AuthorizationFailed"}, "AuthorizationFailed"),
        ("/subnets/", 503, {"code": "ServiceUnavailable"}, "NotAudited"),
        ("hostingEnvironments/one$", 404, {"code": "ResourceNotFound"}, "EnvironmentNotFound"),
        ("/subnets/", 404, {"code": "NotFound"}, "SubnetNotFound"),
    ],
)
@pytest.mark.usefixtures("nobody_waits")
def test_what_cannot_be_read_is_said_and_stands_in_nobodys_way(
    azure, app, enrol, path, status, body, code
):
    table = enrol()
    azure.state.faults.append(refusal("GET", path, status, body, times=99))
    whole = sync(app)
    assert whole["status"] == "Succeeded"
    assert code in [f["code"] for f in outcome_of(whole, "one")["findings"]]
    assert owned_prefixes(table) == {A}


@pytest.mark.parametrize(
    ("path", "answer_"),
    [
        ("hostingEnvironments/one$", []),
        ("hostingEnvironments/one$", {"id": "/x"}),
        ("/subnets/", {"properties": {}}),
        ("/subnets/", None),
        ("/subnets/", {"id": subnet_id_of("one"), "etag": "1", "properties": None}),
        (
            "/subnets/",
            {"id": subnet_id_of("one"), "etag": "1", "properties": {"routeTable": {"id": "/x"}}},
        ),
        ("networkSecurityGroups", {"properties": {"securityRules": None}}),
        ("networkSecurityGroups", {"properties": {"defaultSecurityRules": []}}),
    ],
)
def test_an_answer_that_is_not_understood_stands_in_nobodys_way(azure, app, enrol, path, answer_):
    table = enrol()
    azure.state.faults.append(refusal("GET", path, 200, answer_, times=99))
    whole = sync(app)
    assert whole["status"] == "Succeeded"
    outcome = outcome_of(whole, "one")
    assert "UnexpectedAnswer" in {f["message"].split(": ")[1] for f in outcome["findings"]}
    assert owned_prefixes(table) == {A}


def test_a_rule_that_is_not_understood_is_said(azure, app, enrol):
    enrol(rules=[rule("odd", 100, ports="https")])
    assert "UnexpectedAnswer" in findings(app)["NotAudited"]


def test_a_network_in_another_subscription_is_named(azure, app, enrol):
    enrol()
    [environment] = azure.state.environments.values()
    elsewhere = environment.virtual_network["id"].replace("1111", "2222")
    environment.virtual_network["id"] = elsewhere
    assert elsewhere in findings(app)["VirtualNetworkInOtherSubscription"]


def test_a_network_that_is_not_understood_is_named(azure, app, enrol):
    enrol()
    [environment] = azure.state.environments.values()
    environment.virtual_network = {"id": "/subscriptions/x/Microsoft.ClassicNetwork/vnet"}
    assert "SubnetUnknown" in findings(app)


OUTBOUND: dict[str, Any] = {"direction": "Outbound", "source": "*", "ports": "*"}


@pytest.fixture
def audit_elsewhere(azure, make_app):
    """The findings of a table of another service, on a subnet with these rules."""

    def audited(*tags, rules=(), **subnet):
        table = add_table(azure.state, "one", [to_firewall()])
        table.subnets.clear()
        add_environment(azure.state, "one", table=table, rules=rules, **subnet)
        documents = [tag_document([A], tag) for tag in tags]
        values = [value for document in documents for value in document["values"]]
        azure.state.tags.answers["westeurope"] = {"cloud": "Public", "values": values}
        app = make_app(ALLOWED_SERVICE_TAGS=",".join(tags))
        register(app, "one", tags=tags)
        return findings(app)

    return audited


def test_rules_about_the_virtual_network_are_named_because_its_tag_contains_the_routes(app, enrol):
    enrol(rules=[LET_IN, rule("spokes", 200, source="VirtualNetwork", ports="443")])
    said = findings(app)["NsgWiderByRoutes"]
    assert "spokes (inbound, allows), AllowVnetInBound (inbound, allows)" in said
    assert "AllowVnetOutBound (outbound, allows)" in said


def test_a_rule_that_decides_about_all_traffic_ends_what_later_rules_mean(app, enrol):
    deny_all = {"access": "Deny", "source": "*", "ports": "*"}
    enrol(rules=[LET_IN, rule("no", 200, **deny_all), rule("no-out", 200, **deny_all | OUTBOUND)])
    assert "NsgWiderByRoutes" not in findings(app)


@pytest.mark.parametrize(
    "field",
    [
        {"ports": "443"},
        {"source": "10.0.0.0/8"},
        {"destination": "10.1.0.0/24"},
        {"protocol": "Tcp"},
        {"sourcePortRange": "1024"},
    ],
)
def test_a_rule_about_some_traffic_leaves_the_rest_to_later_rules(app, enrol, field):
    enrol(
        rules=[LET_IN, rule("no", 200, **{"access": "Deny", "source": "*", "ports": "*"} | field)]
    )
    assert "AllowVnetInBound" in findings(app)["NsgWiderByRoutes"]


def test_an_outbound_rule_against_the_virtual_network_may_keep_in_the_routes_traffic(app, enrol):
    no_lateral = rule("isolate", 300, access="Deny", destination="VirtualNetwork", **OUTBOUND)
    enrol(rules=[LET_IN, no_lateral])
    said = findings(app)
    assert "isolate (outbound, denies) may keep in" in said["NsgDeniesRoutes"]
    assert "isolate" not in said["NsgWiderByRoutes"]


def test_of_a_subnet_with_another_table_nothing_is_said_about_these_routes(azure, app, enrol):
    enrol()
    other = add_table(azure.state, "other", [to_firewall()])
    subnet_of(azure.state, "one")["routeTable"] = {"id": other.resource_id}
    assert "NsgWiderByRoutes" not in findings(app)


def test_of_another_services_table_its_own_subnets_are_looked_at(azure, audit_elsewhere):
    assert "AllowVnetInBound" in audit_elsewhere("Storage")["NsgWiderByRoutes"]
    assert not any("Microsoft.Web" in entry["path"] for entry in azure.state.log)


@pytest.mark.parametrize("path", ["/subnets/", "networkSecurityGroups"])
def test_a_role_that_reaches_only_the_table_is_no_finding(azure, audit_elsewhere, path):
    azure.state.faults.append(refusal("GET", path, 403, {"code": "AuthorizationFailed"}, times=99))
    assert audit_elsewhere("Storage") == {}
    assert any(path in entry["path"] for entry in azure.state.log)


def endpoint(service="Microsoft.Storage", *locations):
    """Return it as Azure answers it."""
    listed = {"locations": list(locations)} if locations else {}
    return {"provisioningState": "Succeeded", "service": service, **listed}


@pytest.mark.parametrize(
    ("service", "tag"),
    [
        ("Microsoft.Storage", "Storage"),
        ("microsoft.storage.global", "Storage.EastUS"),
        ("Microsoft.Sql", "Sql"),
        ("Microsoft.EventHub", "EventHub.WestEurope"),
        ("Microsoft.KeyVault", "AzureKeyVault"),
        ("Microsoft.Web", "AppService"),
    ],
)
def test_a_service_endpoint_goes_before_the_routes_of_its_services_tag(
    audit_elsewhere, service, tag
):
    said = audit_elsewhere(tag, serviceEndpoints=[endpoint(service)])["ServiceEndpointFirst"]
    assert f"service endpoint {service} of subnet " in said
    assert said.endswith(f"goes before the routes of {tag}")


@pytest.mark.parametrize(
    ("tag", "locations", "concerned"),
    [
        ("Storage.WestEurope", ["westeurope", "northeurope"], True),
        ("Storage.EastUS", ["westeurope", "northeurope"], False),
        ("Storage.EastUS", ["*"], True),
        ("Storage.EastUS", ["East US"], True),
        ("Storage", ["westeurope"], True),
        ("StorageSyncService", ["westeurope"], False),
        ("AzureDatabricks", ["*"], False),
    ],
)
def test_a_service_endpoint_has_addresses_of_its_own_locations_alone(
    audit_elsewhere, tag, locations, concerned
):
    endpoints = [endpoint("Microsoft.Storage", *locations)]
    said = audit_elsewhere(tag, serviceEndpoints=endpoints)
    assert ("ServiceEndpointFirst" in said) is concerned


def test_a_service_endpoint_names_each_tag_that_it_goes_before(audit_elsewhere):
    tags = ("AzureDatabricks", "Storage.WestEurope", "Storage.NorthEurope", "Sql.WestEurope")
    said = audit_elsewhere(*tags, serviceEndpoints=[endpoint()])["ServiceEndpointFirst"]
    assert said.endswith("the routes of Storage.WestEurope, Storage.NorthEurope")


def test_no_service_endpoint_goes_before_the_management_routes(app, enrol):
    enrol(serviceEndpoints=[endpoint(), endpoint("Microsoft.Web"), endpoint("Microsoft.Sql")])
    assert "ServiceEndpointFirst" not in findings(app)


@pytest.mark.parametrize(("count", "read"), [(9, 9), (10, 10), (11, 10)])
def test_of_many_subnets_only_the_first_are_looked_at(azure, make_app, count, read):
    table = add_table(azure.state, "one", [to_firewall()])
    table.subnets[:] = [f"{subnet_id_of('one')}-{number}" for number in range(count)]
    azure.state.tags.answers["westeurope"] = tag_document([A], "Storage")
    app = make_app(ALLOWED_SERVICE_TAGS="Storage")
    register(app, "one", tags=["Storage"])
    assert findings(app) == {}
    assert sum("/subnets/" in entry["path"] for entry in azure.state.log) == read


@pytest.mark.usefixtures("nobody_waits")
def test_subnets_of_another_services_table_that_do_not_answer_are_said(azure, audit_elsewhere):
    unavailable = {"code": "ServiceUnavailable"}
    azure.state.faults.append(refusal("GET", "/subnets/", 503, unavailable, times=99))
    said = audit_elsewhere("Storage")
    assert said["NotAudited"].startswith(f"{rid('one')}: ServiceUnavailable")
