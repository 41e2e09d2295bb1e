"""A route table for an environment that has none."""

import pytest

from local.azure.authorization import OWNER as OWNER_ROLE
from local.azure.authorization import Role
from local.azure.faults import (
    LOST_SIGHT,
    WRONG_POLLS,
    FailOperation,
    InjectedFault,
    LoseRace,
    refusal,
)
from local.azure.policy_restrictions import DenyingPolicy
from local.azure.resources import RouteTable, SecurityGroup, VirtualNetwork
from shared.app import App
from shared.domain.armid import EnvironmentId
from shared.domain.errors import TransientError
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy, strictest
from shared.domain.runs.run import Action, Mode
from shared.sync.table.provision import provisioned_id
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
    unthrottled,
)
from tests.builders.routes import owned, owned_prefixes, route, rule, to_firewall
from tests.builders.runs import TAG, begin, codes, keep, run_report, sync
from tests.deliveries import deliver_although_killed, first_write_without_a_death

A, B = "20.0.0.0/24", "20.0.1.0/24"
ASE = EnvironmentId.parse(ase_id_of("one"))
TABLE = provisioned_id(ASE)
SUBNET = subnet_id_of("one")
ASSIGNMENT = "/providers/Microsoft.Authorization/policyAssignments/no-internet"


def asked(**changed):
    return {"action": Action.PROVISION, "ase_id": ASE, **changed}


def provision(app, mode=Mode.APPLY, **changed):
    whole = sync(app, str(TABLE), mode=mode, **asked(**changed))
    [outcome] = whole["outcomes"]
    return outcome


def table_of(azure):
    return azure.state.find(RouteTable, TABLE.key)


def rules_of(azure):
    group = SUBNET.split("/subnets/")[0].replace("virtualNetworks", "networkSecurityGroups")
    return azure.state.find(SecurityGroup, group.lower()).rules


def puts(azure):
    return [
        (e["path"].rsplit("/", 2)[1], e["body"])
        for e in azure.state.writes()
        if e["method"] == "PUT"
    ]


def test_an_environment_without_a_table_gets_one_with_every_address(azure, app):
    add_environment(azure.state, "one", rules=[rule("in", 100)])
    outcome = provision(app, azure_tags={"costCenter": "4711"})
    wanted = published_ipv4(history()[0])
    table = table_of(azure)
    assert outcome["status"] == "changed"
    assert {*outcome["added"]} == owned_prefixes(table) == wanted
    assert (table.location, table.tags) == ("westeurope", {"costCenter": "4711"})
    assert table.name == "one-Route-Table"
    assert table.subnets == [SUBNET]
    assert {"RouteTableCreated", "RouteTableAttached", "NsgAllows"} <= {*codes(outcome)}
    assert "NotAttached" not in codes(outcome)
    entry = app.registry.get(TABLE)
    assert entry.registration.ase_id == ASE
    assert entry.status.verified_at is not None
    assert [kind for kind, _ in puts(azure)] == ["routeTables", "subnets"]
    assert sync(app)["counts"]["unchanged"] == 1


def test_a_plan_says_that_a_policy_would_deny_the_new_table(azure, app):
    add_environment(azure.state, "one", rules=[rule("in", 100)])
    assert "PolicyWouldRefuse" not in codes(provision(app, Mode.PLAN))
    group = str(TABLE).split("/providers/")[0]
    azure.state.policies.append(DenyingPolicy(f"{group}{ASSIGNMENT}"))
    outcome = provision(app, Mode.PLAN)
    assert {"RouteTableCreated", "PolicyWouldRefuse"} <= {*codes(outcome)}
    assert provision(app)["error"]["code"] == "RequestDisallowedByPolicy"
    assert table_of(azure) is None


