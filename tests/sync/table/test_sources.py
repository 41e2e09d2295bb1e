"""What a table wants, by the service tag, by its environment's own API, or by both."""

import pytest
import time_machine

from local.azure.faults import InjectedFault, Truncate, refusal
from shared.app import utc_now
from shared.domain.armid import EnvironmentId
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.run import Action, Mode
from tests.builders.azure import add_environment, add_table, answer, ase_id_of, rid, table_writes
from tests.builders.routes import foreign_routes, owned, owned_prefixes, route, to_firewall
from tests.builders.runs import TAG, codes, keep, outcome_of, sync

A, B, C, D = "20.0.0.0/24", "20.0.1.7/32", "20.0.2.0/24", "20.0.3.0/24"
INBOUND = "inboundNetworkDependenciesEndpoints"


@pytest.fixture
def enrol(azure, app):
    """A table `one` on the subnet of an environment that names these addresses."""

    def enrolled(source, *management, routes=(), style=RouteStyle.PREFIXES):
        table = add_table(azure.state, "one", [to_firewall(), *routes])
        add_environment(azure.state, "one", table=table, management=management)
        register(app, source, style=style)
        return table

    return enrolled


def register(app, source, style=RouteStyle.PREFIXES):
    ase_id = EnvironmentId.parse(ase_id_of("one"))
    registration = Registration((TAG,), ase_id, source, style)
    existing = app.registry.get(rid("one")) or RegisteredTable(rid("one"), registration)
    keep(app, existing.with_registration(registration, utc_now()))


def said(outcome, code):
    [message] = [f["message"] for f in outcome["findings"] if f["code"] == code]
    return message


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (AddressSource.SERVICE_TAG, {A, C}),
        (AddressSource.ASE, {A, B}),
        (AddressSource.BOTH, {A, B, C}),
    ],
)
def test_what_is_wanted_is_what_the_sources_say(azure, app, enrol, source, wanted):
    table = enrol(source, A, B)
    answer(azure, A, C)
    whole = sync(app)
    assert whole["status"] == "Succeeded"
    assert owned_prefixes(table) == wanted
    outcome = outcome_of(whole, "one")
    assert said(outcome, "OnlyServiceTagKnows").endswith(f"name: {C}")
    assert said(outcome, "OnlyAseKnows").endswith(f"contain: {B}")


def test_neither_the_vip_nor_the_subnet_is_ever_routed(azure, app, enrol):
    table = enrol(AddressSource.ASE, A)
    answer(azure, A)
    sync(app)
    [environment] = azure.state.environments.values()
    assert (environment.vip, environment.subnet_prefix) == ("52.165.238.66/32", "192.168.250.0/24")
    assert owned_prefixes(table) == {A}


def test_addresses_are_compared_and_not_how_they_are_written(azure, app, enrol):
    enrol(AddressSource.BOTH, "20.0.0.0/25", "20.0.0.128/25")
    answer(azure, A)
    assert not {"OnlyAseKnows", "OnlyServiceTagKnows"} & {*codes(outcome_of(sync(app), "one"))}


def test_what_the_api_returned_is_versioned_like_a_tag(azure, app, enrol):
    enrol(AddressSource.ASE, A)
    answer(azure, A)
    [_, first] = sorted(sync(app)["versions"], key=lambda v: v["serviceTag"] is None)
    [environment] = azure.state.environments.values()
    for management in ([A, B], [A]):
        environment.management = management
        whole = sync(app)
    history = app.versions.history(ase_id_of("one").lower())
    assert [v.address_prefixes for v in history] == [(A,), (A, B), (A,)]
    assert first["versionId"].startswith("AzureCloud.ase.one.")
    assert (first["serviceTag"], first["added"]) == (None, [A])
    assert outcome_of(whole, "one")["versionIds"] == [history[-1].version_id]
    assert len({v.version_id for v in history}) == 3
    assert app.versions.get(history[1].version_id) == history[1]


def test_two_environments_of_one_name_are_two_sources(azure, app):
    one = ase_id_of("one").lower()
    other = one.replace("rg-one", "rg-two")
    kept = [app.versions._partition(source) for source in (one, other)]
    assert kept[0] != kept[1]


@pytest.mark.parametrize("source", [AddressSource.ASE, AddressSource.BOTH])
def test_a_source_that_cannot_be_read_gives_what_was_last_recorded_additions_only(
    azure, app, enrol, source
):
    table = enrol(source, A, B)
    answer(azure, C)
    sync(app)
    routed = owned_prefixes(table)
    table.routes[:] = [to_firewall(), owned(D), *(owned(p) for p in routed - {A})]
    azure.state.faults.append(refusal("GET", INBOUND, 403, {"code": "AuthorizationFailed"}))
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert owned_prefixes(table) == {*routed, D}
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "AseUnavailable")
    assert outcome["withheld"] == [{"prefix": D, "change": "remove", "why": "AseUnavailable"}]
    assert "AseUnavailable" in codes(outcome)
    assert "AuthorizationFailed" in said(outcome, "NotCompared")
    verified = app.registry.get(rid("one")).status.verified_at
    assert verified < app.runs.get(whole["runId"]).started_at


