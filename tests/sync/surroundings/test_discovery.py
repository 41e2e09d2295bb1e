"""Which environments there are: what a person has to know of each."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from local.azure.faults import Delay, InjectedFault, refusal
from shared.deadline import LONGEST_INVOCATION_SECONDS, time_limit
from shared.domain.armid import EnvironmentId
from shared.domain.errors import TransientError
from shared.domain.registry.choices import AddressSource
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.surroundings.search import SearchedSubscription
from shared.sync.registrar import Registrar
from shared.sync.surroundings import discovery
from shared.sync.surroundings.subscription import SubscriptionSearch
from shared.sync.surroundings.survey import Surveyor
from shared.sync.surroundings.work import MOST_FAILURES
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
from tests.builders.clocks import SteppedClock
from tests.builders.logs import records
from tests.builders.routes import owned, route
from tests.builders.runs import (
    TAG,
    begin_discovery,
    discover,
    keep,
    run_report,
    sync,
    to_the_end,
)


def found_by(app, *subscriptions, **search):
    return discover(app, *subscriptions, **search)["result"]


def faults_of(app, name="one", **asked):
    [entry] = [e for e in found_by(app, **asked)["value"] if e["aseId"] == ase_id_of(name)]
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


def test_of_a_subnet_that_cannot_be_read_nobody_knows_the_table(azure, app):
    add(azure)
    discover(app, register=True)
    azure.state.faults.append(refusal("GET", "/subnets/", 403, {"code": "Forbidden"}))
    assert faults_of(app) == (False, ["Forbidden"])


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


@pytest.mark.usefixtures("nobody_waits")
@pytest.mark.parametrize("register", [False, True])
def test_where_an_environment_could_not_be_looked_at_the_run_fails(azure, app, register):
    """It is listed, but nobody knows its table, so that it is not registered either."""
    add(azure, "one")
    down = refusal("GET", "rg-one/.*/subnets/", 503, {"code": "ServiceUnavailable"}, times=99)
    azure.state.faults.append(down)
    whole = discover(app, register=register)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")
    [error] = whole["result"]["errors"]
    assert (error["subscriptionId"], error["code"]) == (SUBSCRIPTION, "ServiceUnavailable")
    assert error["message"].startswith(ase_id_of("one"))


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("register", [False, True])
def test_an_environment_that_fails_is_looked_at_once_and_its_error_stays(
    azure, app, monkeypatch, register
):
    """Otherwise each message would come to this one, and to no other."""
    add_many(azure, "one", "two")
    what = (Registrar, "add") if register else (Surveyor, "survey_surroundings")
    good, turns = getattr(*what), []

    def fail_first(self, *arguments):
        turns.append(arguments)
        if len(turns) in (1, 2):
            raise ValueError("not foreseen")
        return good(self, *arguments)

    monkeypatch.setattr(*what, fail_first)
    run_id = begin_discovery(app, SUBSCRIPTION, register=register)
    whole = to_the_end(app, run_id)
    codes = {e["aseId"]: e["faults"][0]["code"] for e in whole["result"]["value"]}
    assert codes == {ase_id_of(name): "InternalError" for name in ("one", "two")}
    assert [e["code"] for e in whole["result"]["errors"]] == ["InternalError"] * 2
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")


def test_a_clock_that_goes_back_leaves_no_subscription_out(azure, app, monkeypatch):
    """The search was late, and stopped. A moment later it is early again."""
    add_many(azure, "one", "two")
    run_id = begin_discovery(app, SUBSCRIPTION)
    is_late, asked = SubscriptionSearch.is_late, []

    def late_once(search, work):
        asked.append(work)
        return len(asked) == 1 or is_late(search, work)

    monkeypatch.setattr(SubscriptionSearch, "is_late", late_once)
    whole = to_the_end(app, run_id)
    assert (whole["status"], len(whole["result"]["value"])) == ("Succeeded", 2)
    assert whole["result"]["errors"] == []


def test_a_subscription_that_fails_is_named_and_the_others_are_listed(azure, app):
    add(azure)
    nowhere = SUBSCRIPTION.replace("1", "9")
    whole = discover(app, nowhere, SUBSCRIPTION, OTHER_SUBSCRIPTION)
    found = whole["result"]
    assert [e["aseId"] for e in found["value"]] == [ase_id_of("one")]
    assert [(e["subscriptionId"], e["code"]) for e in found["errors"]] == [
        (nowhere, "SubscriptionNotFound")
    ]
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")
    assert whole["error"]["message"] == f"something failed in 1 of 3 subscriptions: {nowhere}"


def test_where_not_even_the_subscriptions_can_be_listed_the_run_fails(azure, app):
    azure.state.faults.append(refusal("GET", "^/subscriptions$", 403, {"code": "Forbidden"}))
    whole = discover(app)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "Forbidden")
    assert whole["result"]["value"] == []


@pytest.mark.parametrize(
    ("owner", "found"), [("asemgmt", ["one", "two"]), ("other", []), (None, [])]
)
def test_tables_that_bear_the_stamp_are_found_by_it(azure, app, owner, found):
    azure.state.page_size = 1
    add(azure, table=add_table(azure.state, "one", [owned("20.0.0.0/24")]))
    add_table(azure.state, "two", [owned("20.0.0.0/24"), owned(TAG)])
    add_table(azure.state, "three")
    stamped = found_by(app, owner=owner)["routeTables"]
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
    assert found_by(app, register=True)["value"][0]["registered"] is False
    assert app.registry.get(rid("one")) is None


def test_a_table_that_somebody_registered_meanwhile_stays_as_it_is(azure, app, meanwhile):
    add(azure, table=add_table(azure.state, "one", [owned("20.0.0.0/24")]))
    theirs = Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL, note="theirs")
    meanwhile(lambda: keep(app, RegisteredTable(rid("one"), theirs)))
    discover(app, owner="asemgmt", register=True)
    found = app.registry.get(rid("one")).registration
    assert replace(found, ase_id=None) == theirs


@pytest.fixture
def in_parts(monkeypatch):
    """Each message looks at one environment."""
    monkeypatch.setattr(discovery, "LONGEST", timedelta())


def add_many(azure, *names, subscription=SUBSCRIPTION):
    for name in names:
        table = add_table(azure.state, name, subscription=subscription)
        add_environment(azure.state, name, table=table, subscription=subscription)


def reads_of(azure, resource):
    return [e for e in azure.state.log if e["method"] == "GET" and resource in e["path"]]


def test_a_discovery_in_many_messages_finds_the_same_and_reads_each_subnet_once(
    azure, app, monkeypatch
):
    add_many(azure, "one", "two", "three")
    add_many(azure, "other", subscription=OTHER_SUBSCRIPTION)
    add_table(azure.state, "alone", [owned("20.0.0.0/24")])
    at_once = found_by(app, owner="asemgmt")
    assert len(at_once["value"]) == 4
    azure.state.log.clear()
    monkeypatch.setattr(discovery, "LONGEST", timedelta())
    assert found_by(app, owner="asemgmt") == at_once
    assert len(reads_of(azure, "/subnets/")) == 4


@pytest.mark.usefixtures("in_parts")
def test_two_workers_that_have_the_same_message_find_and_register_everything_once(
    azure, app, monkeypatch, caplog
):
    caplog.set_level(logging.INFO, "ase_route_sync")
    add_many(azure, "one", "two")
    run_id = begin_discovery(app, register=True)
    survey, others = app.surveyor.survey_surroundings, [1]
    messages = [run_id]

    def deliver():
        if app.task_runs.go_on(run_id):
            messages.append(run_id)

    def survey_while_another_does_the_same(surveyor, environment):
        if others:
            others.pop()
            deliver()
        return survey(environment)

    monkeypatch.setattr(Surveyor, "survey_surroundings", survey_while_another_does_the_same)
    while messages:
        messages.pop()
        deliver()
        assert len(messages) <= 1  # one of the two gave way
    assert others == []
    whole = run_report(app, run_id)
    assert whole["status"] == "Succeeded"
    found = whole["result"]["value"]
    assert [e["aseId"] for e in found] == [ase_id_of("one"), ase_id_of("two")]
    assert all(e["registered"] for e in found)
    kinds = [r["record"] for r in records(caplog)]
    assert (kinds.count("registration"), kinds.count("run")) == (2, 1)


@pytest.mark.usefixtures("nobody_waits")
def test_what_fails_for_a_moment_is_tried_again_after_everything_else(azure, app):
    add_many(azure, "one", "two")
    add_many(azure, "other", subscription=OTHER_SUBSCRIPTION)
    run_id = begin_discovery(app, register=True)
    busy = refusal("GET", "rg-one/.*/subnets/", 503, {"code": "ServiceUnavailable"}, times=4)
    azure.state.faults.append(busy)
    with pytest.raises(TransientError, match="ServiceUnavailable"):
        app.task_runs.go_on(run_id)
    meanwhile = run_report(app, run_id)
    assert (meanwhile["status"], meanwhile["error"]["code"]) == ("Running", "ServiceUnavailable")
    named = [e["aseId"] for e in meanwhile["result"]["value"]]
    assert named == [ase_id_of("two"), ase_id_of("other", OTHER_SUBSCRIPTION)]
    azure.state.log.clear()
    assert not app.task_runs.go_on(run_id)
    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"], whole["result"]["errors"]) == ("Succeeded", None, [])
    assert {e["registered"] for e in whole["result"]["value"]} == {True}
    assert len(whole["result"]["value"]) == 3
    assert reads_of(azure, OTHER_SUBSCRIPTION) == []


@pytest.mark.usefixtures("nobody_waits", "in_parts")
def test_a_subscription_that_keeps_failing_is_given_up_and_delays_no_other(azure, app):
    add_many(azure, "one")
    add_many(azure, "other", subscription=OTHER_SUBSCRIPTION)
    down = refusal("GET", f"{SUBSCRIPTION}/providers/Microsoft.Web", 503, {}, times=99)
    azure.state.faults.append(down)
    run_id = begin_discovery(app)
    for _ in range(2):
        assert app.task_runs.go_on(run_id)
    meanwhile = run_report(app, run_id)
    assert (meanwhile["status"], len(meanwhile["result"]["value"])) == ("Running", 1)
    whole = to_the_end(app, run_id)
    assert [e["aseId"] for e in whole["result"]["value"]] == [
        ase_id_of("other", OTHER_SUBSCRIPTION)
    ]
    [error] = whole["result"]["errors"]
    assert (error["subscriptionId"], error["code"]) == (SUBSCRIPTION, "AnswerWithoutCode")
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "DiscoveryIncomplete")


def test_after_the_deadline_of_an_invocation_the_rest_is_left_to_the_next_one(azure, app):
    """Even if nothing is tried again any more, and the clock does not show that time has passed."""
    add_many(azure, "one", "two", "three")
    seconds = SteppedClock()

    class Slow(Delay):
        async def before(self, call):
            seconds.seconds += LONGEST_INVOCATION_SECONDS + 5

    slow = InjectedFault(method="GET", path="rg-one/.*/subnets/", effect=Slow(seconds=0))
    azure.state.faults.append(slow)
    run_id = begin_discovery(app, SUBSCRIPTION)
    app.searches.expect(run_id, [SearchedSubscription(SUBSCRIPTION, failures=MOST_FAILURES)])
    with time_limit(LONGEST_INVOCATION_SECONDS, seconds):
        assert app.task_runs.go_on(run_id)
    assert not app.task_runs.go_on(run_id)
    found = {e["aseId"]: e["faults"] for e in run_report(app, run_id)["result"]["value"]}
    assert [fault["code"] for fault in found[ase_id_of("two")]] == ["OutOfTime"]
    assert [fault["code"] for fault in found[ase_id_of("three")]] == ["NsgNone"]


@pytest.mark.usefixtures("in_parts")
def test_a_table_that_was_unregistered_between_two_messages_does_not_come_back(azure, app):
    add_many(azure, "one", "two")
    keep(app, RegisteredTable(rid("two"), Registration((TAG,))))
    run_id = begin_discovery(app, register=True)
    assert app.task_runs.go_on(run_id)
    app.registry.delete(rid("two"))
    while app.task_runs.go_on(run_id):
        pass
    assert {r.route_table_id for r in app.registry.list()} == {rid("one")}
    registered = [e["registered"] for e in run_report(app, run_id)["result"]["value"]]
    assert registered == [True, False]


@pytest.mark.usefixtures("nobody_waits")
def test_a_table_that_the_discovery_registered_does_not_come_back_either(azure, app):
    """An environment of its subscription fails for a moment, so that all tables are seen again."""
    add_many(azure, "one")
    add_table(azure.state, "alone", [owned("20.0.0.0/24")])
    busy = refusal("GET", "rg-one/.*/subnets/", 503, {"code": "ServiceUnavailable"}, times=8)
    azure.state.faults.append(busy)
    run_id = begin_discovery(app, SUBSCRIPTION, owner="asemgmt", register=True)
    with pytest.raises(TransientError):
        app.task_runs.go_on(run_id)
    assert app.registry.delete(rid("alone")) is not None
    with pytest.raises(TransientError):
        app.task_runs.go_on(run_id)

    whole = to_the_end(app, run_id)
    assert {r.route_table_id for r in app.registry.list()} == {rid("one")}
    [stamped] = whole["result"]["routeTables"]
    assert (stamped["routeTableId"], stamped["registered"]) == (table_id("alone"), False)


def test_a_subscription_that_is_named_twice_is_searched_once(azure, app):
    lettered = SUBSCRIPTION.replace("1", "a")
    azure.state.add_group(lettered, "rg")
    add_many(azure, "one", subscription=lettered)
    found = found_by(app, lettered, lettered.upper())
    assert [e["aseId"] for e in found["value"]] == [ase_id_of("one", lettered)]


@pytest.mark.parametrize("prefixes", [["AzureMachineLearning", "Storage"], ["20.0.0.0/24"]])
@pytest.mark.parametrize("place", ["alone", "environment"])
def test_routes_of_ours_that_a_found_table_has_stay_until_a_person_approves(
    azure, app, prefixes, place
):
    """They may be those of a tag that the lost registration had. Three may always be removed."""
    table = add_table(azure.state, "one", [owned(prefix) for prefix in prefixes])
    if place == "environment":
        add(azure, table=table)
    discover(app, owner="asemgmt", register=True)
    assert app.registry.get(rid("one")).registration.apply_policy is ApplyPolicy.ADDITIVE
    [outcome] = sync(app)["outcomes"]
    assert outcome["removed"] == [] and len(outcome["added"]) > 0
    assert {(each["prefix"], each["why"]) for each in outcome["withheld"]} == {
        (prefix, "ApplyPolicy") for prefix in prefixes
    }


def test_a_found_table_without_routes_of_ours_follows_the_policy_of_the_app(azure, app):
    add(azure, table=add_table(azure.state, "one", [route("other--20.0.0.0_24", "20.0.0.0/24")]))
    discover(app, register=True)
    assert app.registry.get(rid("one")).registration.apply_policy is None