def test_nothing_else_of_the_subnet_is_changed(azure, app):
    network_id = SUBNET.split("/subnets/")[0].lower()
    add_environment(
        azure.state,
        "one",
        rules=[],
        delegations=[
            {"name": "d", "properties": {"serviceName": "Microsoft.Web/hostingEnvironments"}}
        ],
        serviceEndpoints=[{"service": "Microsoft.Sql", "locations": ["westeurope"]}],
        natGateway={"id": "/subscriptions/s/nat"},
        privateEndpointNetworkPolicies="Enabled",
        somethingNew={"a": [1, None]},
    )
    network = azure.state.find(VirtualNetwork, network_id)
    network.subnets.append({"name": "other", "properties": {"addressPrefix": "10.1.1.0/24"}})
    before, other = dict(subnet_of(azure.state, "one")), dict(network.subnets[1])
    etag = network.etag
    answer(azure, A)
    provision(app)
    [body] = [body for kind, body in puts(azure) if kind == "subnets"]
    assert body["properties"] == {**before, "routeTable": {"id": str(TABLE)}}
    after = subnet_of(azure.state, "one")
    assert {k: v for k, v in after.items() if k in before} == before
    assert after["routeTable"] == {"id": str(TABLE)}
    assert network.subnets[1] == other
    [write] = [e for e in azure.state.writes() if "/subnets/" in e["path"]]
    assert write["ifMatch"] == etag


def test_a_plan_shows_it_first_and_writes_nothing(azure, app):
    add_environment(azure.state, "one", rules=[])
    answer(azure, A, B)
    outcome = provision(app, Mode.PLAN, ensure_nsg=True)
    assert (outcome["status"], outcome["added"]) == ("planned", [A, B])
    assert {"RouteTableCreated", "RouteTableAttached", "NsgRuleAdded"} <= {*codes(outcome)}
    assert not {"NotAttached", "NsgDenies"} & {*codes(outcome)}
    assert azure.state.writes() == []
    assert app.registry.get(TABLE) is None


def test_a_plan_still_names_a_fault_that_it_does_not_mend(azure, app):
    add_environment(azure.state, "one", rules=[])
    answer(azure, A)
    found = {*codes(provision(app, Mode.PLAN))}
    assert "NsgDenies" in found and "NotAttached" not in found


def test_while_paused_it_is_a_plan(azure, make_app):
    add_environment(azure.state, "one")
    answer(azure, A)
    assert provision(make_app(PAUSED="true"))["status"] == "planned"
    assert azure.state.writes() == []


def test_once_done_there_is_nothing_to_do(azure, app):
    add_environment(azure.state, "one", rules=[])
    answer(azure, A)
    provision(app, ensure_nsg=True)
    azure.state.log.clear()
    for mode in Mode:
        assert provision(app, mode, ensure_nsg=True)["status"] == "unchanged"
    assert azure.state.writes() == []


@pytest.mark.parametrize("mode", list(Mode))
def test_a_subnet_with_another_table_is_refused(azure, app, mode):
    add_environment(azure.state, "one", table=add_table(azure.state, "theirs", [to_firewall()]))
    answer(azure, A)
    outcome = provision(app, mode)
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", "OtherRouteTable")
    assert "routeTables/theirs" in outcome["error"]["message"]
    assert azure.state.writes() == []


def test_a_table_of_that_name_with_routes_of_others_is_never_set_on_the_subnet(azure, app):
    add_environment(azure.state, "one")
    routes = [to_firewall(), owned(A)]
    azure.state.add_table(
        RouteTable(resource_id=str(TABLE), location="westeurope", routes=list(routes))
    )
    answer(azure, A)
    assert provision(app)["error"]["code"] == "RouteTableTaken"
    assert "routeTable" not in subnet_of(azure.state, "one")
    assert table_of(azure).routes == routes


# What Azure Policy (modify, deployIfNotExists) adds to a table within seconds.
POLICYS = route("to-hub", "10.0.0.0/8", "VirtualNetworkGateway")


def interrupted(azure, app, method, path, **fault) -> str:
    """Begin to provision, and be interrupted at this request; return the run's id."""
    run_id = begin(app, str(TABLE), **asked())
    app.run_start.start(run_id)
    azure.state.faults.append(refusal(method, path, 502, {}, **fault))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, TABLE)
    return run_id


def finished(app, run_id):
    app.tables.sync(run_id, TABLE)
    [outcome] = run_report(app, run_id)["outcomes"]
    return outcome