@pytest.mark.parametrize("source", [AddressSource.ASE, AddressSource.BOTH])
@pytest.mark.parametrize(
    "fault",
    [
        refusal("GET", INBOUND, 403, {"code": "AuthorizationFailed"}),
        refusal("GET", INBOUND, 503, {"code": "ServiceUnavailable"}, times=99),
        refusal("GET", INBOUND, 200, {}),
        refusal("GET", INBOUND, 200, []),
        refusal("GET", INBOUND, 200, {"value": None}),
        refusal("GET", INBOUND, 200, {"value": [None]}),
        refusal("GET", INBOUND, 200, {"value": [{"description": 5, "endpoints": {}}]}),
        InjectedFault(method="GET", path=INBOUND, effect=Truncate()),
    ],
    ids=["forbidden", "unavailable", "empty", "a list", "null", "of null", "odd", "half"],
)
@pytest.mark.usefixtures("nobody_waits")
def test_without_a_recorded_version_the_table_is_failed_and_others_go_on(
    azure, app, enrol, source, fault
):
    table = enrol(source, A)
    two = add_table(azure.state, "two")
    keep(app, RegisteredTable(rid("two"), Registration((TAG,))))
    answer(azure, C)
    azure.state.faults.append(fault.model_copy())
    whole = sync(app)
    assert outcome_of(whole, "one")["error"]["code"] == "AseUnavailable"
    assert owned_prefixes(table) == set()
    assert owned_prefixes(two) == {C}


@pytest.mark.parametrize(
    "management", [[], ["10.0.0.0/24"], ["20.0.0.1/24"], ["0.0.0.0/0"], ["VirtualNetwork"]]
)
def test_what_cannot_be_believed_is_not_written(azure, app, enrol, management):
    table = enrol(AddressSource.BOTH, *management)
    answer(azure, C)
    assert sync(app)["error"]["code"] == "AseUnavailable"
    assert table_writes(azure.state) == []
    assert owned_prefixes(table) == set()


def test_what_is_only_compared_with_fails_nothing(azure, app, enrol):
    table = enrol(AddressSource.SERVICE_TAG, A)
    answer(azure, C)
    azure.state.faults.append(refusal("GET", INBOUND, 403, {"code": "AuthorizationFailed"}))
    whole = sync(app)
    assert (whole["status"], whole["error"]) == ("Succeeded", None)
    assert "AuthorizationFailed" in said(outcome_of(whole, "one"), "NotCompared")
    assert owned_prefixes(table) == {C}


@pytest.mark.parametrize(("days", "stays"), [(27, True), (28, False)])
def test_what_a_lost_source_wanted_keeps_its_route_for_its_grace(azure, make_app, days, stays):
    app = make_app(REMOVAL_GRACE_DAYS="28")
    table = add_table(azure.state, "one", [to_firewall()])
    add_environment(azure.state, "one", table=table, management=[B])
    answer(azure, A)
    with time_machine.travel("2026-01-01T12:00:00Z", tick=False) as clock:
        register(app, AddressSource.BOTH)
        sync(app)
        register(app, AddressSource.SERVICE_TAG)
        clock.move_to(f"2026-01-{1 + days:02}T12:00:00Z")
        sync(app)
    assert owned_prefixes(table) == ({A, B} if stays else {A})


# -- One route a service tag --


def test_migration_either_way_is_one_put(azure, app, enrol):
    table = enrol(AddressSource.SERVICE_TAG)
    many = [f"20.1.{n}.0/24" for n in range(60)]
    answer(azure, *many)
    sync(app)
    assert owned_prefixes(table) == {*many}
    register(app, AddressSource.SERVICE_TAG, RouteStyle.SERVICE_TAG)
    planned = outcome_of(sync(app, mode=Mode.PLAN), "one")
    assert (planned["status"], planned["added"]) == ("planned", [TAG])
    azure.state.log.clear()
    changed = outcome_of(sync(app), "one")
    assert (changed["status"], changed["added"], len(changed["removed"])) == ("changed", [TAG], 60)
    assert owned_prefixes(table) == {TAG}
    assert [r["name"] for r in table.routes][-1] == f"asemgmt--{TAG}"
    [write] = table_writes(azure.state)
    assert len(write["body"]["properties"]["routes"]) == 2
    assert sync(app)["counts"]["unchanged"] == 1
    register(app, AddressSource.SERVICE_TAG)
    azure.state.log.clear()
    sync(app)
    assert owned_prefixes(table) == {*many}
    assert len(table_writes(azure.state)) == 1
    assert foreign_routes(table) == [to_firewall()]


