"""Records name who asked, and Application Insights shows them whole."""

import itertools
import json
import logging
from dataclasses import replace
from datetime import date, timedelta
from logging.handlers import BufferingHandler

import azure.functions as func
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import endpoints
from shared.domain import codes
from shared.domain.findings import Finding
from shared.domain.people.check_report import CheckReport
from shared.domain.people.health import Document, Measured, Measurements
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.runs.run import Trigger
from shared.endpoints import shell
from shared.log import (
    MOST_CHARACTERS,
    log_alert,
    log_check,
    log_outcome,
    log_registration,
    log_release,
    log_run,
)
from shared.sync.registrar import ChangeKind, RegistrationChange
from tests.builders.alerts import common
from tests.builders.azure import add_environment, add_table, rid, table_id, tag_document
from tests.builders.callers import OBJECT_ID, principal
from tests.builders.logs import received, records
from tests.builders.routes import to_firewall
from tests.builders.runs import START, register
from tests.storage.values import outcomes, runs


@pytest.fixture
def app(azure, make_app, monkeypatch):
    app = make_app(WEBSITE_AUTH_ENABLED="True")
    monkeypatch.setattr(shell, "app", lambda: app)
    add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    return app


def logged(log, *arguments, **named):
    """Return what this call logs. A test of many examples has no fixture for each."""
    logger, handler = logging.getLogger(__name__), BufferingHandler(10**6)
    logger.setLevel(logging.INFO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logger, "handlers", [handler])
        patch.setattr("shared.log._log", logger)
        log(*arguments, **named)
    return handler.buffer


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


@pytest.mark.parametrize(
    ("sent", "query", "body", "code"),
    [
        ({"transfer-encoding": "chunked"}, {}, b"", "LengthRequired"),
        ({}, {}, b"0" * (1024 * 1024 + 1), "BodyTooLarge"),
        ({}, {}, '{"schemaId": "für"}'.encode("cp1252"), "InvalidBody"),
        ({}, {"mode": "plan"}, b"{}", "InvalidQuery"),
        (principal("Reader"), {}, b"{}", "RoleNeeded"),
        (principal(ids=()), {}, b"{}", "PrincipalUnreadable"),
    ],
)
def test_an_alert_that_is_refused_leaves_an_error(app, caplog, sent, query, body, code):
    caplog.set_level(logging.INFO, "ase_route_sync")
    url = "https://app.invalid/api/alerts"
    refused = func.HttpRequest("POST", url, headers=sent, params=query, body=body)
    answer = endpoints.take_alert(refused, pytest.fail)
    [record] = records(caplog)
    assert (record["record"], record["error"]["code"]) == ("alert", code)
    assert json.loads(answer.get_body())["error"]["message"] == record["error"]["message"]
    assert [each.levelname for each in caplog.records] == ["ERROR"]