@pytest.mark.parametrize(
    ("method", "path", "bent"),
    [
        ("PUT", "Route-Table$", False),
        ("PUT", "/subnets/", False),
        ("PUT", "/subnets/", True),
    ],
    ids=["answer to the making lost", "made", "made, and our route is bent"],
)
def test_a_table_that_this_run_made_is_its_own_whatever_a_policy_adds(
    azure, app, method, path, bent
):
    add_environment(azure.state, "one")
    answer(azure, A, B)
    run_id = interrupted(azure, app, method, path, effected=path == "Route-Table$")
    ours = [owned(A, "VnetLocal"), owned(B)] if bent else [owned(A), owned(B)]
    table_of(azure).routes, table_of(azure).etag = [*ours, POLICYS], 'W/"by a policy"'
    outcome = finished(app, run_id)
    assert outcome["status"] == "changed"
    assert (outcome["added"], outcome["updated"]) == (([B], [A]) if bent else ([A, B], []))
    assert {"RouteTableCreated", "RouteTableAttached"} <= {*codes(outcome)}
    assert table_of(azure).subnets == [SUBNET]
    assert POLICYS in table_of(azure).routes
    assert owned_prefixes(table_of(azure)) == {A, B}


@pytest.mark.parametrize("theirs", [[POLICYS], [owned(A), POLICYS]], ids=["none", "one of ours"])
def test_a_table_that_somebody_else_made_meanwhile_is_not_this_runs(azure, app, theirs):
    add_environment(azure.state, "one")
    answer(azure, A, B)
    run_id = interrupted(azure, app, "PUT", "Route-Table$")
    azure.state.add_table(
        RouteTable(resource_id=str(TABLE), location="westeurope", routes=list(theirs))
    )
    assert finished(app, run_id)["error"]["code"] == "RouteTableTaken"
    assert "routeTable" not in subnet_of(azure.state, "one")
    assert table_of(azure).routes == theirs


@pytest.mark.parametrize("existing", [False, True], ids=["new table", "our table"])
@pytest.mark.parametrize("path", ["/subnets/", "/securityRules/"])
def test_a_step_whose_answer_was_lost_is_reported_by_the_next_delivery(azure, app, path, existing):
    add_environment(azure.state, "one", rules=[])
    answer(azure, A)
    if existing:
        azure.state.add_table(
            RouteTable(resource_id=str(TABLE), location="westeurope", routes=[owned(A)])
        )
    run_id = begin(app, str(TABLE), **asked(ensure_nsg=True))
    app.run_start.start(run_id)
    azure.state.faults.append(refusal("PUT", path, 502, {}, effected=True))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, TABLE)
    outcome = finished(app, run_id)
    assert outcome["status"] == "changed"
    assert {"RouteTableAttached", "NsgRuleAdded"} <= {*codes(outcome)}
    assert ("RouteTableCreated" in codes(outcome)) is not existing
    assert len(rules_of(azure)) == 1


@pytest.mark.parametrize("polls", [True, False], ids=["polls answer", "polls answer 404"])
def test_a_new_table_that_azure_does_not_find_yet_is_asked_for_again(azure, app, clock, polls):
    add_environment(azure.state, "one")
    answer(azure, A)
    run_id = begin(app, str(TABLE), **asked())
    app.run_start.start(run_id)
    azure.state.timing.replication_seconds = 3600
    if not polls:
        azure.state.faults.append(refusal("GET", "/operations/", 404, {}))
    for seconds in (0, 300, 299):
        clock.shift(seconds)
        with pytest.raises(TransientError):
            app.tables.sync(run_id, TABLE)
    table_of(azure).visible_at = 0
    outcome = finished(app, run_id)
    assert (outcome["status"], outcome["added"]) == ("changed", [A])
    assert {"RouteTableCreated", "RouteTableAttached"} <= {*codes(outcome)}
    assert table_of(azure).subnets == [SUBNET]
    assert app.registry.get(TABLE) is not None
    assert [kind for kind, _ in puts(azure)] == ["routeTables", "subnets"]