def test_what_only_the_environment_names_has_its_own_route_beside_the_tags(azure, app, enrol):
    table = enrol(AddressSource.BOTH, A, B, style=RouteStyle.SERVICE_TAG)
    answer(azure, A)
    sync(app)
    assert owned_prefixes(table) == {TAG, B}


def test_an_address_that_left_the_tag_stays_through_the_migration(azure, make_app):
    app = make_app(REMOVAL_GRACE_DAYS="28")
    table = add_table(azure.state, "one", [to_firewall()])
    add_environment(azure.state, "one", table=table, management=[A])
    register(app, AddressSource.SERVICE_TAG)
    for prefixes in ((A, C), (A,)):
        answer(azure, *prefixes)
        sync(app)
    register(app, AddressSource.SERVICE_TAG, RouteStyle.SERVICE_TAG)
    outcome = outcome_of(sync(app), "one")
    assert owned_prefixes(table) == {TAG, C}
    assert [r["prefix"] for r in outcome["retained"]] == [C]


def test_a_table_with_somebodys_route_of_the_tag_is_covered_by_the_platform(azure, app, enrol):
    table = enrol(AddressSource.SERVICE_TAG, routes=[route("theirs", TAG), owned(A)])
    answer(azure, A, C)
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["covered"]) == ("unchanged", [C])
    assert {"CoveredByPlatform", "ShadowsServiceTagRoute"} <= {*codes(outcome)}
    assert "asemgmt--20.0.0.0_24" in said(outcome, "ShadowsServiceTagRoute")
    assert owned_prefixes(table) == {A}


def test_more_tag_routes_than_the_subscription_allows_are_blocked_by_its_usages(
    azure, app, make_app, enrol
):
    azure.state.limits["RoutesWithServiceTagPerRouteTable"] = 1
    others = [route("theirs", "AzureMonitor"), owned(A)]
    table = enrol(AddressSource.SERVICE_TAG, routes=others, style=RouteStyle.SERVICE_TAG)
    answer(azure, A)
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "blocked"
    assert [v["code"] for v in outcome["violations"]] == ["NoTagCapacity"]
    assert owned_prefixes(table) == {A}
    azure.state.limits["RoutesWithServiceTagPerRouteTable"] = 2
    assert outcome_of(sync(make_app()), "one")["status"] == "changed"


def test_a_tag_that_azure_would_not_route_is_never_sent(azure, make_app):
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},{TAG}.WestEurope")
    add_table(azure.state, "one")
    style = RouteStyle.SERVICE_TAG
    keep(app, RegisteredTable(rid("one"), Registration((f"{TAG}.WestEurope",), route_style=style)))
    outcome = outcome_of(sync(app), "one")
    assert outcome["error"]["code"] == "ServiceTagNotRoutable"
    assert azure.state.writes() == []


@pytest.mark.parametrize("there", list(RouteStyle))
def test_a_migration_either_way_can_be_rolled_back(azure, app, enrol, there):
    """No guard counts routes that have an equivalent, however many they are."""
    many = [f"20.1.{n}.0/24" for n in range(20)]
    [back] = set(RouteStyle) - {there}
    table = enrol(AddressSource.SERVICE_TAG, style=there)
    answer(azure, *many)
    sync(app)
    before = owned_prefixes(table)
    register(app, AddressSource.SERVICE_TAG, back)
    migrated = sync(app)
    whole = sync(app, "one", action=Action.ROLLBACK, rolled_back_run_id=migrated["runId"])
    assert outcome_of(whole, "one")["status"] == "changed"
    assert owned_prefixes(table) == before
    assert sync(app)["counts"]["unchanged"] == 1
    assert owned_prefixes(table) == before


@pytest.mark.parametrize(("days", "stays"), [(27, True), (28, False)])
def test_the_route_of_a_tag_that_was_lost_stays_for_its_grace(azure, make_app, days, stays):
    app = make_app(REMOVAL_GRACE_DAYS="28", ALLOWED_SERVICE_TAGS=f"{TAG},ApiManagement")
    table = add_table(azure.state, "one", [to_firewall()])
    style = RouteStyle.SERVICE_TAG
    both = RegisteredTable(rid("one"), Registration((TAG, "ApiManagement"), route_style=style))
    with time_machine.travel("2026-01-01T12:00:00Z", tick=False) as clock:
        keep(app, both)
        sync(app)
        assert owned_prefixes(table) == {TAG, "ApiManagement"}
        one = Registration((TAG,), route_style=style)
        keep(app, both.with_registration(one, utc_now()))
        clock.move_to(f"2026-01-{1 + days:02}T12:00:00Z")
        sync(app)
    assert owned_prefixes(table) == ({TAG, "ApiManagement"} if stays else {TAG})
