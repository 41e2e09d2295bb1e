"""App Service Environments over HTTP: found, registered, provisioned, audited."""

import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

import function_app
from local.azure.authorization import OWNER as OWNER_ROLE
from local.azure.authorization import Role
from local.azure.faults import refusal
from local.azure.resources import RouteTable
from shared.messages import RunMessage
from shared.storage.entities import MAX_ENTITY_BYTES
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    ase_id_of,
    subnet_id_of,
    subnet_of,
    table_id,
    table_writes,
    tag_document,
)
from tests.builders.clocks import wait_until
from tests.builders.held import Held
from tests.builders.routes import foreign_routes, owned, owned_prefixes, route, rule, to_firewall
from tests.storage.test_entities import incompressible

A, B, C = "20.0.0.0/24", "20.0.1.7/32", "20.0.2.0/24"
TAG = "AppServiceManagement"
ENVIRONMENTS = "/providers/Microsoft.Web/hostingEnvironments"


@pytest.fixture
def an_ase(azure):
    """An environment with a table on its subnet, and a group that lets its management in."""
    azure.state.tags.answers["westeurope"] = tag_document([A, C])

    def added(name, subscription=SUBSCRIPTION, routes=(), **environment):
        table = add_table(azure.state, name, [to_firewall(), *routes], subscription)
        table.subnets.clear()
        around: dict[str, Any] = {"table": table, "rules": [rule("in", 100)], **environment}
        add_environment(azure.state, name, subscription=subscription, **around)
        return table

    return added


def register(host, resource_id, **body):
    return host.request("PUT", f"/api/route-tables{resource_id}", json=body)


