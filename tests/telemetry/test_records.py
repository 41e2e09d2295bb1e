"""Records name who asked."""

import json
import logging
from datetime import date

import azure.functions as func
import pytest

from shared import endpoints
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.runs.run import Trigger
from shared.endpoints import shell
from shared.log import log_registration
from shared.sync.registrar import ChangeKind, RegistrationChange
from tests.builders.azure import add_environment, add_table, rid, table_id, tag_document
from tests.builders.callers import OBJECT_ID, principal
from tests.builders.logs import records
from tests.builders.routes import to_firewall
from tests.builders.runs import START, register


@pytest.fixture
def app(azure, make_app, monkeypatch):
    app = make_app(WEBSITE_AUTH_ENABLED="True")
    monkeypatch.setattr(shell, "app", lambda: app)
    add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    return app


def by_an_operator(role="Operator", **body):
    """A request of somebody whom App Service Authentication vouches for."""
    return func.HttpRequest(
        method="POST",
        url="https://app.invalid/api/x",
        headers=principal(role),
        route_params={"id": table_id("one").strip("/")},
        body=json.dumps(body).encode(),
    )


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


def test_each_change_of_a_registration_leaves_one_record_and_a_name(azure, app, caplog):
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    caplog.set_level(logging.INFO, "ase_route_sync")
    endpoints.change_route_table(by_an_operator(note="x"))
    changed = app.registering.get(table_id("one"))
    assert (changed.changed_by, changed.changed_at is None) == (OBJECT_ID, False)
    endpoints.change_route_table(by_an_operator(note="x"))
    endpoints.register_route_table(by_an_operator(note="x", enabled=False, role="Approver"))
    endpoints.unregister_route_table(by_an_operator(role="Approver"))
    endpoints.register_route_table(by_an_operator(note="y"))
    changes = [r for r in records(caplog) if r["record"] == "registration"]
    assert [c["change"] for c in changes] == ["changed", "disabled", "unregistered", "registered"]
    assert {c["changedBy"] for c in changes} == {OBJECT_ID}
    assert {c["routeTableId"] for c in changes} == {table_id("one")}
    notes = [[c[side] and c[side]["note"] for side in ("before", "after")] for c in changes]
    assert notes == [[None, "x"], ["x", "x"], ["x", None], [None, "y"]]


def test_a_search_that_registers_leaves_a_record_of_each_table(azure, app, caplog):
    add_environment(azure.state, "two", table=add_table(azure.state, "two"))
    caplog.set_level(logging.INFO, "ase_route_sync")
    answer = endpoints.discover(by_an_operator(register=True))
    assert answer.status_code == 200
    [change] = [r for r in records(caplog) if r["record"] == "registration"]
    assert (change["change"], change["routeTableId"]) == ("discovered", table_id("two"))
    assert (change["before"], change["changedBy"]) == (None, OBJECT_ID)


def test_the_record_of_a_large_registration_fits_into_a_trace(caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    accepted = [RouteException(f"20.0.{n}.0/24", "é" * 500, date(2027, 1, 1)) for n in range(250)]
    large = Registration(("A" * 80,) * 50, exceptions=tuple(accepted), note="é" * 1000)
    log_registration(
        RegistrationChange(
            route_table_id=rid("one"),
            kind=ChangeKind.CHANGED,
            before=large,
            after=large,
            at=START,
            trigger=Trigger.HTTP,
            by="somebody",
        )
    )
    [record] = caplog.records
    assert len(record.getMessage()) < 32 * 1024
    assert records(caplog)[0]["after"]["exceptionsLeftOut"] == 240
