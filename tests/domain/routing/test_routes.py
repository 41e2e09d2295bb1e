import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.routing.routes import Route, RouteTable, internet_route, is_owned, owned_name
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.routes import OWNER, owned, route


def recorded_tables():
    for file in sorted(RECORDINGS.glob("*.json")):
        body = (json.loads(file.read_text())["response"] or {}).get("body")
        listed = body.get("value", [body]) if isinstance(body, dict) else []
        for table in listed if isinstance(listed, list) else []:
            if isinstance(table, dict) and table.get("type") == "Microsoft.Network/routeTables":
                yield table


@needs_recordings
def test_every_recorded_table_goes_back_as_it_came():
    bodies = list(recorded_tables())
    assert len(bodies) > 10
    for body in bodies:
        table = RouteTable.from_arm(body)
        assert table.to_arm(table.routes) == body
        assert table.etag == body["etag"]


def test_what_we_do_not_know_is_carried_verbatim():
    body: dict[str, Any] = {
        "location": "westeurope",
        "etag": 'W/"1"',
        "zones": ["1"],
        "properties": {
            "routes": [route("a", "10.0.0.0/8", "VirtualApplianceEcmp", nextHop={"x": [1, 2]})],
            "futureProperty": {"deep": [None, {"y": "z"}]},
        },
    }
    table = RouteTable.from_arm(body)
    written = table.to_arm([*table.routes, internet_route(OWNER, "20.0.0.0/24")])
    assert written["properties"]["routes"][0] == body["properties"]["routes"][0]
    assert written["properties"]["futureProperty"] == body["properties"]["futureProperty"]
    assert written["zones"] == ["1"]


_PREFIXES = st.builds(
    lambda address, length: f"{address}/{length}", st.ip_addresses(v=4), st.integers(0, 32)
)


@given(st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True), _PREFIXES)
def test_a_route_that_we_make_is_ours_and_nobody_elses(owner, prefix):
    made = internet_route(owner, _canonical(prefix))
    assert is_owned(made, owner)
    assert not is_owned(made, "x" + owner[:19])
    assert len(made.name) <= 80


def _canonical(prefix):
    network = Route.from_arm(route("x", prefix)).network
    assert network is not None
    return network


@pytest.mark.parametrize(
    "foreign",
    [
        route("asemgmt2--20.0.0.0_24", "20.0.0.0/24"),
        route("asemgmt-20.0.0.0_24", "20.0.0.0/24"),
        route("asemgmt--", "20.0.0.0/24"),
        route("asemgmt--20.0.0.0_24x", "20.0.0.0/24"),
        route("xasemgmt--20.0.0.0_24", "20.0.0.0/24"),
        route("ASEMGMT--20.0.0.0_24", "20.0.0.0/24"),
        route("asemgmt--20.0.0.0_24", "20.0.1.0/24"),
        route("asemgmt--20.0.0.0_024", "20.0.0.0/24"),
        route("asemgmt--ApiManagement", "AppServiceManagement"),
        route("asemgmt--appservicemanagement", "AppServiceManagement"),
        route("asemgmt--20.0.0.0_24", "AppServiceManagement"),
        {"name": "asemgmt--20.0.0.0_24"},
        {"name": "asemgmt--20.0.0.0_24", "properties": None},
    ],
)
def test_a_name_that_is_not_the_very_name_of_owner_and_prefix_is_not_ours(foreign):
    assert not is_owned(Route.from_arm(foreign), OWNER)


def test_owned_names_are_as_published():
    assert owned_name("asemgmt", "13.64.115.203/32") == "asemgmt--13.64.115.203_32"
    assert is_owned(Route.from_arm(owned("13.64.115.203/32")), OWNER)
    assert owned_name("asemgmt", "AppServiceManagement") == "asemgmt--AppServiceManagement"
    assert is_owned(Route.from_arm(owned("AppServiceManagement")), OWNER)


def test_bare_is_all_but_what_the_service_writes():
    came = route("a", "10.0.0.0/8", "None", provisioningState="Updating", hasBgpOverride=False)
    rewritten = {**route("a", "10.0.0.0/8", "None", provisioningState="Succeeded"), "etag": "2"}
    moved = route("a", "10.0.0.0/8", "Internet")
    assert Route.from_arm(came).bare() == Route.from_arm(rewritten).bare()
    assert Route.from_arm(came).bare() != Route.from_arm(moved).bare()