def test_a_new_table_that_is_not_found_for_ten_minutes_is_gone(azure, app, clock):
    add_environment(azure.state, "one")
    answer(azure, A)
    run_id = begin(app, str(TABLE), **asked())
    app.run_start.start(run_id)
    azure.state.timing.replication_seconds = 3600
    with pytest.raises(TransientError):
        app.tables.sync(run_id, TABLE)
    with pytest.raises(TransientError):
        app.tables.sync(run_id, TABLE)
    clock.shift(600)
    outcome = finished(app, run_id)
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", "RouteTableGone")
    assert "RouteTableCreated" in codes(outcome)
    assert [kind for kind, _ in puts(azure)] == ["routeTables"]


def test_a_subnet_that_does_not_find_the_new_table_yet_gets_it_later(azure, app, clock):
    add_environment(azure.state, "one")
    answer(azure, A)
    run_id = begin(app, str(TABLE), **asked())
    app.run_start.start(run_id)
    missing = {"error": {"code": "InvalidResourceReference", "message": "not found"}}
    azure.state.faults.append(refusal("PUT", "/subnets/", 400, missing))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, TABLE)
    assert finished(app, run_id)["status"] == "changed"
    assert table_of(azure).subnets == [SUBNET]


@pytest.mark.parametrize("on_subnet", [False, True])
def test_a_table_that_azure_loses_sight_of_is_never_made_again(azure, app, on_subnet):
    add_environment(azure.state, "one")
    answer(azure, A)
    provision(app)
    table = table_of(azure)
    table.routes.append(POLICYS)
    if not on_subnet:
        del subnet_of(azure.state, "one")["routeTable"]
    azure.state.log.clear()
    azure.state.faults.append(InjectedFault(method="GET", path="Table$", effect=LOST_SIGHT))
    with pytest.raises(TransientError, match="RouteTableGone"):
        provision(app)
    assert puts(azure) == []


def test_a_table_of_ours_that_is_on_no_subnet_yet_is_taken_up(azure, app):
    add_environment(azure.state, "one")
    azure.state.add_table(
        RouteTable(resource_id=str(TABLE), location="westeurope", routes=[owned(A)])
    )
    answer(azure, A, B)
    outcome = provision(app)
    assert (outcome["status"], outcome["added"]) == ("changed", [B])
    assert table_of(azure).subnets == [SUBNET]


def test_more_addresses_than_a_table_may_hold_make_no_table(azure, app):
    azure.state.limits["RoutesPerRouteTable"] = 1
    add_environment(azure.state, "one")
    answer(azure, A, B)
    outcome = provision(app)
    assert [v["code"] for v in outcome["violations"]] == ["NoCapacity"]
    assert (outcome["status"], outcome["added"]) == ("blocked", [])
    assert {w["prefix"] for w in outcome["withheld"]} == {A, B}
    assert azure.state.writes() == []
    assert app.registry.get(TABLE) is None


def test_a_right_that_is_lacking_at_the_subnet_is_said_with_what_was_done(azure, app):
    add_environment(azure.state, "one")
    answer(azure, A)
    join = "Microsoft.Network/routeTables/join/action"
    azure.state.identities.app.assignments = [
        ("/", Role("All but joining", OWNER_ROLE.actions, (join,)))
    ]
    outcome = provision(app)
    assert (outcome["status"], outcome["added"]) == ("failed", [A])
    assert outcome["error"]["code"] == "LinkedAuthorizationFailed"
    assert "What to do" in outcome["error"]["message"]
    assert {"RouteTableCreated", "NotAttached"} <= {*codes(outcome)}
    assert "RouteTableAttached" not in codes(outcome)


def test_a_table_that_is_not_right_is_set_on_no_subnet(azure, app):
    add_environment(azure.state, "one")
    add_table(azure.state, "two")
    keep(app, RegisteredTable(rid("two"), Registration((TAG,))))
    answer(azure, A)
    sync(app)
    answer(azure)  # nothing to believe any more
    outcome = provision(app)
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", "NotProvisioned")
    assert "TagUnavailable" in codes(outcome)
    assert "routeTable" not in subnet_of(azure.state, "one")
    answer(azure, A, B)
    assert provision(app)["status"] == "changed"
    assert table_of(azure).subnets == [SUBNET]


