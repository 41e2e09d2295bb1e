"""Which environments there are: what a person has to know of each."""

from dataclasses import replace

import pytest

from local.azure.faults import refusal
from shared.domain.armid import EnvironmentId
from shared.domain.errors import RouteSyncError
from shared.domain.registry.choices import AddressSource
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Trigger
from shared.json_shapes import discovered_json
from shared.sync.requester import Requester
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    ase_id_of,
    rid,
    subnet_of,
    table_id,
)
from tests.builders.routes import owned
from tests.builders.runs import TAG, keep

SOMEBODY = Requester(Trigger.HTTP, "somebody")


def discover(app, subscriptions=None, owner=None, register=False, acknowledge=False):
    found = app.discovery.discover(
        subscriptions, owner=owner, register=register, acknowledge=acknowledge, by=SOMEBODY
    )
    return discovered_json(found, cloud="AzureCloud")


def faults_of(app, name="one", **asked):
    [entry] = [e for e in discover(app, **asked)["value"] if e["aseId"] == ase_id_of(name)]
    return entry["registered"], [fault["code"] for fault in entry["faults"]]


def add(azure, name="one", table=None, **environment):
    table = table or add_table(azure.state, name)
    return add_environment(azure.state, name, table=table, **environment), table


def test_a_table_that_is_registered_without_its_environment_is_named_and_completed(azure, app):
    add(azure)
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), note="mine")))
    assert faults_of(app) == (True, ["RegisteredWithoutAse", "NsgNone"])
    assert faults_of(app, register=True) == (True, ["NsgNone"])
    completed = app.registry.get(rid("one")).registration
    assert (completed.note, str(completed.ase_id)) == ("mine", ase_id_of("one"))


def test_a_table_that_two_environments_share_keeps_its_registration(azure, app):
    _, table = add(azure, "one")
    add(azure, "two", table)
    discover(app, register=True)
    assert faults_of(app, "one") == (True, ["NsgNone"])
    assert faults_of(app, "two", register=True) == (True, ["RouteTableShared", "NsgNone"])
    assert str(app.registry.get(rid("one")).registration.ase_id) == ase_id_of("one")


def test_an_environment_whose_subnet_has_another_table_than_is_registered(azure, app):
    add(azure)
    discover(app, register=True)
    other = add_table(azure.state, "other")
    subnet_of(azure.state, "one")["routeTable"] = {"id": other.resource_id}
    assert faults_of(app) == (False, ["OtherRouteTable", "NsgNone"])


def test_what_is_registered_already_is_not_registered_anew(azure, app):
    add(azure)
    ase_id = EnvironmentId.parse(ase_id_of("one"))
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), ase_id, AddressSource.BOTH)))
    discover(app, register=True, owner="asemgmt")
    assert app.registry.get(rid("one")).registration.address_source is AddressSource.BOTH


@pytest.mark.usefixtures("nobody_waits")
def test_an_environment_whose_subnet_does_not_answer_is_listed_with_why(azure, app):
    add(azure, "one")
    add(azure, "two")
    down = refusal("GET", "rg-one/.*/subnets/", 503, {"code": "ServiceUnavailable"}, times=99)
    azure.state.faults.append(down)
    assert faults_of(app, "one") == (False, ["ServiceUnavailable"])
    assert faults_of(app, "two") == (False, ["NsgNone"])


def test_a_subscription_that_fails_is_named_and_the_others_are_listed(azure, app):
    add(azure)
    nowhere = SUBSCRIPTION.replace("1", "9")
    found = discover(app, [nowhere, SUBSCRIPTION, OTHER_SUBSCRIPTION])
    assert [e["aseId"] for e in found["value"]] == [ase_id_of("one")]
    assert [(e["subscriptionId"], e["code"]) for e in found["errors"]] == [
        (nowhere, "SubscriptionNotFound")
    ]


def test_where_not_even_the_subscriptions_can_be_listed_that_is_raised(azure, app):
    azure.state.faults.append(refusal("GET", "^/subscriptions$", 403, {"code": "Forbidden"}))
    with pytest.raises(RouteSyncError):
        discover(app)


@pytest.mark.parametrize(
    ("owner", "found"), [("asemgmt", ["one", "two"]), ("other", []), (None, [])]
)
def test_tables_that_bear_the_stamp_are_found_by_it(azure, app, owner, found):
    azure.state.page_size = 1
    add(azure, table=add_table(azure.state, "one", [owned("20.0.0.0/24")]))
    add_table(azure.state, "two", [owned("20.0.0.0/24"), owned(TAG)])
    add_table(azure.state, "three")
    stamped = discover(app, owner=owner)["routeTables"]
    assert [t["routeTableId"] for t in stamped] == [table_id(name) for name in found]
    if found:
        assert [t["ownedRoutes"] for t in stamped] == [1, 2]
        assert [t["aseId"] for t in stamped] == [ase_id_of("one"), None]
    discover(app, owner=owner, register=True)
    assert {r.route_table_id for r in app.registry.list()} == {rid(n) for n in {*found, "one"}}


@pytest.fixture
def meanwhile(app, monkeypatch):
    """Do this once, just after the search has read what is registered."""

    def happens(action):
        found = app.azure.environments.subscriptions()

        def subscriptions():
            action()
            return found

        monkeypatch.setattr(app.azure.environments, "subscriptions", subscriptions)

    return happens


def test_a_search_of_minutes_undoes_nothing_that_was_registered_meanwhile(azure, app, meanwhile):
    add(azure)
    keep(app, RegisteredTable(rid("one"), Registration((TAG,))))
    stricter = Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL, enabled=False)
    meanwhile(lambda: keep(app, RegisteredTable(rid("one"), stricter)))
    discover(app, register=True)
    ase_id = EnvironmentId.parse(ase_id_of("one"))
    assert app.registry.get(rid("one")).registration == replace(stricter, ase_id=ase_id)


def test_a_table_that_was_unregistered_meanwhile_does_not_come_back(azure, app, meanwhile):
    add(azure)
    keep(app, RegisteredTable(rid("one"), Registration((TAG,))))
    meanwhile(lambda: app.registry.delete(rid("one")))
    assert discover(app, register=True)["value"][0]["registered"] is False
    assert app.registry.get(rid("one")) is None


def test_a_table_that_somebody_registered_meanwhile_stays_as_it_is(azure, app, meanwhile):
    add(azure, table=add_table(azure.state, "one", [owned("20.0.0.0/24")]))
    theirs = Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL, note="theirs")
    meanwhile(lambda: keep(app, RegisteredTable(rid("one"), theirs)))
    discover(app, owner="asemgmt", register=True)
    found = app.registry.get(rid("one")).registration
    assert replace(found, ase_id=None) == theirs
