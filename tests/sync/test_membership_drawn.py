"""Drawn sequences of tags, persons and faults: no person's registration and no route is lost."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.azure.faults import Drop, HalfPage, InjectedFault, Refuse, RepeatPage, Truncate
from shared.domain.errors import NotFound
from shared.domain.runs.run import Trigger
from shared.sync.registering import RegisterRequest
from shared.sync.requester import Requester
from tests.builders.azure import add_table, rid, tag_document, unthrottled
from tests.builders.routes import to_firewall
from tests.builders.runs import TAG, copy_rows
from tests.builders.tags import OTHER_TAG, tag_table

pytestmark = pytest.mark.usefixtures("nobody_waits", "clock")
ANN = Requester(Trigger.HTTP, "ann")
NAMES = ("one", "two", "three")
VALUES = {TAG: (TAG,), OTHER_TAG: (OTHER_TAG,), f"{TAG},{OTHER_TAG}": (TAG, OTHER_TAG)}
LIST = "providers/Microsoft.Network/routeTables$"
PLACES = (LIST, LIST, "^/subscriptions$", "/routeTables/[^/]+$", "/serviceTags$")


def _refused(status, code):
    return Refuse(status=status, body={"error": {"code": code, "message": "no"}})


faults = st.builds(
    InjectedFault,
    method=st.just("GET"),
    path=st.sampled_from(PLACES),
    effect=st.sampled_from(
        [
            _refused(403, "AuthorizationFailed"),
            _refused(404, "ResourceNotFound"),
            _refused(404, "SubscriptionNotFound"),
            _refused(503, "ServiceUnavailable"),
            *(Drop(), HalfPage(), HalfPage(), RepeatPage(), Truncate()),
        ]
    ),
    times=st.sampled_from([1, 99]),
    skip=st.integers(0, 1),
)
tables = st.sampled_from(NAMES)
tag = st.tuples(st.just("tag"), tables, st.sampled_from([*VALUES, "off", "Storage", "", None]))
person = st.tuples(st.sampled_from(["put", "patch", "disable", "delete"]), tables, st.none())
check = st.tuples(st.just("check"), st.just(""), st.none() | faults)
steps = st.lists(st.one_of(tag, person, check, check), min_size=2, max_size=12)


class World:
    def __init__(self, azure, app, routes):
        self.azure, self.app = azure, app
        self.tables = {name: add_table(azure.state, name, routes[name]) for name in NAMES}
        for table in self.tables.values():
            tag_table(table, TAG)
        self.of_persons = {}

    def take(self, what, name, value):
        match what:
            case "tag":
                tag_table(self.tables[name], value)
            case "check":
                self.check(value)
            case "put":
                request = RegisterRequest(resource_id=str(rid(name)), note="mine")
                self.app.registering.register(request, ANN)
                self.keep(name)
            case "delete" | "patch" | "disable":
                self.change(what, name)

    def change(self, what, name):
        edit = partial(replace, enabled=False) if what == "disable" else partial(replace)
        try:
            if what == "delete":
                self.app.registering.unregister(str(rid(name)), ANN)
            else:
                self.app.registering.change(str(rid(name)), edit, ANN)
        except NotFound:
            return
        self.keep(name)

    def keep(self, name):
        self.of_persons[name] = self.app.registry.get(rid(name))
        if self.of_persons[name] is None:
            del self.of_persons[name]

    def check(self, fault):
        routes = {name: self.names_in(name) for name in NAMES}
        self.azure.state.faults[:] = [fault] if fault else []
        checked = self.app.check.check()
        self.azure.state.faults.clear()
        if checked.run_id is not None:
            for table in self.app.run_start.start(checked.run_id):
                self.app.tables.sync(checked.run_id, table)

        self.judge(checked, is_quiet=fault is None)
        assert all(routes[name] <= self.names_in(name) for name in NAMES)

    def names_in(self, name):
        return {route["name"] for route in self.tables[name].routes}

    def judge(self, checked, *, is_quiet):
        changed = {
            change.route_table_id.name: change.effect.value for change in checked.tag_changes
        }
        assert changed.keys().isdisjoint(self.of_persons)
        entries = {entry.route_table_id.name: entry for entry in self.app.registry.list()}
        for name in NAMES:
            entry: Any = entries.get(name)
            value = (self.tables[name].tags or {}).get("aseRouteSync")
            if name in self.of_persons:
                known = self.of_persons[name]
                assert (entry.registration, entry.by_tag) == (known.registration, False)
                assert (entry.changed_at, entry.changed_by) == (known.changed_at, "ann")
            elif is_quiet:
                self.judge_tagged(entry, value)
            if changed.get(name) == "unregistered":
                assert value is None

    def judge_tagged(self, entry, value):
        if value is None:
            assert entry is None
        elif value in VALUES:
            assert (entry.by_tag, entry.registration.enabled) == (True, True)
            assert {*entry.registration.service_tags} == {*VALUES[value]}
        elif value == "off":
            assert (entry.by_tag, entry.registration.enabled) == (True, False)


@pytest.fixture
def make_world(azure, azurite, make_app):
    """Each call gives an app that has registered all tables by their tags and synced them."""
    unthrottled(azure.state)
    document = tag_document(["20.0.0.0/24"])
    document["values"] += tag_document(["20.0.1.0/24"], OTHER_TAG)["values"]
    azure.state.tags.answers["westeurope"] = document

    def make(routes):
        app = make_app(
            AzureWebJobsStorage=azurite(),
            DISCOVER_BY_TAG="true",
            REMOVAL_GRACE_DAYS="28",
            ALLOWED_SERVICE_TAGS=f"{TAG},{OTHER_TAG}",
        )
        return World(azure, app, routes)

    first = make({name: [to_firewall()] for name in NAMES})
    first.check(None)
    routes = {name: first.tables[name].routes for name in NAMES}

    def again():
        world = make(routes)
        copy_rows(first.app, world.app)
        return world

    return again


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_no_persons_registration_and_no_route_is_lost(make_world, drawn):
    world = make_world()
    for step in drawn:
        world.take(*step)
    world.check(None)