def test_a_group_that_may_not_be_read_stands_in_no_tables_way(azure, app):
    add_environment(azure.state, "one", rules=[])
    answer(azure, A)
    forbidden = refusal("GET", "networkSecurityGroups", 403, {"code": "AuthorizationFailed"})
    azure.state.faults.append(forbidden.model_copy(update={"times": 99}))
    outcome = provision(app)
    assert outcome["status"] == "changed"
    assert "AuthorizationFailed" in codes(outcome)
    assert provision(app, ensure_nsg=True)["error"]["code"] == "NsgNotJudged"
    assert rules_of(azure) == []


@pytest.mark.parametrize("reverts", [True, False], ids=["nothing left", "left Failed"])
def test_a_table_whose_making_fails_is_not_set_on_the_subnet(azure, app, reverts):
    add_environment(azure.state, "one")
    answer(azure, A)
    failing = FailOperation(kind="failOperation", code="InternalServerError", reverts=reverts)
    azure.state.faults.append(InjectedFault(method="PUT", path="Route-Table$", effect=failing))
    run_id = begin(app, str(TABLE), **asked())
    app.run_start.start(run_id)
    with pytest.raises(TransientError):
        app.tables.sync(run_id, TABLE)
    assert "routeTable" not in subnet_of(azure.state, "one")
    app.tables.sync(run_id, TABLE)
    assert run_report(app, run_id)["counts"]["changed"] == 1
    assert table_of(azure).subnets == [SUBNET]


def test_a_subnet_that_somebody_writes_meanwhile_is_read_again(azure, app):
    add_environment(azure.state, "one")
    answer(azure, A)
    race = InjectedFault(method="PUT", path="/subnets/", effect=LoseRace())
    azure.state.faults.append(race)
    run_id = begin(app, str(TABLE), **asked())
    app.run_start.start(run_id)
    with pytest.raises(TransientError):
        app.tables.sync(run_id, TABLE)
    app.tables.sync(run_id, TABLE)
    assert run_report(app, run_id)["counts"]["changed"] == 1
    assert table_of(azure).subnets == [SUBNET]


@pytest.mark.parametrize("which", [0, 1, 2], ids=["table", "subnet", "rule"])
@pytest.mark.parametrize("poll", WRONG_POLLS, ids=lambda poll: f"{poll.status} {poll.body}")
def test_after_azure_has_accepted_a_step_what_stands_counts(azure, app, poll, which):
    add_environment(azure.state, "one", rules=[])
    answer(azure, A)
    fault = InjectedFault(method="GET", path="/operations/", effect=poll, skip=which)
    azure.state.faults.append(fault)
    outcome = provision(app, ensure_nsg=True)
    assert fault.times == 0
    assert (outcome["status"], outcome["added"]) == ("changed", [A])
    done = {"RouteTableCreated", "RouteTableAttached", "NsgRuleAdded"}
    assert done <= {*codes(outcome)}
    assert len(puts(azure)) == 3


def test_what_the_registration_says_already_stays(azure, app):
    add_environment(azure.state, "one")
    answer(azure, A)
    keep(app, RegisteredTable(TABLE, Registration((TAG,), ASE, note="made by hand")))
    provision(app)
    assert app.registry.get(TABLE).registration.note == "made by hand"


@pytest.mark.parametrize("of_table", [ApplyPolicy.APPROVAL, ApplyPolicy.ADDITIVE, None])
@pytest.mark.parametrize("of_app", ["auto", "additive"])
def test_a_table_that_exists_is_synced_under_the_ordinary_policy(azure, make_app, of_table, of_app):
    app = make_app(APPLY_POLICY=of_app)
    table = azure.state.add_table(
        RouteTable(resource_id=str(TABLE), location="westeurope", routes=[owned(B)])
    )
    add_environment(azure.state, "one", table=table)
    answer(azure, A)
    keep(app, RegisteredTable(TABLE, Registration((TAG,), ASE, apply_policy=of_table)))
    provision(app)
    ordinary = strictest(ApplyPolicy(of_app), of_table or ApplyPolicy.AUTO)
    expected = {ApplyPolicy.AUTO: {A}, ApplyPolicy.ADDITIVE: {A, B}, ApplyPolicy.APPROVAL: {B}}
    assert owned_prefixes(table) == expected[ordinary]


