"""Route tables over real HTTP, read from the simulated Azure."""

import json

import pytest
from azure.mgmt.network import models

from local.azure.faults import refusal
from shared.domain.errors import PermanentError, TransientError
from shared.domain.routing.routes import RouteTable
from tests.builders.azure import SUBSCRIPTION, add_table, rid, table_id
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.routes import to_firewall


def test_the_next_hop_types_are_those_that_the_sdk_knows(app):
    assert app.route_tables.next_hop_types() == {kind.value for kind in models.RouteNextHopType}


def _every_key(model, value):
    """A JSON object with each key that the SDK's model knows, and one that it does not."""
    model({})  # it knows its keys from then on
    return {"unknown": [1]} | {f._rest_name: value for f in model._attr_to_rest_field.values()}


def test_a_body_leaves_out_what_the_sdk_knows_to_be_read_only_and_nothing_else(app):
    route = _every_key(models.Route, "r") | {
        "properties": _every_key(models.RoutePropertiesFormat, "p")
    }
    whole = _every_key(models.RouteTable, "t") | {
        "properties": _every_key(models.RouteTablePropertiesFormat, "q") | {"routes": [route]}
    }
    table = RouteTable.from_arm(whole)
    body = app.route_tables.body(table, table.routes)
    assert body.raw == models.RouteTable(whole).as_dict(exclude_readonly=True)
    assert body.raw["unknown"] == body.raw["properties"]["unknown"] == [1]
    [sent] = body.routes
    assert sent.raw["unknown"] == sent.raw["properties"]["unknown"] == [1]


@needs_recordings
@pytest.mark.parametrize(
    "path", sorted(RECORDINGS.glob("*routetable*200*.json")), ids=lambda path: path.stem
)
def test_the_body_of_a_recorded_table_is_what_the_sdk_would_send(app, path):
    answer = json.loads(path.read_text())["response"]["body"]
    tables = answer.get("value", [answer])
    for raw in (one for one in tables if "properties" in one):
        table = RouteTable.from_arm(raw)
        sdks = models.RouteTable(raw).as_dict(exclude_readonly=True)
        assert app.route_tables.body(table, table.routes).raw == {
            **sdks,
            "properties": {"routes": [], **sdks["properties"]},
        }


@pytest.mark.parametrize(
    "missing",
    [
        table_id("missing"),
        table_id("missing").replace("rg-missing", "no-such-group"),
        table_id("missing", "99999999-9999-4999-8999-999999999999"),
    ],
    ids=["table", "group", "subscription"],
)
def test_a_table_that_is_not_there(azure, app, missing):
    azure.state.add_group(SUBSCRIPTION, "rg-missing")
    with pytest.raises(PermanentError) as raised:
        app.route_tables.read(rid(missing))
    assert raised.value.code.name == "RouteTableNotFound"


@pytest.mark.parametrize(
    "change",
    [
        {"etag": ""},
        {"etag": None},
        {"properties": {}},
        {"properties": {"routes": None}},
        {"properties": {"routes": [{"properties": {}}]}},
        {"properties": {"routes": ["x"]}},
        {"id": table_id("two")},
    ],
)
def test_half_an_answer_or_another_tables_is_not_a_table(azure, app, ask, change):
    add_table(azure.state, "one", [to_firewall()])
    body = {**ask("GET", table_id("one")).json(), **change}
    azure.state.faults.append(refusal("GET", "one", 200, body))
    with pytest.raises(TransientError, match="UnexpectedAnswer"):
        app.route_tables.read(rid("one"))