def run_to_end(host, path="sync", **body):
    answer = host.request("POST", f"/api/{path}", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"].endswith(f"/api/runs/{answer.json()['runId']}")
    return host.ended_run(answer.json()["runId"])


def discover(host, **body):
    """Return the result of a discovery of which nothing has failed."""
    whole = run_to_end(host, "discover", **body)
    assert (whole["action"], whole["status"], whole["error"]) == ("discover", "Succeeded", None)
    assert whole["result"]["errors"] == []
    return whole["result"]


def refused(answer):
    """The code of what the caller got wrong, and every fault by its place."""
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    return error["code"], {d["target"]: d["message"] for d in error.get("details", ())}


def codes(outcome):
    return {finding["code"] for finding in outcome["findings"]}


# -- 1. Register by ASE, discover --


@pytest.mark.parametrize("kind", ["ASEV2", "ASEV3"])
def test_an_environments_id_alone_registers_the_table_of_its_subnet(an_ase, host, kind):
    table = an_ase("one", kind=kind)
    body = {"acknowledge": True} if kind == "ASEV3" else {}
    created = register(host, ase_id_of("one"), note="by its id", **body)
    assert created.status_code == 201
    assert created.json()["routeTableId"] == table_id("one")
    registration = created.json()["registration"]
    assert (registration["aseId"], registration["note"]) == (ase_id_of("one"), "by its id")
    assert register(host, ase_id_of("one").upper(), **body).status_code == 200
    assert run_to_end(host, ases=[ase_id_of("one").upper()])["counts"]["changed"] == 1
    assert owned_prefixes(table) == {A, C}


def test_why_an_environment_cannot_be_registered_is_a_named_fault(azure, an_ase, host):
    an_ase("bare", table=None)
    an_ase("elsewhere")
    network = azure.state.environments[ase_id_of("elsewhere").lower()].virtual_network
    network["id"] = network["id"].replace(SUBSCRIPTION, OTHER_SUBSCRIPTION)
    an_ase("classic")
    azure.state.environments[ase_id_of("classic").lower()].virtual_network = {"id": "/x"}
    an_ase("hidden")
    azure.state.faults.append(
        refusal("GET", "hostingEnvironments/hidden$", 403, {"code": "AuthorizationFailed"})
    )
    for name, code in (
        ("bare", "SubnetWithoutRouteTable"),
        ("elsewhere", "VirtualNetworkInOtherSubscription"),
        ("classic", "SubnetUnknown"),
        ("hidden", "AuthorizationFailed"),
        ("nowhere", "EnvironmentNotFound"),
    ):
        assert refused(register(host, ase_id_of(name)))[0] == code
    group = table_id("one").replace("routeTables", "networkSecurityGroups")
    assert refused(register(host, group))[0] == "InvalidRouteTableId"
    assert "aseId" in refused(register(host, table_id("one"), aseId=group))[1]
    assert host.request("GET", "/api/route-tables").json()["value"] == []


def test_discover_shows_what_stands_around_each_and_what_is_wrong(azure, an_ase, host):
    azure.state.page_size = 1
    an_ase("good")
    an_ase("denied", rules=[])
    an_ase("bare", table=None)
    an_ase("other", OTHER_SUBSCRIPTION)
    an_ase("three", kind="ASEV3")
    register(host, ase_id_of("good"))
    run_to_end(host)
    azure.state.log.clear()
    found = {entry["aseId"].rsplit("/", 1)[1]: entry for entry in discover(host)["value"]}
    assert found.keys() == {"good", "denied", "bare", "other", "three"}
    assert found["good"] == {
        "aseId": ase_id_of("good"),
        "kind": "ASEV2",
        "location": "westeurope",
        "subnetId": subnet_id_of("good"),
        "routeTableId": table_id("good"),
        "networkSecurityGroupId": subnet_id_of("good")
        .split("/subnets/")[0]
        .replace("virtualNetworks", "networkSecurityGroups"),
        "registered": True,
        "faults": [],
    }

    def wrong(name):
        return {fault["code"] for fault in found[name]["faults"]}

    assert not found["denied"]["registered"]
    assert wrong("denied") == {"NsgDenies"}
    assert (found["bare"]["routeTableId"], wrong("bare")) == (None, {"SubnetWithoutRouteTable"})
    assert wrong("three") == {"NotNeeded"}
    assert found["other"]["subnetId"] == subnet_id_of("other", OTHER_SUBSCRIPTION)
    of_one = discover(host, subscriptions=[OTHER_SUBSCRIPTION])
    assert [entry["aseId"] for entry in of_one["value"]] == [found["other"]["aseId"]]
    assert azure.state.writes() == []


def test_one_subscriptions_failure_does_not_hide_the_others(azure, an_ase, host):
    an_ase("one")
    forbidden = refusal(
        "GET", f"{OTHER_SUBSCRIPTION}/providers/Microsoft.Web", 403, {"code": "AuthorizationFailed"}
    )
    azure.state.faults.append(forbidden)
    whole = run_to_end(host, "discover", register=True)
    assert [entry["registered"] for entry in whole["result"]["value"]] == [True]
    [error] = whole["result"]["errors"]
    assert (error["subscriptionId"], error["code"]) == (OTHER_SUBSCRIPTION, "AuthorizationFailed")
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")
    assert OTHER_SUBSCRIPTION in whole["error"]["message"]


def test_a_discovery_is_a_run_that_is_asked_for_until_it_has_ended(azure, an_ase, host):
    an_ase("one", routes=[owned(A)])
    held = Held(azure.state, "hostingEnvironments")
    answer = host.request("POST", "/api/discover", json={"owner": "asemgmt"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (202, "5")
    body, location = answer.json(), answer.headers["Location"]
    assert body == {"runId": body["runId"], "status": "Running", "statusQueryGetUri": location}

    held.wait_for(1)
    meanwhile = host.request("GET", f"/api/runs/{body['runId']}")
    assert (meanwhile.status_code, meanwhile.headers["Location"]) == (202, location)
    assert meanwhile.json()["result"]["value"] == []
    held.let_go()

    whole = host.ended_run(body["runId"])
    assert (whole["action"], whole["trigger"], whole["mode"]) == ("discover", "http", "apply")
    assert (whole["versions"], whole["outcomes"]) == ([], [])
    assert len(whole["result"]["value"]) == len(whole["result"]["routeTables"]) == 1
    [listed] = host.request("GET", "/api/runs").json()["value"]
    assert (listed["action"], listed["status"]) == ("discover", "Succeeded")
    assert "result" not in listed


def test_a_start_message_that_comes_twice_changes_nothing(azure, an_ase, host, storage):
    an_ase("one")
    an_ase("two", OTHER_SUBSCRIPTION)
    run_id = host.request("POST", "/api/discover", json={"register": True}).json()["runId"]
    queue = QueueClient.from_connection_string(
        storage, function_app.RUNS, message_encode_policy=TextBase64EncodePolicy()
    )
    for _ in range(2):
        queue.send_message(str(RunMessage(run_id)))
    whole = host.ended_run(run_id)
    assert (whole["status"], len(whole["result"]["value"])) == ("Succeeded", 2)
    wait_until(lambda: queue.get_queue_properties().approximate_message_count == 0)
    assert host.request("GET", f"/api/runs/{run_id}").json() == whole
    assert len(host.request("GET", "/api/route-tables").json()["value"]) == 2


@pytest.mark.local_clock
def test_a_discovery_that_needs_more_than_one_message_ends_with_everything(azure, an_ase, host):
    for name in ("one", "two", "three"):
        an_ase(name)
    an_ase("other", OTHER_SUBSCRIPTION)
    at_once = discover(host)
    assert len(at_once["value"]) == 4

    azure.state.log.clear()
    held = Held(azure.state, "virtualNetworks/")
    run_id = host.request("POST", "/api/discover", json={}).json()["runId"]
    held.wait_for(1)
    host.set_clock(datetime.now(UTC) + timedelta(seconds=90))
    held.let_go()
    assert host.ended_run(run_id)["result"] == at_once
    listed = [e for e in azure.state.log if e["path"].endswith(f"{SUBSCRIPTION}{ENVIRONMENTS}")]
    assert len(listed) == 2  # by the first message, and by the next one


def test_a_result_that_no_row_can_hold_comes_back_whole(azure, an_ase, host):
    long = incompressible(40_000)
    error = {"error": {"code": "AuthorizationFailed", "message": long}}
    azure.state.faults.append(refusal("GET", "/subnets/", 403, error, times=99))
    names = [f"ase{number}" for number in range(20)]
    for name in names:
        an_ase(name)
    found = discover(host)["value"]
    assert {entry["aseId"] for entry in found} == {ase_id_of(name) for name in names}
    assert len(zlib.compress(json.dumps(found, ensure_ascii=False).encode())) > MAX_ENTITY_BYTES
    assert all(long in entry["faults"][0]["message"] for entry in found)


def test_discover_registers_all_that_can_be(azure, an_ase, host):
    an_ase("one")
    an_ase("two", OTHER_SUBSCRIPTION)
    an_ase("bare", table=None)
    an_ase("three", kind="ASEV3")
    known = an_ase("known")
    register(host, known.resource_id, note="kept", applyPolicy="additive")
    by_name = {e["aseId"].rsplit("/", 1)[1]: e for e in discover(host, register=True)["value"]}
    assert {n for n, e in by_name.items() if e["registered"]} == {"one", "two", "known"}
    listed = {
        entry["routeTableId"].rsplit("/", 1)[1]: entry["registration"]
        for entry in host.request("GET", "/api/route-tables").json()["value"]
    }
    assert listed.keys() == {"one", "two", "known"}
    assert listed["two"]["aseId"] == ase_id_of("two", OTHER_SUBSCRIPTION)
    assert (listed["known"]["note"], listed["known"]["applyPolicy"]) == ("kept", "additive")
    assert listed["known"]["aseId"] == ase_id_of("known")
    discover(host, register=True, acknowledge=True)
    assert host.request("GET", f"/api/route-tables{table_id('three')}").status_code == 200
    assert azure.state.writes() == []


def test_after_a_lost_store_the_tables_that_bear_the_stamp_are_found_again(
    azure, an_ase, make_host, azurite
):
    an_ase("one")
    alone = add_table(azure.state, "alone", [to_firewall()])
    add_table(azure.state, "theirs", [route("other--20.0.0.0_24", A)])
    first = make_host()
    for resource_id in (table_id("one"), alone.resource_id):
        register(first, resource_id)
    run_to_end(first)
    host = make_host(AzureWebJobsStorage=azurite())
    found = discover(host, owner="asemgmt")["routeTables"]
    assert [(t["routeTableId"], t["ownedRoutes"], t["aseId"], t["registered"]) for t in found] == [
        (table_id("one"), 2, ase_id_of("one"), False),
        (alone.resource_id, 2, None, False),
    ]
    discover(host, owner="asemgmt", register=True)
    listed = host.request("GET", "/api/route-tables").json()["value"]
    assert {(r["routeTableId"], r["registration"]["aseId"]) for r in listed} == {
        (table_id("one"), ase_id_of("one")),
        (alone.resource_id, None),
    }
    assert run_to_end(host)["counts"]["unchanged"] == 2


def test_bad_bodies_are_refused(an_ase, host):
    an_ase("one")

    def places(path, **body):
        return refused(host.request("POST", f"/api/{path}", json=body))[1].keys()

    assert places("discover", subscriptions=["x", SUBSCRIPTION]) == {"subscriptions.0"}
    assert places("discover", subscriptions=[]) == {"subscriptions"}
    assert places("discover", owner="Not Legal", register="yes", x=1) == {"owner", "register", "x"}
    assert places("provision") == {"aseId"}
    assert places("provision", aseId=table_id("one")) == {"aseId"}
    bad = {"mode": "now", "nsg": "fix", "tags": {"a?b": "c", "d": "x" * 257}, "x": 1}
    assert places("provision", aseId=ase_id_of("one"), **bad) >= {"mode", "nsg", "x"}


# -- 2. Where the addresses come from --


@pytest.mark.parametrize(
    ("source", "wanted"), [("serviceTag", {A, C}), ("ase", {A, B}), ("both", {A, B, C})]
)
def test_the_addresses_are_the_tags_the_environments_or_both(an_ase, host, source, wanted):
    table = an_ase("one", management=[A, B])
    created = register(host, ase_id_of("one"), addressSource=source)
    assert created.json()["registration"]["addressSource"] == source
    whole = run_to_end(host)
    assert owned_prefixes(table) == wanted
    [outcome] = whole["outcomes"]
    assert {"OnlyServiceTagKnows", "OnlyAseKnows"} <= codes(outcome)
    listed = host.request("GET", "/api/versions").json()["value"]
    by_source = {version["source"]: version for version in listed}
    assert by_source.keys() == {"serviceTag", "ase"}
    of_ase = by_source["ase"]
    assert (of_ase["serviceTag"], of_ase["addressPrefixes"]) == (None, [A, B])
    assert of_ase["locations"] == [ase_id_of("one").lower()]
    got = host.request("GET", f"/api/versions/{of_ase['versionId']}")
    assert got.json() == of_ase


def test_an_environment_whose_addresses_cannot_be_read_is_no_source(azure, an_ase, host):
    an_ase("one", management=[])
    assert "addressSource" in refused(register(host, ase_id_of("one"), addressSource="ase"))[1]
    assert register(host, ase_id_of("one")).status_code == 201


# -- 3. Provision --


def test_an_environment_without_a_table_is_given_one(azure, an_ase, host):
    an_ase("one", table=None, rules=[])
    asked = {"aseId": ase_id_of("one"), "nsg": "ensure", "tags": {"costCenter": "4711"}}
    plan = run_to_end(host, "provision", mode="plan", **asked)
    assert plan["counts"]["planned"] == 1
    assert azure.state.writes() == []
    whole = run_to_end(host, "provision", **asked)
    [outcome] = whole["outcomes"]
    assert (whole["status"], outcome["status"], outcome["added"]) == (
        "Succeeded",
        "changed",
        [A, C],
    )
    table = azure.state.find(RouteTable, outcome["routeTableId"].lower())
    assert table.tags == {"costCenter": "4711"}
    assert subnet_of(azure.state, "one")["routeTable"] == {"id": table.resource_id}
    listed = host.request("GET", "/api/route-tables").json()["value"]
    assert [(r["routeTableId"], r["registration"]["aseId"]) for r in listed] == [
        (table.resource_id, ase_id_of("one"))
    ]


def test_a_subnet_that_has_a_table_is_not_given_another(azure, an_ase, host):
    an_ase("one")
    an_ase("three", table=None, kind="ASEV3")

    def provision(name, **body):
        return host.request("POST", "/api/provision", json={"aseId": ase_id_of(name), **body})

    assert refused(provision("one"))[0] == "OtherRouteTable"
    assert refused(provision("nowhere"))[0] == "EnvironmentNotFound"
    assert "acknowledge" in refused(provision("three"))[1]
    assert azure.state.writes() == []
    assert host.request("GET", "/api/runs").json()["value"] == []


# -- 4. The network security group --


def test_the_report_says_whether_the_management_is_let_in(an_ase, host):
    an_ase("in")
    an_ase("out", rules=[rule("no", 200, access="Deny", source="*", ports="400-500")])
    for name in ("in", "out"):
        register(host, ase_id_of(name))
    outcomes = {o["routeTableId"]: o for o in run_to_end(host)["outcomes"]}
    assert "NsgAllows" in codes(outcomes[table_id("in")])
    assert "NsgDenies" in codes(outcomes[table_id("out")])


# -- 5. One route a service tag --


def test_one_route_of_the_tag_instead_of_one_for_each_address(azure, an_ase, host):
    table = an_ase("one")
    register(host, ase_id_of("one"))
    run_to_end(host)
    changed = register(host, ase_id_of("one"), routeStyle="serviceTag")
    assert (changed.status_code, changed.json()["registration"]["routeStyle"]) == (
        200,
        "serviceTag",
    )
    azure.state.log.clear()
    assert run_to_end(host)["counts"]["changed"] == 1
    assert len(table_writes(azure.state)) == 1
    assert owned_prefixes(table) == {TAG}
    assert foreign_routes(table) == [to_firewall()]


def test_why_a_tag_cannot_be_a_routes_prefix_is_said(azure, an_ase, make_host):
    azure.state.limits["RoutesWithServiceTagPerRouteTable"] = 1
    an_ase("one", routes=[route("monitoring", "AzureMonitor")], management=[A])
    azure.state.tags.answers.clear()
    host = make_host(ALLOWED_SERVICE_TAGS=f"{TAG},{TAG}.WestEurope")

    def why(**body):
        answer = register(host, table_id("one"), routeStyle="serviceTag", **body)
        return refused(answer)[1]["routeStyle"]

    assert f"may have {TAG}.WestEurope as its prefix" in why(serviceTags=[f"{TAG}.WestEurope"])
    assert why() == "the table would have 2 routes with a service tag and may have 1"
    assert "are no tag" in why(aseId=ase_id_of("one"), addressSource="ase")


# -- 6. What the routes really do --


def test_what_takes_addresses_elsewhere_and_what_is_not_seen_is_named(azure, an_ase, host):
    table = an_ase("one", routes=[to_firewall("20.0.0.9/32", "proxy"), owned(A), owned(C)])
    table.properties["disableBgpRoutePropagation"] = False
    add_table(azure.state, "open", [route("default", "0.0.0.0/0")])
    register(host, ase_id_of("one"))
    register(host, table_id("open"))
    subnet_of(azure.state, "one")["routeTable"] = {"id": table_id("new")}
    table.subnets.clear()
    outcomes = {o["routeTableId"]: o for o in run_to_end(host)["outcomes"]}
    one = {f["code"]: f["message"] for f in outcomes[table_id("one")]["findings"]}
    assert "proxy takes 20.0.0.9/32" in one["MoreSpecificRoute"]
    assert table_id("new") in one["OtherRouteTable"]
    assert "BgpRoutesNotVisible" in one
    assert "NotForcedTunnelled" in codes(outcomes[table_id("open")])
    assert not any("/new" in write["path"] for write in table_writes(azure.state))


# -- 7. ASEv3 --


def test_an_asev3_is_registered_only_where_that_is_acknowledged(an_ase, host):
    an_ase("three", kind="ASEV3")
    for resource_id, body in (
        (ase_id_of("three"), {}),
        (table_id("three"), {"aseId": ase_id_of("three")}),
    ):
        [(place, message)] = refused(register(host, resource_id, **body))[1].items()
        assert place == "acknowledge"
        assert "needs none of these routes" in message
        assert register(host, resource_id, **body, acknowledge=True).status_code == 201
        # What was acknowledged is not asked again.
        assert register(host, resource_id, **body, note="later").status_code == 200
        host.request("DELETE", f"/api/route-tables{table_id('three')}")


# -- Rights --


def test_an_environment_that_may_not_be_read_is_named_and_the_rest_goes_on(azure, an_ase, host):
    an_ase("one")
    an_ase("two")
    register(host, ase_id_of("one"))
    azure.state.identities.app.assignments = [
        ("/", Role("Network alone", OWNER_ROLE.actions, ("Microsoft.Web/*",)))
    ]
    assert refused(register(host, ase_id_of("two")))[0] == "AuthorizationFailed"
    whole = run_to_end(host)
    assert whole["status"] == "Succeeded"
    assert {"AuthorizationFailed", "NotCompared"} <= codes(whole["outcomes"][0])
    unread = run_to_end(host, "discover")
    assert {e["code"] for e in unread["result"]["errors"]} == {"AuthorizationFailed"}
    assert unread["status"] == "Failed"
