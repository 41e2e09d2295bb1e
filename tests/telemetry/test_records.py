"""Records name who asked."""

import json
import logging

import azure.functions as func
import pytest

from shared import endpoints
from shared.endpoints import shell
from tests.builders.azure import add_table, table_id
from tests.builders.callers import OBJECT_ID, principal
from tests.builders.routes import to_firewall
from tests.builders.runs import register


@pytest.fixture
def app(azure, make_app, monkeypatch):
    app = make_app(WEBSITE_AUTH_ENABLED="True")
    monkeypatch.setattr(shell, "app", lambda: app)
    add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    return app


def by_an_operator(**body):
    """A request of somebody whom App Service Authentication vouches for."""
    return func.HttpRequest(
        method="POST",
        url="https://app.invalid/api/x",
        headers=principal("Operator"),
        body=json.dumps(body).encode(),
    )


def records(caplog):
    lines = [r.getMessage() for r in caplog.records if r.name == "ase_route_sync"]
    return [json.loads(line) for line in lines]


def test_a_release_says_who_wanted_it_and_why(app, caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    answer = endpoints.release(by_an_operator(routeTableId=table_id("one"), reason="found them"))
    assert answer.status_code == 200
    [record] = records(caplog)
    assert (record["record"], record["reason"]) == ("release", "found them")
    assert record["requestedBy"] == OBJECT_ID


def test_a_run_says_who_wanted_it_and_why(app, caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    sent: list[str] = []
    endpoints.start_sync(by_an_operator(reason="CHG1", mode="plan"), sent.append)
    run_id = json.loads(sent[0])["runId"]
    for table in app.run_start.start(run_id):
        app.tables.sync(run_id, table)
    [record] = [r for r in records(caplog) if r["record"] == "run"]
    assert (record["requestedBy"], record["reason"]) == (OBJECT_ID, "CHG1")