def test_what_is_made_needs_no_approval(azure, make_app):
    add_environment(azure.state, "one")
    answer(azure, A)
    assert provision(make_app(APPLY_POLICY="approval"))["added"] == [A]
    assert table_of(azure).subnets == [SUBNET]


# -- The rule of the security group --


def deny_all(priority):
    return rule("deny", priority, access="Deny", source="*", ports="*")


def test_the_missing_rule_is_added_and_no_other_is_touched(azure, app):
    there = [
        rule("https", 120, source="*", ports="443"),
        rule("deny", 4096, access="Deny", source="*", ports="*"),
    ]
    add_environment(azure.state, "one", rules=there)
    answer(azure, A)
    outcome = provision(app, ensure_nsg=True)
    assert outcome["status"] == "changed"
    assert {"NsgRuleAdded", "NsgAllows"} <= {*codes(outcome)}
    *others, added = rules_of(azure)
    assert others == there
    assert added["name"] == f"asemgmt--{TAG}"
    expected = {
        "access": "Allow",
        "direction": "Inbound",
        "priority": 4095,
        "protocol": "Tcp",
        "sourceAddressPrefix": TAG,
        "destinationPortRange": "454-455",
    }
    assert added["properties"].items() >= expected.items()
    [body] = [body for kind, body in puts(azure) if kind == "securityRules"]
    assert body["properties"].items() >= expected.items()


@pytest.mark.parametrize("rules", [[rule("in", 100)], None], ids=["let in", "no group"])
def test_where_it_is_let_in_no_rule_is_added(azure, app, rules):
    add_environment(azure.state, "one", rules=rules)
    answer(azure, A)
    assert "NsgRuleAdded" not in codes(provision(app, ensure_nsg=True))
    assert "securityRules" not in [kind for kind, _ in puts(azure)]


def test_why_no_rule_can_be_added_fails_the_table_and_is_said(azure, app):
    add_environment(
        azure.state, "one", rules=[rule("deny", 100, access="Deny", source="*", ports="*")]
    )
    answer(azure, A)
    outcome = provision(app, ensure_nsg=True)
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", "NsgNoPriorityFree")
    assert len(rules_of(azure)) == 1
    assert owned_prefixes(table_of(azure)) == {A}


def test_without_being_asked_no_rule_is_added(azure, app):
    add_environment(azure.state, "one", rules=[])
    answer(azure, A)
    outcome = provision(app)
    assert "NsgDenies" in codes(outcome)
    assert rules_of(azure) == []


# -- Killed at any call --


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_a_provision_is_finished_by_the_next_delivery(
    azure, azurite, make_app, after
):
    def attempt(write):
        return _killed_and_healed(azure, make_app(AzureWebJobsStorage=azurite()), write, after)

    assert first_write_without_a_death(attempt) > 12


def _killed_and_healed(azure, app: App, write: int, after: bool) -> bool:
    where = f"killed at write {write}"
    unthrottled(azure.state)
    azure.state._resources.pop(TABLE.key, None)
    add_environment(azure.state, "one", rules=[])
    answer(azure, A, B)
    run_id = begin(app, str(TABLE), **asked(ensure_nsg=True))
    azure.state.log.clear()
    died = deliver_although_killed(app, run_id, write, after=after)
    [outcome] = run_report(app, run_id)["outcomes"]
    assert (outcome["status"], outcome["added"]) == ("changed", [A, B]), where
    assert owned_prefixes(table_of(azure)) == {A, B}, where
    assert subnet_of(azure.state, "one")["routeTable"] == {"id": str(TABLE)}, where
    assert len(rules_of(azure)) == 1, where
    assert sorted(kind for kind, _ in puts(azure)) == ["routeTables", "securityRules", "subnets"], (
        where
    )
    return died