def test_the_record_of_an_alert_that_is_ignored_says_what_to_change(app, caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    log = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/w"
    body = json.dumps(common([log], signalType="Log")).encode()
    request = func.HttpRequest("POST", "https://app.invalid/api/alerts", body=body)
    answer = json.loads(endpoints.take_alert(request, pytest.fail).get_body())
    [record] = records(caplog)
    assert (record["record"], record["ignored"]) == ("alert", answer["ignored"])
    assert "split the alert rule" in record["ignored"]


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
    sent: list[str] = []
    assert endpoints.discover(by_an_operator(register=True), sent.append).status_code == 202
    run_id = json.loads(sent[0])["runId"]
    assert not app.task_runs.go_on(run_id)
    [run] = [r for r in records(caplog) if r["record"] == "run"]
    assert (run["runId"], run["action"], run["status"]) == (run_id, "discover", "Succeeded")
    assert run["requestedBy"] == OBJECT_ID
    [change] = [r for r in records(caplog) if r["record"] == "registration"]
    assert (change["change"], change["routeTableId"]) == ("discovered", table_id("two"))
    assert (change["before"], change["changedBy"]) == (None, OBJECT_ID)


def text_of(record):
    """Return the whole message, and see that Application Insights would cut nothing of it."""
    whole = record.getMessage()
    assert len(whole) <= MOST_CHARACTERS
    assert received(record) == whole
    return whole


@pytest.mark.parametrize(("text", "units"), [("a", 1), ("\N{MOTORWAY}", 2)])
def test_application_insights_cuts_what_is_longer_than_it_takes(text, units):
    for count in (32_768 // units, 32_768 // units + 1):
        record = logging.makeLogRecord({"msg": text * count})
        assert received(record) == text * (32_768 // units)


def test_the_record_of_a_large_registration_has_most_of_it(caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    accepted = [RouteException(f"20.0.{n}.0/24", "é" * 200, date(2027, 1, 1)) for n in range(250)]
    large = Registration(("A" * 80,) * 50, exceptions=tuple(accepted), note="é" * 1000)
    log_registration(
        RegistrationChange(
            route_table_id=rid("one"),
            kind=ChangeKind.CHANGED,
            before=large,
            after=replace(large, note="changed"),
            at=START,
            trigger=Trigger.HTTP,
            by="somebody",
            made_by_tag=False,
        )
    )
    [record] = caplog.records
    written = json.loads(text_of(record))
    assert written["changedBy"] == "somebody"
    assert written["after"]["note"] == "changed"
    for side in ("before", "after"):
        exceptions = written[side]["exceptions"]
        assert len(exceptions) >= 10
        assert len(exceptions) + written[side]["exceptionsLeftOut"] == 250


long_names = st.sampled_from(["rt", "r" * 80, "é" * 80, "路" * 80])
long_texts = st.sampled_from(["", "because", "ü" * 400, "\N{MOTORWAY}" * 5000, '"' * 40_000])
measured_tables = st.builds(
    lambda name, text, days, code: Measured(
        entry=RegisteredTable(rid(name), Registration(("AppServiceManagement",))),
        right_at=START - timedelta(days=days),
        error=Finding(code, text),
    ),
    long_names,
    long_texts,
    st.integers(0, 400),
    st.sampled_from([codes.AUTHORIZATION_FAILED, codes.ROUTE_TABLE_GONE]),
)
checks = st.builds(
    lambda drawn, count, unusable: CheckReport.of(
        Measurements(
            at=START,
            tables=[*itertools.islice(itertools.cycle(drawn), count)],
            unusable={table_id(f"{n}"): each for n, each in enumerate(unusable)},
            document=Document({}, START),
            tag_scope="",
            max_age_days=999,
        )
    ),
    st.lists(measured_tables, min_size=1, max_size=5),
    st.sampled_from([1, 60, 499, 500, 501, 10_000]),
    st.lists(st.builds(Finding, st.just(codes.AUTHORIZATION_FAILED), long_texts), max_size=400),
)


@given(checks)
@settings(deadline=None, max_examples=30)
def test_the_record_of_a_check_is_whole_and_lists_the_worst(report):
    written = [json.loads(text_of(record)) for record in logged(log_check, report)]
    [check] = [record for record in written if record["record"] == "check"]

    listed = check["routeTables"]
    assert len(listed) + check["routeTablesLeftOut"] == report.figures.tables
    assert len(listed) >= min(10, report.figures.tables)
    worst = [(table.right, table.days_since_right) for table in report.tables[: len(listed)]]
    assert [(table["right"], table["daysSinceRight"]) for table in listed] == worst
    assert len(check["unusable"]) + check.get("unusableLeftOut", 0) == len(report.unusable)
    assert len([r for r in written if r["record"] == "alarm"]) == len(report.alarms)


@given(runs, outcomes, long_texts, long_texts)
@settings(deadline=None)
def test_no_record_is_longer_than_application_insights_takes(run, outcome, text, other):
    error = Finding(codes.INTERNAL_ERROR, text)
    findings = (error,) * 900
    asked = replace(run.request, reason=text, requested_by=other)
    for log, arguments in (
        (log_run, (replace(run, request=asked, error=error),)),
        (log_outcome, (run, replace(outcome, error=error, findings=findings))),
    ):
        for record in logged(log, *arguments):
            assert json.loads(text_of(record))["runId"] == run.run_id
    for record in logged(log_alert, text, ignored=other):
        assert json.loads(text_of(record))["record"] == "alert"
    for record in logged(log_release, rid("one"), reason=text, requested_by=other):
        assert json.loads(text_of(record))["routeTableId"] == table_id("one")
