"""The rules for what may be registered, whichever door it comes through."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from shared.domain.errors import InvalidRequest, NotFound
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.registration import RouteException
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Trigger
from shared.sync.registering import RegisterRequest
from shared.sync.requester import Requester
from tests.builders.azure import (
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
    tag_document,
)
from tests.builders.routes import owned_prefixes, route
from tests.builders.runs import START, TAG, discover, outcome_of, roll_back, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"
SOMEBODY = Requester(Trigger.HTTP, "somebody")


def register(app, request):
    return app.registering.register(request, SOMEBODY)


@pytest.fixture
def table(azure):
    answer(azure, A)
    return add_table(azure.state, "one")


def faults(app, **asked):
    """Every part of the request that is wrong, and that nothing was registered."""
    with pytest.raises(InvalidRequest) as refused:
        register(app, RegisterRequest(**{"resource_id": table_id("one")} | asked))
    assert refused.value.code.name == "InvalidBody"
    assert list(app.registry.list()) == []
    return {fault.target: fault.message for fault in refused.value.faults}


def test_what_is_registered_is_what_was_asked_for(azure, app, table):
    result = register(
        app,
        RegisterRequest(
            resource_id=table_id("one"),
            apply_policy=ApplyPolicy.ADDITIVE,
            exceptions=[RouteException(B, "the firewall", date(2027, 1, 1))],
            enabled=False,
            note="ours",
        ),
    )
    assert result.is_new
    assert app.registry.get(rid("one")) == result.table
    stored = result.table.registration
    assert (stored.service_tags, stored.apply_policy) == ((TAG,), ApplyPolicy.ADDITIVE)
    assert (stored.enabled, stored.note) == (False, "ours")
    assert stored.exceptions[0].prefix == B
    assert azure.state.writes() == []


def test_a_new_registration_keeps_what_was_seen_and_notes_the_tag_that_it_lost(azure, make_app):
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},ApiManagement")
    table = add_table(azure.state, "one")
    register(app, RegisterRequest(resource_id=table_id("one")))
    sync(app)
    assert owned_prefixes(table)

    other = RegisterRequest(resource_id=table_id("ONE"), service_tags=["ApiManagement"])
    result = register(app, other)
    assert not result.is_new
    assert result.table.status.applied_version_ids
    assert TAG in app.registry.get(rid("one")).status.former_sources


def test_the_subnets_of_a_table_are_known_before_its_first_run(app, table):
    registered = register(app, RegisterRequest(resource_id=table_id("one")))
    assert registered.table.status.subnet_ids
    elsewhere = register(app, RegisterRequest(resource_id=table_id("unreadable")))
    assert elsewhere.table.status.subnet_ids is None


def test_an_environments_id_stands_for_the_table_of_its_subnet(app, azure, table):
    add_environment(azure.state, "one", table=table)
    table = register(app, RegisterRequest(resource_id=ase_id_of("one"))).table
    assert str(table.route_table_id) == table_id("one")
    assert str(table.registration.ase_id) == ase_id_of("one")


def test_an_environment_without_a_table_is_refused_by_name(app, azure):
    add_environment(azure.state, "bare", table=None)
    with pytest.raises(InvalidRequest, match="SubnetWithoutRouteTable"):
        register(app, RegisterRequest(resource_id=ase_id_of("bare")))


def test_every_fault_is_listed_at_once(app, table):
    meant = RouteException(A, "x", date(2027, 1, 1))
    found = faults(
        app,
        ase="/x",
        service_tags=[TAG, "Storage", "a/b"],
        address_source=AddressSource.BOTH,
        exceptions=[meant, meant, RouteException("20.0.0.1/24", "", date(2027, 1, 1))],
        note="x" * 1001,
    )
    assert found.keys() == {
        *("aseId", "serviceTags.1", "serviceTags.2", "addressSource", "note"),
        *("exceptions.1.prefix", "exceptions.2.prefix", "exceptions.2.reason"),
    }
    assert "ALLOWED_SERVICE_TAGS" in found["serviceTags.1"]


def test_a_tag_that_azure_does_not_have_is_a_fault(make_app, table):
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},NoSuchTag")
    assert faults(app, service_tags=[TAG, "NoSuchTag"]).keys() == {"serviceTags.1"}


def test_two_ids_must_name_the_same_environment(app, azure, table):
    add_environment(azure.state, "one", table=table)
    found = faults(app, resource_id=ase_id_of("one"), ase=ase_id_of("two"))
    assert found.keys() == {"aseId"}


def test_an_asev3_is_acknowledged_once(app, azure, table):
    add_environment(azure.state, "one", table=table, kind="ASEV3")
    assert faults(app, ase=ase_id_of("one")).keys() == {"acknowledge"}
    request = RegisterRequest(resource_id=table_id("one"), ase=ase_id_of("one"))
    acknowledged = RegisterRequest(
        resource_id=table_id("one"), ase=ase_id_of("one"), acknowledge=True
    )
    assert register(app, acknowledged).is_new
    assert not register(app, request).is_new


def test_a_tag_is_a_prefix_only_if_azure_takes_it(azure, make_app, table):
    azure.state.limits["RoutesWithServiceTagPerRouteTable"] = 1
    answer(azure, A)
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},ApiManagement")
    request = RegisterRequest(resource_id=table_id("one"), route_style=RouteStyle.SERVICE_TAG)
    assert register(app, request).is_new
    app.registering.unregister(table_id("one"), SOMEBODY)
    table.routes = [route("monitoring", "AzureMonitor")]
    assert "2 routes" in faults(app, route_style=RouteStyle.SERVICE_TAG)["routeStyle"]
    # Each run judges the limit again, so a table that cannot be read now is no fault.
    assert register(app, replace(request, resource_id=table_id("gone"))).is_new


@pytest.mark.parametrize(
    ("tag", "said", "refused_by"),
    [
        ("ApiManagement.WestEurope", {}, None),
        (f"{TAG}.WestEurope", {}, "Microsoft's weekly file of 2025-10-27 (change 374)"),
        (f"{TAG}.WestEurope", {"networkFeatures": ["UDR"]}, None),
        (TAG, {"networkFeatures": ["NSG"]}, "the Service Tag Discovery API"),
        ("NoOneKnows", {}, None),
        ("NoOneKnows", {"networkFeatures": ["NSG"]}, "the Service Tag Discovery API"),
    ],
)
@pytest.mark.parametrize("recorded", [True, False])
def test_whether_a_route_may_have_a_tag_is_known_by_answer_and_file(
    azure, make_app, table, tag, said, refused_by, recorded
):
    azure.state.tags.answers["westeurope"] = tag_document([A], tag, **said)
    app = make_app(ALLOWED_SERVICE_TAGS=f"{TAG},{tag}")
    if recorded:
        app.pull.record([tag], run_id="r")
    asked: dict[str, Any] = {"service_tags": [tag], "route_style": RouteStyle.SERVICE_TAG}
    if refused_by is None:
        assert register(app, RegisterRequest(resource_id=table_id("one"), **asked)).is_new
    else:
        message = f"{refused_by} says that no route in AzureCloud may have {tag} as its prefix"
        assert faults(app, **asked) == {"routeStyle": message}


def test_get_and_unregister_know_only_what_is_registered(app, table):
    register(app, RegisterRequest(resource_id=table_id("one")))
    assert app.registering.get(table_id("ONE")).route_table_id == rid("one")
    app.registering.unregister(table_id("one"), SOMEBODY)
    for ask in (app.registering.get, partial(app.registering.unregister, by=SOMEBODY)):
        with pytest.raises(NotFound, match="NotRegistered"):
            ask(table_id("one"))
        with pytest.raises(InvalidRequest, match="InvalidRouteTableId"):
            ask("/not/an/id")


BOTH = {"ALLOWED_SERVICE_TAGS": f"{TAG},ApiManagement", "REMOVAL_GRACE_DAYS": "28"}
OLD = "20.0.9.0/24"
LATER = timedelta(days=60)
"""The grace of a prefix without a past begins with the oldest version, and is over by then."""


def tags_of(azure, **tags):
    """Let these tags have these prefixes."""
    document = tag_document([A])
    [value] = document["values"]
    others = [
        {**value, "name": name, "properties": {**value["properties"], "addressPrefixes": prefixes}}
        for name, prefixes in tags.items()
    ]
    azure.state.tags.answers["westeurope"] = {**document, "values": [value, *others]}


def unregistered_and_registered_again(app, *tags):
    app.registering.unregister(table_id("one"), SOMEBODY)
    with pytest.raises(NotFound):
        app.registering.get(table_id("one"))
    assert list(app.registry.list()) == list(app.registry.places(None)) == []
    request = RegisterRequest(resource_id=table_id("one"), service_tags=tags or None)
    assert register(app, request).is_new


@pytest.mark.parametrize("lost", ["with the registration", "before it", "twice"])
def test_a_route_keeps_its_grace_when_its_table_is_unregistered(azure, make_app, clock, lost):
    app = make_app(**BOTH)
    table = add_table(azure.state, "one")
    tags_of(azure, ApiManagement=[OLD])
    register(app, RegisterRequest(resource_id=table_id("one"), service_tags=[TAG, "ApiManagement"]))
    sync(app)
    assert owned_prefixes(table) == {A, OLD}
    clock.shift(LATER)
    if lost == "before it":
        register(app, RegisterRequest(resource_id=table_id("one"), service_tags=[TAG]))
    unregistered_and_registered_again(app, TAG)
    if lost == "twice":
        clock.shift(timedelta(days=20))
        app.housekeeping.remove_old()
        unregistered_and_registered_again(app, TAG)
    retained = outcome_of(sync(app), "one")["retained"]
    assert [(one["prefix"], one["until"]) for one in retained] == [(OLD, "2026-05-31")]
    assert owned_prefixes(table) == {A, OLD}

    clock.move_to(START + LATER + timedelta(days=29))
    assert outcome_of(sync(app), "one")["removed"] == [OLD]


def test_what_is_held_and_contested_stays_so_when_the_table_is_registered_again(azure, make_app):
    app = make_app(**BOTH)
    table = add_table(azure.state, "one")
    tags_of(azure)
    register(app, RegisterRequest(resource_id=table_id("one")))
    roll_back(app, sync(app))
    assert owned_prefixes(table) == set()
    held = app.registry.get(rid("one")).status.held
    unregistered_and_registered_again(app)
    status = app.registry.get(rid("one")).status
    assert (status.held, status.verified_at) == (held, None)
    assert outcome_of(sync(app), "one")["added"] == []


@pytest.mark.parametrize(("days", "kept"), [(28, True), (29, True), (30, False)])
def test_a_table_is_forgotten_when_the_grace_is_over(azure, make_app, table, clock, days, kept):
    app = make_app(**BOTH)
    register(app, RegisterRequest(resource_id=table_id("one")))
    app.registering.unregister(table_id("one"), SOMEBODY)
    clock.shift(timedelta(days=days))
    app.housekeeping.remove_old()
    assert bool(app.registry.remembered(rid("one")).former_sources) == kept


def test_a_discovery_that_registers_a_table_again_remembers_it_too(azure, make_app, clock):
    app = make_app(**BOTH)
    table = add_table(azure.state, "one")
    add_environment(azure.state, "one", kind="ASEV2", table=table)
    tags_of(azure, ApiManagement=[OLD])
    register(app, RegisterRequest(resource_id=table_id("one"), service_tags=[TAG, "ApiManagement"]))
    sync(app)
    clock.shift(LATER)
    app.registering.unregister(table_id("one"), SOMEBODY)
    discover(app, SUBSCRIPTION, register=True)
    sync(app)
    assert owned_prefixes(table) == {A, OLD}
