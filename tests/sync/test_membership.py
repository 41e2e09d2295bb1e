"""The Azure tag of a route table registers it in the daily check, over HTTP against Azure."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from local.azure.authorization import READER
from local.azure.faults import (
    Delay,
    Drop,
    HalfPage,
    InjectedFault,
    Refuse,
    RepeatPage,
    Truncate,
    refusal,
)
from shared.deadline import time_limit
from shared.domain import codes
from shared.domain.errors import TransientError
from shared.domain.registry.registration import RouteException
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.routing.routes import owned_name
from shared.domain.runs.run import Mode, RunRequest, Trigger
from shared.storage.registry import Registry
from shared.sync import membership
from shared.sync.registering import RegisterRequest
from shared.sync.requester import Requester
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    rid,
    table_id,
    tag_document,
)
from tests.builders.clocks import SteppedClock
from tests.builders.logs import records
from tests.builders.routes import owned, route, to_firewall
from tests.builders.runs import TAG, discover, run_report, spoil, sync
from tests.builders.tags import OTHER_TAG, tag_table

A, B = "20.0.0.0/24", "20.0.1.0/24"
IN_WEST_EUROPE = ("AzureDatabricks", "Sql.WestEurope", "Storage.WestEurope", "EventHub.WestEurope")
ANN = Requester(Trigger.HTTP, "ann")
LIST = r"/subscriptions/[^/]+/providers/Microsoft.Network/routeTables$"


@pytest.fixture(autouse=True)
def tags(azure, clock):
    document = tag_document([A])
    for name in (OTHER_TAG, *IN_WEST_EUROPE):
        document["values"] += tag_document([B], name)["values"]
    azure.state.tags.answers["westeurope"] = document


@pytest.fixture
def app(make_app):
    return make_app(DISCOVER_BY_TAG="true", ALLOWED_SERVICE_TAGS=f"{TAG},{OTHER_TAG},databricks")


@pytest.fixture
def add(azure):
    def add(name="one", value=TAG, routes=(), **where):
        table = add_table(azure.state, name, [to_firewall(), *routes], **where)
        tag_table(table, value)
        return table

    return add


@pytest.fixture
def one(add):
    return add()


@pytest.fixture
def known(app, one):
    """A table that its tag has registered."""
    app.check.check()
    return one


def told(checked):
    """The alarms about tags."""
    about_tags = {"AzureTagWrong", "AzureTagDiffers", "AzureTagsNotRead", "StampedByAnother"}
    return [alarm.code.name for alarm in checked.alarms if alarm.code.name in about_tags]


def effects(checked):
    return [(change.route_table_id.name, change.effect.value) for change in checked.tag_changes]


def registration(app, name="one"):
    return app.registry.get(rid(name)).registration


def by_person(app, name="one", **changed):
    app.registering.change(str(rid(name)), partial(replace, **changed), ANN)


# Registering


def test_a_table_is_registered_and_its_run_starts_in_the_same_check(app, one):
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([("one", "registered")], [])
    entry = app.registry.get(rid("one"))
    assert (entry.registration.service_tags, entry.registration.enabled) == ((TAG,), True)
    assert (entry.by_tag, entry.changed_by) == (True, f"Azure tag aseRouteSync = '{TAG}'")
    assert entry.status.subnet_ids
    for table in app.run_start.start(checked.run_id):
        app.tables.sync(checked.run_id, table)
    assert run_report(app, checked.run_id)["counts"]["changed"] == 1
    assert {route["name"] for route in one.routes} == {to_firewall()["name"], owned(A)["name"]}


def test_a_service_stands_for_its_tags_in_the_region_of_the_table(app, add):
    one = add(value="databricks")
    assert effects(app.check.check()) == [("one", "registered")]
    found = registration(app)
    assert (found.service, found.region, found.tags_beside) == ("databricks", "westeurope", ())
    assert found.service_tags == IN_WEST_EUROPE
    assert effects(app.check.check()) == []

    tag_table(one, TAG)
    assert effects(app.check.check()) == [("one", "changed")]
    found = registration(app)
    assert (found.service, found.region, found.service_tags) == (None, None, (TAG,))
    tag_table(one, "off")
    app.check.check()
    tag_table(one, "databricks")
    assert effects(app.check.check()) == [("one", "changed")]
    assert (registration(app).service, registration(app).enabled) == ("databricks", True)


def test_the_next_check_changes_nothing_and_asks_once_for_the_list(azure, app, known):
    changed_at = app.registry.get(rid("one")).changed_at
    azure.state.log.clear()
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], [])
    assert app.registry.get(rid("one")).changed_at == changed_at
    paths = [entry["path"].rpartition("/providers/")[2] for entry in azure.state.log]
    assert paths.count("Microsoft.Network/routeTables") == 2  # one in each subscription
    assert paths.count("Microsoft.Network/routeTables/one") == 1  # the check itself reads it


def test_a_table_of_a_person_that_has_no_tag_costs_no_more_calls(azure, app, add):
    add(value=None)
    app.registering.register(RegisterRequest(resource_id=str(rid("one"))), ANN)
    azure.state.log.clear()
    app.check.check()
    paths = [entry["path"] for entry in azure.state.log]
    assert sum(path.endswith("/routeTables/one") for path in paths) == 1  # by the check itself


def test_off_by_default_nothing_is_listed(azure, make_app, one):
    app = make_app()
    app.check.check()
    assert app.registry.get(rid("one")) is None
    assert not [entry for entry in azure.state.log if entry["path"].endswith("/routeTables")]


def test_a_check_of_the_command_line_registers_nothing(app, one):
    asked = app.create_run(RunRequest(Trigger.CLI, Mode.APPLY))
    assert effects(app.check.check(asked)) == []
    assert app.registry.get(rid("one")) is None


def test_a_check_that_somebody_asks_the_app_for_follows_the_tags(app, one):
    asked = app.create_run(RunRequest(Trigger.HTTP, Mode.APPLY))
    assert effects(app.check.check(asked)) == [("one", "registered")]
    assert effects(app.check.check(asked)) == []


def test_the_name_of_the_tag_has_any_case(azure, app, add):
    tag_table(add(value=None), TAG, name="ASEROUTESYNC")
    assert effects(app.check.check()) == [("one", "registered")]


def test_every_page_of_every_subscription_is_read(azure, app, add):
    azure.state.page_size = 2
    names = [f"t{number}" for number in range(5)]
    for name in names:
        add(name)
    there = table_id("there", OTHER_SUBSCRIPTION)
    add("there", subscription=OTHER_SUBSCRIPTION)
    checked = app.check.check()
    assert sorted(name for name, _ in effects(checked)) == sorted([*names, "there"])
    assert app.registry.get(rid(there)).by_tag


def test_a_table_with_off_is_registered_and_disabled(azure, app, add):
    one = add(value="off")
    assert effects(app.check.check()) == [("one", "registered")]
    assert (registration(app).enabled, app.registry.get(rid("one")).by_tag) == (False, True)
    tag_table(one, OTHER_TAG)
    checked = app.check.check()
    assert effects(checked) == [("one", "changed")]
    assert (registration(app).enabled, registration(app).service_tags) == (True, (OTHER_TAG,))


def test_off_needs_no_tag_that_is_allowed(make_app, add):
    app = make_app(DISCOVER_BY_TAG="true", ALLOWED_SERVICE_TAGS=OTHER_TAG)
    one = add(value="off")
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([("one", "registered")], [])
    assert not registration(app).enabled

    tag_table(one, TAG)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["AzureTagWrong"])
    assert not registration(app).enabled
    tag_table(one, OTHER_TAG)
    assert effects(app.check.check()) == [("one", "changed")]
    assert (registration(app).enabled, registration(app).service_tags) == (True, (OTHER_TAG,))


@pytest.mark.usefixtures("nobody_waits")
def test_off_holds_while_no_location_answers(azure, app, add):
    add(value="off")
    azure.state.faults.append(refusal("GET", "serviceTags", 503, {}, times=99))
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([("one", "registered")], [])


def test_a_search_does_not_enable_what_is_off(azure, app, add):
    add_environment(azure.state, "one", table=add(value="off"))
    app.check.check()
    discover(app, register=True)
    assert not registration(app).enabled


@pytest.mark.parametrize("value", ["off", TAG, "databricks"])
def test_a_search_leaves_a_tagged_table_to_the_check(azure, app, add, value):
    table = add(value=value, routes=[owned(A)])
    add_environment(azure.state, "one", table=table)
    found = discover(app, register=True, owner="asemgmt")
    [shown] = found["result"]["value"]
    assert (found["status"], shown["registered"]) == ("Succeeded", False)
    assert "AzureTagDecides" in [fault["code"] for fault in shown["faults"]]
    assert app.registry.get(rid("one")) is None
    assert effects(app.check.check()) == [("one", "registered")]


def test_a_search_registers_what_has_no_tag_and_all_tables_if_no_tag_counts(
    azure, app, make_app, add
):
    add_environment(azure.state, "one", table=add(value=None))
    add_environment(azure.state, "two", table=add("two", "off"))
    discover(app, register=True)
    assert [entry.route_table_id.name for entry in app.registry.list()] == ["one"]
    discover(make_app(), register=True)
    assert {entry.route_table_id.name for entry in app.registry.list()} == {"one", "two"}


def test_while_paused_tables_are_registered_and_nothing_is_written(azure, make_app, one):
    app = make_app(DISCOVER_BY_TAG="true", PAUSED="true")
    checked = app.check.check()
    for table in app.run_start.start(checked.run_id):
        app.tables.sync(checked.run_id, table)
    assert run_report(app, checked.run_id)["counts"]["planned"] == 1
    assert (effects(checked), azure.state.writes()) == ([("one", "registered")], [])


def test_many_tables_with_a_new_tag_ask_for_it_once(azure, app, add):
    for number in range(4):
        add(f"t{number}", OTHER_TAG)
    assert len(effects(app.check.check())) == 4
    asked = [entry for entry in azure.state.log if entry["path"].endswith("/serviceTags")]
    first_pages = [entry for entry in asked if "skipToken" not in entry["query"]]
    assert len(first_pages) == 2  # once for the tables, and once by the check itself


def test_a_table_with_the_routes_of_another_owner_is_left_to_that_owner(app, add):
    add(routes=[route(owned_name("other", A), A)])
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["StampedByAnother"])
    assert "other" in checked.alarms[-1].message
    assert app.registry.get(rid("one")) is None


def test_a_table_that_was_off_is_left_to_the_owner_that_has_taken_it_over(app, add):
    one = add(value="off", routes=[route(owned_name("other", A), A)])
    assert effects(app.check.check()) == [("one", "registered")]
    tag_table(one, TAG)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["StampedByAnother"])
    assert not registration(app).enabled

    one.routes[:] = [to_firewall()]
    assert effects(app.check.check()) == [("one", "changed")]


def test_a_table_that_the_app_keeps_right_stays_its_own(app, add):
    one = add()
    app.check.check()
    one.routes.append(route(owned_name("other", A), A))
    tag_table(one, OTHER_TAG)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([("one", "changed")], [])


def test_its_own_routes_are_no_obstacle(app, add):
    add(routes=[owned(A)])
    assert effects(app.check.check()) == [("one", "registered")]


# A wrong value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "the value is empty"),
        ("true", "true is not in ALLOWED_SERVICE_TAGS"),
        ("Storage", "Storage is not in ALLOWED_SERVICE_TAGS"),
        (f"{TAG},Storage", "Storage is not in ALLOWED_SERVICE_TAGS"),
        ("no tag!", "not the name of a service tag"),
        (",".join(f"T{number}" for number in range(51)), "50 at most"),
        ("Databricks", "Databricks is not in ALLOWED_SERVICE_TAGS, and databricks is: upper and"),
        (TAG.lower(), f"is not in ALLOWED_SERVICE_TAGS, and {TAG} is: upper and lower case count"),
        (f"off,{TAG}", "off is not in ALLOWED_SERVICE_TAGS"),
        ("hdInsight", "hdInsight is not in ALLOWED_SERVICE_TAGS"),
        (f"databricks,{TAG}", "databricks is a service, which stands alone"),
    ],
)
def test_a_wrong_value_is_told_and_registers_nothing(app, add, value, said):
    add(value=value)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["AzureTagWrong"])
    [alarm] = [alarm for alarm in checked.alarms if alarm.route_table_id]
    assert said in alarm.message
    assert app.registry.get(rid("one")) is None


def test_a_tag_that_does_not_exist_is_a_wrong_value(make_app, add):
    app = make_app(DISCOVER_BY_TAG="true", ALLOWED_SERVICE_TAGS=f"{TAG},Nowhere")
    add(value="Nowhere")
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["AzureTagWrong"])


def test_a_value_that_becomes_wrong_leaves_the_registration(app, known):
    tag_table(known, "Storage")
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["AzureTagWrong"])
    assert registration(app).service_tags == (TAG,)


def test_one_wrong_value_keeps_no_other_table(app, add):
    add("bad", "Storage")
    add("good")
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([("good", "registered")], ["AzureTagWrong"])


def test_a_location_that_does_not_answer_now_registers_the_table_the_next_time(azure, app, add):
    add()
    busy = {"Retry-After": "99"}
    azure.state.faults.append(refusal("GET", "serviceTags", 503, {}, times=1, headers=busy))
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["AzureTagsNotRead"])
    assert effects(app.check.check()) == [("one", "registered")]


# A change of the tag


def test_another_value_changes_the_tags_and_nothing_else(azure, app, clock, known):
    add_environment(azure.state, "ase", table=known)
    discover(app, register=True)
    before = registration(app)
    assert before.ase_id is not None
    tag_table(known, f"{OTHER_TAG},{TAG}")
    assert effects(app.check.check()) == [("one", "changed")]
    assert registration(app) == replace(before, service_tags=(OTHER_TAG, TAG))
    assert app.registry.get(rid("one")).by_tag


def test_a_tag_that_is_taken_away_is_a_former_source_with_its_grace(app, clock, known):
    tag_table(known, OTHER_TAG)
    app.check.check()
    assert app.registry.get(rid("one")).status.former_sources.keys() == {TAG}


# A person


GUARDS = {
    "exceptions": (RouteException(A, "why", date(2027, 1, 1)),),
    "apply_policy": ApplyPolicy.APPROVAL,
    "note": "mine",
    "enabled": False,
}


@pytest.mark.parametrize("changed", [*({k: v} for k, v in GUARDS.items()), {}], ids=str)
@pytest.mark.parametrize("value", [OTHER_TAG, "databricks", "off", "Storage", None])
def test_what_a_person_has_changed_no_tag_changes(app, known, changed, value):
    by_person(app, **changed)
    entry = app.registry.get(rid("one"))
    assert (entry.by_tag, entry.changed_by) == (False, "ann")
    tag_table(known, value)
    checked = app.check.check()
    assert effects(checked) == []
    after = app.registry.get(rid("one"))
    assert (after.registration, after.by_tag) == (entry.registration, False)
    assert after.changed_by == "ann"


def test_a_difference_from_a_persons_registration_is_told_until_it_is_gone(app, one):
    request = RegisterRequest(resource_id=str(rid("one")), service_tags=(OTHER_TAG,))
    app.registering.register(request, ANN)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["AzureTagDiffers"])
    assert f"a person has registered the table with {OTHER_TAG}" in checked.alarms[-1].message
    tag_table(one, OTHER_TAG)
    assert told(app.check.check()) == []


def test_a_table_that_a_person_unregisters_is_registered_again_with_what_protects_it(app, known):
    tag_table(known, OTHER_TAG)
    app.check.check()
    by_person(app, note="mine")
    app.registering.unregister(str(rid("one")), ANN)
    assert effects(app.check.check()) == [("one", "registered")]
    entry = app.registry.get(rid("one"))
    assert (entry.by_tag, entry.registration.note) == (True, None)
    assert entry.status.former_sources.keys() == {TAG}


def test_a_search_that_adds_the_environment_leaves_the_table_to_its_tag(azure, app, known):
    add_environment(azure.state, "ase", table=known)
    discover(app, register=True)
    assert registration(app).ase_id is not None
    assert app.registry.get(rid("one")).by_tag


def test_the_log_shows_who_made_and_who_changed_it(app, one, caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    app.check.check()
    by_person(app)
    tag_table(one, None)
    app.check.check()
    changes = [one for one in records(caplog) if one["record"] == "registration"]
    assert [(c["change"], c["trigger"], c["changedBy"], c["madeByTag"]) for c in changes] == [
        ("registered", "check", f"Azure tag aseRouteSync = '{TAG}'", True),
        ("changed", "http", "ann", False),
    ]


# Unregistering


def test_a_table_without_the_tag_is_unregistered_and_keeps_its_routes(azure, app, known):
    known.routes.append(owned(A))
    routes = [*known.routes]
    tag_table(known, None)
    checked = app.check.check()
    assert effects(checked) == [("one", "unregistered")]
    assert app.registry.get(rid("one")) is None
    assert (known.routes, azure.state.writes()) == (routes, [])
    assert app.registry.remembered(rid("one")).former_sources.keys() == {TAG}


def test_a_disabled_one_is_unregistered_as_well(app, add):
    one = add(value="off")
    app.check.check()
    tag_table(one, None)
    assert effects(app.check.check()) == [("one", "unregistered")]


def test_if_the_setting_is_switched_off_all_stay_registered(app, make_app, known):
    tag_table(known, None)
    assert effects(make_app().check.check()) == []
    assert app.registry.get(rid("one")).by_tag
    assert effects(app.check.check()) == [("one", "unregistered")]


def test_a_table_that_only_the_list_lacks_stays(azure, app, known):
    azure.state.faults.append(InjectedFault(method="GET", path=LIST, effect=HalfPage(), times=2))
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], [])
    assert app.registry.get(rid("one")).by_tag


def test_a_tag_that_only_the_list_lacks_counts_as_the_table_itself_shows_it(azure, app, known):
    tag_table(known, OTHER_TAG)
    azure.state.faults.append(InjectedFault(method="GET", path=LIST, effect=HalfPage(), times=2))
    assert effects(app.check.check()) == [("one", "changed")]


class Meanwhile(Delay):
    """Somebody changes the table after the list was read, and before the table itself is."""

    seconds: float = 0
    change: Callable[[], None]

    async def before(self, call):
        self.change()


@pytest.fixture
def meanwhile(azure):
    def meanwhile(change):
        azure.state.faults.append(
            InjectedFault(method="GET", path=ONE, effect=Meanwhile(change=change), times=1)
        )

    return meanwhile


def test_a_tag_that_only_the_list_still_shows_registers_nothing(app, one, meanwhile):
    meanwhile(lambda: tag_table(one, None))
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], [])
    assert app.registry.get(rid("one")) is None


def test_a_table_that_only_the_list_still_shows_is_not_registered(azure, app, one, meanwhile):
    meanwhile(lambda: azure.state.remove(one))
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], [])
    assert app.registry.get(rid("one")) is None


def test_a_table_is_registered_as_it_says_itself_and_not_as_the_list_says(app, one, meanwhile):
    meanwhile(lambda: tag_table(one, OTHER_TAG))
    assert effects(app.check.check()) == [("one", "registered")]
    assert registration(app).service_tags == (OTHER_TAG,)


@pytest.mark.parametrize(
    ("value", "effect"), [(TAG, []), (None, [("one", "unregistered")]), ("Storage", [])]
)
def test_a_change_that_only_the_list_shows_is_not_made(app, known, meanwhile, value, effect):
    tag_table(known, OTHER_TAG)
    meanwhile(lambda: tag_table(known, value))
    assert effects(app.check.check()) == effect
    assert [entry.registration.service_tags for entry in app.registry.list()] == (
        [] if effect else [(TAG,)]
    )


def test_a_wrong_tag_does_not_cost_one_more_call_every_day(azure, app, add):
    add(value="Storage")
    app.check.check()
    paths = [entry["path"] for entry in azure.state.log]
    assert not [path for path in paths if path.endswith("/routeTables/one")]


SUBSCRIPTIONS = "^/subscriptions$"
ONE = "/routeTables/one$"


def hidden(method_path, status, **more):
    body = {"error": {"code": more.pop("code", "SomeError"), "message": "no"}}
    return InjectedFault(
        method="GET", path=method_path, effect=Refuse(status=status, body=body), times=99, **more
    )


def name_of(fault):
    status = getattr(fault.effect, "status", "")
    return f"{fault.path} {fault.effect.kind} {status} {fault.skip}"


@pytest.mark.usefixtures("nobody_waits")
@pytest.mark.parametrize(
    "fault",
    [
        hidden(ONE, 403, code="AuthorizationFailed"),
        hidden(ONE, 404, code="ResourceNotFound"),
        hidden(ONE, 404, code="SubscriptionNotFound"),
        hidden(ONE, 503),
        InjectedFault(method="GET", path=ONE, effect=Drop(), times=99),
        InjectedFault(method="GET", path=ONE, effect=Truncate(), times=99),
        hidden(LIST, 403, code="AuthorizationFailed"),
        hidden(LIST, 404, code="SubscriptionNotFound"),
        hidden(LIST, 500),
        InjectedFault(method="GET", path=LIST, effect=Truncate(), times=99),
        InjectedFault(method="GET", path=LIST, effect=RepeatPage(), times=99),
        hidden(LIST, 500, skip=1),
        hidden(SUBSCRIPTIONS, 403, code="AuthorizationFailed"),
        hidden(SUBSCRIPTIONS, 500),
        InjectedFault(method="GET", path=SUBSCRIPTIONS, effect=HalfPage(), times=99),
    ],
    ids=name_of,
)
def test_a_fault_unregisters_nothing(azure, app, add, known, fault):
    azure.state.page_size = 1
    add("zz", None)
    tag_table(known, None)
    azure.state.faults.append(fault)
    checked = app.check.check()
    assert effects(checked) == []
    assert app.registry.get(rid("one")).by_tag
    azure.state.faults.clear()
    assert effects(app.check.check()) == [("one", "unregistered")]


def test_a_table_that_is_gone_stays_registered_until_a_person_unregisters_it(azure, app, known):
    azure.state.remove(known)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], [])
    assert app.registry.get(rid("one")).by_tag


def test_a_table_that_has_moved_is_registered_at_its_new_place(azure, app, add, known):
    azure.state.remove(known)
    add("moved")
    checked = app.check.check()
    assert effects(checked) == [("moved", "registered")]
    assert app.registry.get(rid("one")) is not None


@pytest.mark.parametrize("value", [None, OTHER_TAG])
def test_a_row_that_cannot_be_read_is_left_to_a_person(app, known, value):
    spoil(app, "one")
    tag_table(known, value)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], [])
    assert [entry.unreadable for entry in app.registry.list()] != [None]


# What is told of what was not read


@pytest.mark.usefixtures("nobody_waits")
def test_a_subscription_that_fails_keeps_no_other_and_is_told(azure, app, add):
    add()
    add("there", subscription=OTHER_SUBSCRIPTION)
    azure.state.faults.append(hidden(f"{OTHER_SUBSCRIPTION}/providers/.*/routeTables$", 500))
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([("one", "registered")], ["AzureTagsNotRead"])
    assert f"1 of 2 subscriptions: {OTHER_SUBSCRIPTION}" in checked.alarms[-1].message
    assert [*checked.tags_not_read] == [OTHER_SUBSCRIPTION]


def test_a_right_that_is_missing_is_told_only_where_a_table_is_registered(azure, app, add):
    add()
    add("there", subscription=OTHER_SUBSCRIPTION)
    azure.state.identities.app.assignments = [
        (f"/subscriptions/{SUBSCRIPTION}", READER),
        (f"/subscriptions/{OTHER_SUBSCRIPTION}/resourceGroups/storage", READER),
    ]
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([("one", "registered")], [])
    assert checked.tags_not_read[OTHER_SUBSCRIPTION].code.name == "AuthorizationFailed"
    request = RegisterRequest(resource_id=table_id("there", OTHER_SUBSCRIPTION))
    app.registering.register(request, ANN)
    assert told(app.check.check()) == ["AzureTagsNotRead"]


@pytest.mark.parametrize("of_person", [False, True])
def test_a_subscription_that_azure_does_not_list_any_more_is_told(azure, app, add, of_person):
    there = add("there", subscription=OTHER_SUBSCRIPTION)
    if of_person:
        request = RegisterRequest(resource_id=table_id("there", OTHER_SUBSCRIPTION))
        app.registering.register(request, ANN)
    assert told(app.check.check()) == []

    # Even the last right on a subscription is lost, and with it its place in the list.
    tag_table(there, None)
    azure.state.identities.app.assignments = [(f"/subscriptions/{SUBSCRIPTION}", READER)]
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["AzureTagsNotRead"])
    assert f"in 1 of 2 subscriptions: {OTHER_SUBSCRIPTION}" in checked.alarms[-1].message
    assert [*checked.tags_not_read] == [OTHER_SUBSCRIPTION]


def test_what_there_was_no_time_for_is_told_and_stays_as_it_is(app, add, known):
    """The rest of the check has its own time."""
    tag_table(known, None)
    add("two")
    app.membership = replace(app.membership, longest=timedelta(seconds=-1))
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], ["AzureTagsNotRead"])
    assert "no time" in checked.alarms[-1].message
    errors = [table.error.code.name for table in checked.tables if table.error]
    assert checked.unusable == {}
    assert not {"NotLookedAt", "OutOfTime"} & {*errors}
    assert app.registry.get(rid("one")).by_tag


def test_a_subscription_that_does_not_answer_costs_the_check_no_more(azure, app, known):
    """The time ends within a call, although nothing else shows that it has passed."""
    tag_table(known, None)
    seconds = SteppedClock()

    class Slow(Delay):
        async def before(self, call):
            seconds.seconds += 31

    azure.state.faults.append(
        InjectedFault(method="GET", path=LIST, effect=Slow(seconds=0), times=1)
    )
    with time_limit(30, seconds):
        found = app.follow_tags()
    assert found.changes == ()
    assert {why.code.name for why in found.not_read.values()} == {"NotLookedAt"}


def test_a_subscription_with_too_many_tables_ends_in_time(azure, app, add, known, monkeypatch):
    """The time ends in the middle of a list."""
    tag_table(known, None)
    azure.state.page_size = 1
    add("a")
    add("zz")
    clock = iter([0.0, 1.0, 2.0, *[99.0] * 99])
    monkeypatch.setattr(membership, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    checked = app.check.check()
    assert ("one", "unregistered") not in effects(checked)
    assert told(checked) == ["AzureTagsNotRead"]


def test_a_table_that_the_list_lacks_stays_if_there_is_no_time_to_ask_for_it(
    azure, app, known, monkeypatch
):
    tag_table(known, None)
    azure.state.faults.append(InjectedFault(method="GET", path=LIST, effect=HalfPage(), times=2))
    azure.state.log.clear()

    def paths():
        return [entry["path"] for entry in azure.state.log]

    def seconds():
        listed = [path for path in paths() if re.search(f"{SUBSCRIPTION}.*routeTables$", path)]
        return 99.0 if listed else 0.0

    monkeypatch.setattr(membership, "time", SimpleNamespace(monotonic=seconds))
    found = app.follow_tags()
    assert (found.changes, app.registry.get(rid("one")).by_tag) == ((), True)
    assert not [path for path in paths() if path.endswith("/routeTables/one")]


# Others at the same time


def test_two_checks_at_once_register_once(app, make_app, one, monkeypatch):
    second = make_app(DISCOVER_BY_TAG="true")
    add_row, first, found = Registry.add, [True], []

    def add(registry, table):
        if first:
            first.clear()
            found.extend(effects(second.check.check()))
        return add_row(registry, table)

    monkeypatch.setattr(Registry, "add", add)
    checked = app.check.check()
    assert found == [("one", "registered")]
    assert effects(checked) == []
    assert (told(checked), app.registry.get(rid("one")).by_tag) == ([], True)


@pytest.mark.parametrize("value", [None, OTHER_TAG])
def test_a_person_who_is_faster_than_the_check_wins(app, known, monkeypatch, value):
    tag_table(known, value)
    row, first = Registry._row, [True]

    def read(registry, route_table_id):
        found = row(registry, route_table_id)
        if first:
            first.clear()
            by_person(app)
        return found

    monkeypatch.setattr(Registry, "_row", read)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([], [])
    entry = app.registry.get(rid("one"))
    assert (entry.by_tag, entry.registration.service_tags) == (False, (TAG,))


def test_two_apps_that_see_the_same_tag_do_not_undo_each_other(azurite, make_app, app, one):
    other = make_app(DISCOVER_BY_TAG="true", ROUTE_OWNER="asedev", AzureWebJobsStorage=azurite())
    for each in (app, other):
        assert effects(each.check.check()) == [("one", "registered")]
    assert sync(app)["counts"]["changed"] == 1
    routes = [*one.routes]

    theirs = sync(other)
    assert theirs["counts"]["unchanged"] == 1
    assert theirs["outcomes"][0]["covered"] == [A]
    assert sync(app)["counts"]["unchanged"] == 1
    assert one.routes == routes


def test_storage_that_fails_for_one_table_keeps_no_other(app, add, monkeypatch):
    for name in ("one", "two"):
        add(name)
    add_row = Registry.add

    def refuse(registry, table):
        if table.route_table_id.name == "one":
            raise TransientError(codes.STORAGE_UNAVAILABLE, "storage is away")
        return add_row(registry, table)

    monkeypatch.setattr(Registry, "add", refuse)
    checked = app.check.check()
    assert (effects(checked), told(checked)) == ([("two", "registered")], ["AzureTagsNotRead"])
    assert "storage is away" in checked.alarms[-1].message
    monkeypatch.undo()
    assert effects(app.check.check()) == [("one", "registered")]


def test_the_row_of_the_check_keeps_what_the_tags_have_changed(app, one):
    checked = app.check.check()
    stored, _ = app.checks.get(checked.check_id)
    assert stored.tag_changes == checked.tag_changes
    assert json.dumps([change.effect for change in stored.tag_changes]) == '["registered"]'
